"""The flags of ``tagalign evaluate``."""

import dataclasses
from pathlib import Path

from tagalign.backbones.packaged import TINY
from tagalign.cli.shared.choices import BackgroundWords, Protocol, RefinementChoice, Task, Templates, Wording
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.model_flags import PHOTO_MODEL, ModelFlags
from tagalign.errors import InputError

TINY_DATA = "tiny-world"
CALIBRATE = "calibrate:"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateSettings(ModelFlags):
    """Score a model on a benchmark (`tagalign data list` shows all).

    Writes result.json, result.md, report.html and rows.jsonl into --out; run it again with the same flags to go on
    after a stop. Example: tagalign evaluate --data voc21 --path VOCdevkit/VOC2012 --protocol groupvit-448
    --model openai/clip-vit-base-patch16 --method maskclip --out results/voc21-maskclip
    """

    data: str = TINY_DATA
    """Name of the benchmark."""
    path: Path | None = None
    """Its folder; the tiny world has none."""
    split: str | None = None
    """Its split; by default the one that papers report."""
    image_list: Path | None = None
    """Only the images of a list, one name a line. The numbers behind a name are the ids of its labels, counted from 0, and
    replace those of a tagging benchmark, as TagCLIP's release lists them."""
    task: Task | None = None
    """What is asked; by default what the benchmark is for. `retrieval` ranks images and sentences of a caption
    benchmark; `caption-tags` takes the tags of a tagging benchmark from the captions that a model writes."""
    protocol: Protocol = "plain"
    """Sizes, windows, prompts and words, as papers evaluate."""
    wording: Wording | None = None
    """`plain` (official names), `clean` (readable), `aliases` (other words count too), or `both`: plain and aliases, one
    after the other, into two folders below --out; by default the protocol's."""
    labels_file: Path | None = None
    """Other words for the same classes: one per line, or a label set in JSON, in the order of the classes."""
    templates: Templates | None = None
    """Prompts that the names are put into, by the name of the set; by default the protocol's or the method's."""
    background_words: BackgroundWords | None = None
    """Words that compete and are never answered; by default the protocol's."""
    wordnet: Path | None = None
    """Folder of WordNet (its index files): words of one sense match in the SPICE of captions; by default words match as
    their lemmas."""
    refine: RefinementChoice = None
    """Label maps follow the colours of the photo; by default they do not."""
    threshold: str | None = None
    """From which score on a pixel is no background, a region belongs to a phrase, a tag is chosen: a number (tags also
    relative:0.5 or top:5), or calibrate:N for masks: the best background threshold on N images of --calibrate-split."""
    calibrate_split: str | None = None
    """Split for --threshold calibrate:N; by default the benchmark's first that is not tested on."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the protocol's or the method's."""
    stitch: bool = False
    """Cut images into windows and join them before the last block of the encoder, which then sees the whole image."""
    cross_dataset: bool = False
    """TrustyCLIP on another data set than it was trained on: all names count as seen, the trusty token is left out."""
    tag_weight: float | None = None
    """Of --task retrieval: weight of the tags that image and sentence share beside the cosine (search has 0.3); by default
    the cosine alone counts, as in the tables of CLIP."""
    rerank: int = 0
    """Of --task retrieval: so many of the best of each query are looked at again with the matching head (Tag2Text)."""
    out: Path = Path("evaluation")
    """Folder for the results."""
    limit: int | None = None
    """Only the first images; the result says so."""
    shard: str = "0/1"
    """`i/n`: every n-th batch from the i-th on; the last process to finish writes the result."""
    workers: int = 2
    """Threads that read images and masks."""
    allow_missing: bool = False
    """Print a number although images are missing."""
    resamples: int = 1000
    """Drawings of the images for the 95 % intervals; 0 for none."""
    seed: int = 0
    """Of these drawings."""
    gallery: int = 6
    """Best and worst images shown in the page; 0 for none."""
    json: bool = False
    """Print the metrics as one JSON object on standard output."""

    def auto_model(self) -> str:
        """The photo model; for drawn scenes the one that knows them."""
        return TINY if self.data.startswith(TINY_DATA) else PHOTO_MODEL

    def __post_init__(self) -> None:
        super().__post_init__()
        calibration_count(self.threshold)
        if self.task != "retrieval" and (self.tag_weight is not None or self.rerank):
            raise InputError("--tag-weight and --rerank rank images and sentences; add --task retrieval")
        check_least(self, {"limit": 1, "workers": 1, "short_side": 1})
        check_least(self, {"resamples": 0, "seed": 0, "gallery": 0, "tag_weight": 0, "rerank": 0})


def calibration_count(threshold: str | None) -> int | None:
    """N of ``calibrate:N``; None for a threshold of another form.

    >>> calibration_count("calibrate:50"), calibration_count("0.3")
    (50, None)

    Raises:
        InputError: for a number that is none.
    """
    if threshold is None or not threshold.startswith(CALIBRATE):
        return None
    count = threshold.removeprefix(CALIBRATE)
    if not count.isdecimal() or int(count) < 1:
        raise InputError(f"--threshold {threshold}: expected calibrate:N with a number of images from 1")
    return int(count)
