"""From results of the library to what responses hold."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from tagalign.apps.server.mask_store import MASKS
from tagalign.apps.server.schemas import (
    CaptionResponse,
    HitResponse,
    ImageResponse,
    MaskForm,
    ReferResponse,
    RegionMask,
    SearchResponse,
    SegmentResponse,
    TagResponse,
    TagScore,
)
from tagalign.export.coco import polygon_lists, rle
from tagalign.export.masks import mask_image
from tagalign.export.records import Region, regions
from tagalign.types import Caption, Instance, Ranking, Referring, Segmentation, Tagging

PALETTE = ("png", "url")
"""Forms that are one palette image."""


def tag_response(tagging: Tagging, top: int | None) -> TagResponse:
    """All labels, or the ``top`` best, by falling score."""
    best = tagging.top(len(tagging.names) if top is None else top)
    return TagResponse(
        tags=[TagScore(name=name, score=round(score, 6)) for name, score in best], chosen=list(tagging.tags)
    )


def segment_response(
    found: Segmentation, form: MaskForm, min_area: int, instances: Sequence[Instance] | None = None
) -> SegmentResponse:
    """The label map as one PNG, or its regions one by one.

    Args:
        found: the label map; its own instances are the regions.
        form: of the masks.
        min_area: of regions.
        instances: objects that are listed beside.
    """
    height, width = found.labels.shape
    common: dict[str, Any] = {"size": [height, width], "names": list(found.names), "shares": found.shares()}
    if instances is not None:
        common["instances"] = [_region(_as_region(one), "rle") for one in instances]
    if form in PALETTE:
        return SegmentResponse(**common, mask_png=png_base64(found.labels, len(found.names)))
    parts = regions(found, min_area=min_area)
    return SegmentResponse(**common, regions=[_region(region, form) for region in parts])


def _as_region(instance: Instance) -> Region:
    return Region(
        label=instance.label,
        name=instance.name,
        box=instance.box,
        mask=instance.inside.numpy(),
        area=instance.area,
        score=instance.score,
        size=instance.size,
    )


def _region(region: Region, form: MaskForm) -> RegionMask:
    return RegionMask(
        name=region.name,
        box=list(region.box),
        area=region.area,
        score=round(region.score, 6),
        segmentation=rle(region) if form == "rle" else polygon_lists(region),
    )


def refer_response(found: Referring, form: MaskForm) -> ReferResponse:
    """Box, score and mask of a phrase."""
    height, width = found.mask.shape
    common: dict[str, Any] = {
        "size": [height, width],
        "box": None if found.box is None else list(found.box),
        "score": round(found.score, 6),
    }
    if form in PALETTE:
        return ReferResponse(**common, mask_png=png_base64(found.mask.long(), 2))
    region = _whole(found)
    return ReferResponse(**common, segmentation=rle(region) if form == "rle" else polygon_lists(region))


def _whole(found: Referring) -> Region:
    """The mask of a phrase as one region of the whole image."""
    height, width = found.mask.shape
    mask = found.mask.cpu().numpy()
    return Region(
        label=1,
        name=found.phrase,
        box=(0, 0, width, height),
        mask=mask,
        area=int(np.count_nonzero(mask)),
        score=found.score,
        size=(height, width),
    )


def caption_response(found: Caption) -> CaptionResponse:
    """A sentence and its tags."""
    return CaptionResponse(
        caption=found.text, tags={name: round(score, 6) for name, score in found.tags.items()}
    )


def search_response(found: Ranking) -> SearchResponse:
    """Hits, best first."""
    hits = [HitResponse(key=hit.key, score=round(hit.score, 6), tags=list(hit.tags)) for hit in found.hits]
    return SearchResponse(hits=hits)


def with_address(found: ImageResponse, put: Callable[[bytes], str]) -> ImageResponse:
    """The answer with the address of its palette image in place of the image.

    Args:
        found: of a question about masks.
        put: keeps a PNG and gives its name.
    """
    if not isinstance(found, SegmentResponse | ReferResponse) or found.mask_png is None:
        return found
    name = put(base64.b64decode(found.mask_png))
    return found.model_copy(update={"mask_png": None, "mask_url": f"{MASKS}{name}.png"})


def png_base64(labels: torch.Tensor, num_labels: int) -> str:
    """A label map as palette PNG in base64."""
    file = io.BytesIO()
    # level 1: a mask is a tenth larger than at the default of 6 and takes a third of the time
    mask_image(labels, num_labels).save(file, format="PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode("ascii")
