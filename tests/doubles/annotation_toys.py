"""What the tests of annotations draw: photos, and readers asked for all they find."""

from pathlib import Path

import numpy as np
from PIL import Image

from tagalign.data.annotations.formats import READERS
from tagalign.data.annotations.reader import AnnotationSource


def save_photos(folder, *names, size=(60, 80), orientation=1):
    """Grey photos; ``size`` is height and width as stored."""
    for name in names:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (size[1], size[0]), (90, 120, 60))
        exif = image.getexif()
        exif[0x0112] = orientation
        image.save(path, exif=exif)


def read_all(name, path, size=None, **about):
    """The photos of a file by their names, and the source that was read."""
    source = AnnotationSource(path=Path(path), size_of=lambda name: size, **about)
    photos = list(READERS[name].read(source))
    return {photo.name: photo for photo in photos}, source


def masks_by_label(photo):
    """The union of the masks of each label."""
    found = {}
    for region in photo.regions:
        mask = region.mask(photo.size)
        found[region.label] = found.get(region.label, np.zeros(photo.size, dtype=bool)) | mask
    return found
