"""What the papers use for the data sets of ``tagalign train --method trusty``."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Preset:
    """What the papers use for a data set, where a flag does not say otherwise.

    ``names_background``: the background is a class with a name, as in the 60 classes of PASCAL Context; else it is ignored.
    """

    benchmark: str
    split: str
    steps: int
    prompts: int
    templates: str
    warmup: int = 1500
    names_background: bool = False


PRESETS = {
    "voc2012": Preset("voc20", "train_aug", 20_000, 10, "1"),
    "voc20": Preset("voc20", "train_aug", 20_000, 10, "1"),
    "coco-stuff": Preset("coco-stuff", "train2017", 80_000, 100, "15"),
    "context59": Preset("context59", "train", 20_000, 10, "1"),
    "context60": Preset("context60", "train", 20_000, 10, "1", names_background=True),
    "ade20k": Preset("ade20k", "training", 80_000, 100, "1"),
    "ade20k-847": Preset("ade20k-847", "training", 80_000, 100, "1"),
    "cityscapes": Preset("cityscapes", "train", 20_000, 10, "1"),
    "tiny-world": Preset("tiny-world", "train", 400, 10, "1", warmup=30),
    "tiny-world-objects": Preset("tiny-world-objects", "train", 400, 10, "1", warmup=30),
}
OWN = Preset("own", "train", 20_000, 10, "1")
