"""The trusty map beside the result it weighed."""

from typing import TYPE_CHECKING

from PIL import Image

from tagalign.errors import InputError
from tagalign.export import drawing
from tagalign.export.overlay import heat_overlay, overlay

if TYPE_CHECKING:
    from tagalign.methods.trusty.method import TrustySegmentation

GAP = 8  # pixels between the pictures
TITLE = "trusty map: a class seen in training"


def trusty_picture(image: Image.Image, found: "TrustySegmentation", *, opacity: float = 0.5) -> Image.Image:
    """The photo under its labels on the left, under its trusty map on the right, each with a legend.

    Bright pixels of the map belong to a seen class, dark ones to a new one (or to background).

    Args:
        image: the photo.
        found: what ``TrustyCLIP.segment`` returned for it.
        opacity: of the label colours.

    Raises:
        InputError: if the trusty token was not used, or the sizes differ.
    """
    if found.trusty is None:
        raise InputError(
            "there is no trusty map: the model has no trusty token, or the labels are all seen or all new; "
            "name some as seen and some as unseen"
        )
    parts = [overlay(image, found, opacity=opacity), heat_overlay(image, found.trusty, TITLE)]
    width = sum(part.width for part in parts) + GAP
    sheet = Image.new("RGB", (width, max(part.height for part in parts)), drawing.PAPER)
    left = 0
    for part in parts:
        sheet.paste(part, (left, 0))
        left += part.width + GAP
    return sheet
