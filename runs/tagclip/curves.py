"""The paper's curves: lambda, mu1, mu2, layers."""

from collections.abc import Sequence

from bench import Bench
from scenes import Scenes
from scores import Row, tag_row
from settings import LAMBDAS, SHARES


def curves(bench: Bench, scenes: Scenes) -> dict[str, dict[str, Row]]:
    encoded = bench.tagger().encode_images(scenes.images)

    def sweep(name: str, values: Sequence[float]) -> dict[str, Row]:
        return {f"{v:g}": tag_row(bench.tag(scenes, encoded, **{name: v}), scenes.truth) for v in values}

    last = bench.clip.num_layers - 1
    single = {f"{i}": _layer_row(bench, scenes, (i,)) for i in range(last + 1)}
    fused = {f"{i} to {last - 1}": _layer_row(bench, scenes, tuple(range(i, last))) for i in range(last)}
    return {
        "lambda (Fig. S2)": sweep("local_weight", LAMBDAS),
        "mu1 (Fig. S1)": sweep("candidate_share", SHARES),
        "mu2 (Fig. S1)": sweep("region_share", SHARES),
        "one layer (Fig. 6)": single,
        "fused layers (Fig. 6)": fused,
    }


def _layer_row(bench: Bench, scenes: Scenes, layers: tuple[int, ...]) -> Row:
    taggings = bench.tag(scenes, refine_layers=layers)
    return tag_row(taggings, scenes.truth) | {"mIoU objects": bench.cls_seg(scenes, taggings)}
