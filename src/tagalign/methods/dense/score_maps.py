"""From patch embeddings and label embeddings to maps at the original size, a few labels at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from tagalign.labels import Size
from tagalign.methods.label_rows import best_rows, is_row_per_label, judged
from tagalign.ops.windows import average_windows, upsample, upsample_labels_innermost
from tagalign.types import EncodedImage, EncodedLabels, View

LEAST_COSINE = -1.0
UNIT_EPS = 1e-6  # TagAlign's release normalises with this floor
MAP_BUDGET = 2**26
"""Pixels x labels held at a time (256 MB in float32): 5,000 labels on a 24-megapixel photo stay bounded."""
CACHE_BUDGET = 2**22
"""The same on a processor: maps of 16 MB are compared before they leave its cache."""


@dataclass(frozen=True, kw_only=True)
class ScoreRule:
    """``probability = sigmoid(scale * cosine + bias)``, before or after the bilinear upsampling."""

    scale: float
    bias: float
    sigmoid_first: bool

    def probability(self, cosine: Tensor) -> Tensor:
        """In [0, 1]; strictly increasing in the cosine."""
        return torch.sigmoid(self.scale * cosine + self.bias)


WeightedMaps = Sequence[tuple[float, EncodedImage]]
"""Encodings of one image with their weights; the weights sum to 1, the views are the same."""


def cosine_maps(
    view: View, labels: EncodedLabels, ids: range | None = None
) -> Float[Tensor, "labels rows cols"]:
    """Cosine of every patch with every label (its best alias), on the patch grid.

    Args:
        view: patch embeddings.
        labels: unit-length label embeddings.
        ids: the labels wanted; all when None.
    """
    ids = range(len(labels.names)) if ids is None else ids
    patches = F.normalize(view.embeds.float(), dim=-1, eps=UNIT_EPS)
    if is_row_per_label(labels):
        return (labels.embeds[ids.start : ids.stop] @ patches.T).unflatten(1, view.grid)
    rows = (labels.owners >= ids.start) & (labels.owners < ids.stop)
    cosine = labels.embeds[rows] @ patches.T
    best = best_rows(cosine, labels.owners[rows] - ids.start, len(ids), floor=LEAST_COSINE)
    return best.unflatten(1, view.grid)


def all_names(labels: EncodedLabels) -> EncodedLabels:
    """Labels with their negatives as further names, which ``best_names`` takes apart again."""
    if labels.negatives is None:
        return labels
    return replace(
        labels,
        embeds=torch.cat([labels.embeds, labels.negatives.embeds]),
        owners=torch.cat([labels.owners, labels.negatives.owners]),
    )


def best_names(
    cosines: Float[Tensor, "names height width"], labels: EncodedLabels
) -> Float[Tensor, "labels height width"]:
    """Cosines of ``all_names`` to cosines of labels: the best alias counts, nothing where a negative fits better."""
    size, flat, count = (cosines.shape[1], cosines.shape[2]), cosines.flatten(1), len(labels.embeds)
    best = best_rows(flat[:count], labels.owners, len(labels.names), floor=LEAST_COSINE)
    if labels.negatives is not None:
        theirs = best_rows(flat[count:], labels.negatives.owners, len(labels.names))
        best = best.masked_fill(theirs > best, -torch.inf)
    return best.unflatten(1, size)


def name_cosines(
    layers: "WeightedMaps", labels: EncodedLabels, size: Size, *, by_canvas: bool = False
) -> Float[Tensor, "names height width"]:
    """Cosine of every pixel with every name, aliases each by itself, before any scale.

    Args:
        layers: encodings of one image.
        labels: one row per name.
        size: of the maps.
        by_canvas: a lone view goes to the pixels of its canvas first, as windows do: SCLIP's protocol.
    """
    return _weighted_maps(layers, lambda view: _patch_cosines(view, labels.embeds), size, by_canvas=by_canvas)


def probability_maps(
    layers: WeightedMaps, labels: EncodedLabels, rule: ScoreRule, size: Size, ids: range | None = None
) -> Float[Tensor, "labels height width"]:
    """Probability of each label at each pixel: scored per view, averaged over views, resized to ``size``.

    0 where a negative of the label is likelier.

    Args:
        layers: encodings of one image.
        labels: one row per name.
        rule: from cosine to probability, before or after the upsampling.
        size: of the maps, height and width.
        ids: the labels wanted; all when None.
    """
    return judged(lambda asked: _probability_maps(layers, asked, rule, size, ids), labels, floor=0.0)


def _probability_maps(
    layers: WeightedMaps, labels: EncodedLabels, rule: ScoreRule, size: Size, ids: range | None
) -> Tensor:
    first = layers[0][1]
    if _orders_by_cosine(layers, rule):
        return rule.probability(_cosine_at(layers, labels, size, ids))
    if len(first.views) == 1:  # one view is the canvas: straight to the wanted size, no rounding in between
        return _score_view(layers, 0, labels, rule, size, ids)
    windows = []
    for i, view in enumerate(first.views):
        left, top, right, bottom = view.box
        windows.append((_score_view(layers, i, labels, rule, (bottom - top, right - left), ids), view.box))
    return upsample(average_windows(windows, first.canvas), size)


def _orders_by_cosine(layers: WeightedMaps, rule: ScoreRule) -> bool:
    """Whether a probability is one increasing function of one cosine, so that the best label can be found before it."""
    return len(layers) == 1 and len(layers[0][1].views) == 1 and not rule.sigmoid_first


def _cosine_at(layers: WeightedMaps, labels: EncodedLabels, size: Size, ids: range | None) -> Tensor:
    ((_, image),) = layers  # a lone layer weighs 1
    maps = cosine_maps(image.views[0], labels, ids)
    return upsample_labels_innermost(maps, size) if maps.device.type == "cpu" else upsample(maps, size)


def _score_view(
    layers: WeightedMaps, index: int, labels: EncodedLabels, rule: ScoreRule, size: Size, ids: range | None
) -> Tensor:
    maps = [(weight, cosine_maps(image.views[index], labels, ids)) for weight, image in layers]
    if rule.sigmoid_first:
        return upsample(sum(weight * rule.probability(m) for weight, m in maps), size)  # type: ignore[arg-type]
    return sum(weight * rule.probability(upsample(m, size)) for weight, m in maps)  # type: ignore[return-value]


def contrast_map(layers: WeightedMaps, labels: EncodedLabels, size: Size) -> Float[Tensor, "height width"]:
    """Cosine with the first label minus cosine with the first background word, on the canvas, resized to ``size``."""
    direction = labels.embeds[:1] - labels.background[:1]
    return _weighted_maps(layers, lambda view: _patch_cosines(view, direction), size)[0]


def _weighted_maps(
    layers: WeightedMaps, of_view: Callable[[View], Tensor], size: Size, *, by_canvas: bool = False
) -> Tensor:
    """Maps that are linear in the embeddings: summed over layers, averaged over views, resized to ``size``."""
    first = layers[0][1]
    windows = []
    for i, view in enumerate(first.views):
        maps = [weight * of_view(image.views[i]) for weight, image in layers]
        left, top, right, bottom = view.box
        whole = size if len(first.views) == 1 and not by_canvas else (bottom - top, right - left)
        windows.append((upsample(torch.stack(maps).sum(dim=0), whole), view.box))
    return (
        upsample(windows[0][0], size)
        if len(windows) == 1
        else upsample(average_windows(windows, first.canvas), size)
    )


def _patch_cosines(
    view: View, embeds: Float[Tensor, "rows dim"]
) -> Float[Tensor, "rows grid_rows grid_cols"]:
    patches = F.normalize(view.embeds.float(), dim=-1, eps=UNIT_EPS)
    return (embeds @ patches.T).unflatten(1, view.grid)


def label_chunks(num_labels: int, size: Size, canvas: Size, budget: int = MAP_BUDGET) -> Iterator[range]:
    """Ranges of label ids whose maps fit into a budget together; one label at least.

    Args:
        num_labels: in all.
        size: of the maps.
        canvas: of the encoded image: maps of windows are averaged at its size.
        budget: pixels x labels held at a time.
    """
    pixels = max(size[0] * size[1], canvas[0] * canvas[1], 1)
    step = max(1, budget // pixels)
    for start in range(0, num_labels, step):
        yield range(start, min(start + step, num_labels))


def best_labels(
    layers: WeightedMaps, labels: EncodedLabels, rule: ScoreRule, size: Size
) -> tuple[Float[Tensor, "height width"], Int[Tensor, "height width"]]:
    """Best probability and its label at every pixel, with bounded memory; a tie goes to the earlier label.

    Args:
        layers: encodings of one image.
        labels: one row per name.
        rule: from cosine to probability.
        size: of the result, height and width.
    """
    by_cosine = _orders_by_cosine(layers, rule)
    budget = CACHE_BUDGET if labels.embeds.device.type == "cpu" else MAP_BUDGET
    best, best_ids = _running_best(
        (
            ids.start,
            judged(lambda asked, ids=ids: _cosine_at(layers, asked, size, ids), labels, floor=-torch.inf)  # type: ignore[misc]
            if by_cosine
            else probability_maps(layers, labels, rule, size, ids),
        )
        for ids in label_chunks(len(labels.names), size, layers[0][1].canvas, budget)
    )
    return rule.probability(best) if by_cosine else best, best_ids


def best_of_maps(
    maps: Float[Tensor, "labels rows cols"], size: Size
) -> tuple[Float[Tensor, "height width"], Int[Tensor, "height width"]]:
    """Best score and its label of maps that are brought to a size, some labels at a time; a tie goes to the earlier one."""
    if maps.shape[1:] == size or maps.device.type != "cpu":
        found = upsample(maps, size).max(dim=0)
        return found.values, found.indices
    chunks = label_chunks(len(maps), size, size, CACHE_BUDGET)
    return _running_best(
        (ids.start, upsample_labels_innermost(maps[ids.start : ids.stop], size)) for ids in chunks
    )


def _running_best(
    parts: Iterator[tuple[int, Float[Tensor, "labels height width"]]],
) -> tuple[Float[Tensor, "height width"], Int[Tensor, "height width"]]:
    """Of maps that come a few at a time with the id of the first."""
    best: Tensor | None = None
    best_ids: Tensor | None = None
    for start, maps in parts:
        scores, local = maps.max(dim=0)
        local = local + start
        if best is None or best_ids is None:
            best, best_ids = scores, local
        else:
            better = scores > best
            best, best_ids = torch.where(better, scores, best), torch.where(better, local, best_ids)
    if best is None or best_ids is None:
        raise AssertionError("a label set is never empty")
    return best, best_ids
