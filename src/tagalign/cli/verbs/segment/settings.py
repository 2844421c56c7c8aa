"""The flags of ``tagalign segment``."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tagalign.cli.shared.choices import RefinementChoice
from tagalign.cli.shared.flag_values import check_least
from tagalign.cli.shared.label_flags import PromptFlags
from tagalign.cli.shared.look_flow import look_folder
from tagalign.cli.shared.model_flags import ModelFlags
from tagalign.cli.shared.photo_flow import LabelRunFlags
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.labels import LabelSet


AUTO_REGIONS = "auto"
MASK_GENERATOR = "facebook/sam-vit-base"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentSettings(ModelFlags, PromptFlags, LabelRunFlags):
    """Give every pixel of photos one of your labels.

    Writes NAME.png per photo (palette; what the ids mean stands in settings.json), masks.jsonl (which photo each belongs to)
    and index.html. A run that was stopped goes on where it was when the same command is given again.
    Example: tagalign segment photos/ --labels "dog,grass,sky" --model openai/clip-vit-base-patch16 --overlay
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, lists of paths (.txt), tars, or - for paths on standard input."""
    out: Path = Path("masks")
    """Folder for the results."""
    background: bool = False
    """Pixels that no label is sure of, or that a background word fits better, become `background`, id 0."""
    threshold: float | None = None
    """With --background: a pixel is background where its best probability is at most this; by default the method's own."""
    look: Path | None = None
    """A look at the folder (from `tagalign look`), for methods that tag before they segment."""
    aliases: bool = True
    """The other words of a label set count for their label."""
    refine: RefinementChoice = None
    """Masks follow the colours of the photo; by default they do not."""
    seen: str | None = None
    """Labels that count as trained on, with commas (trusty models); by default those that were."""
    unseen: str | None = None
    """Labels that count as new, with commas (trusty models). With --seen and without --labels, both lists are the labels."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the method's own."""
    stitch: bool = False
    """Cut the photo into windows and join them before the last block of the encoder, which then sees the whole photo."""
    regions: str | None = None
    """Masks of others that each take one label: an id PNG, a COCO JSON, a folder of either (NAME.png, NAME.json), or
    `auto` for those of --mask-generator. Each is an instance then."""
    mask_generator: str = MASK_GENERATOR
    """With --regions auto: a SAM, SAM 2 or panoptic model, as a folder or a hub id."""
    points_per_side: int | None = None
    """With --regions auto and a SAM: points of the grid it is asked at, per side; by default 8. 32 is slow and finer."""
    region_option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """With --regions: name=value, as often as needed: profile (fixed, released), min_pixels, max_share, min_share,
    background_votes."""
    instances: bool = False
    """Also tell objects apart without --regions: each connected part of a label is an instance."""
    min_area: int | None = None
    """With --instances: smaller parts are none, in pixels; by default 64."""
    companion: str | None = None
    """With --method proxy: the second encoder, a DINO ViT or DINOv2 (folder or hub id); by default facebook/dinov2-base."""
    companion_cache: Path | None = None
    """With --method proxy: a folder that keeps what the companion sees (3 MB a window), for other labels later."""
    overlay: bool = False
    """Also write NAME.overlay.png: the photo with coloured labels and a legend; of a trusty model NAME.trusty.png too."""
    heat_maps: bool = False
    """Also write NAME.LABEL.heat.png for each label, at the size of a screen (--heat-side asks for more)."""
    heat_side: int = 1600
    """Longer side of heat maps at most, in pixels; 0 keeps the size of the photo."""
    rle: bool = False
    """Write masks as COCO run-length code in Parquet parts instead: for many photos."""
    png: bool = False
    """With --rle: also write png/NAME.png per photo."""
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_run()
        check_least(self, {"short_side": 1, "heat_side": 0})
        if self.order == "errors":
            raise InputError(
                "--order errors counts labels of `tag`; for masks choose entropy, margin or disagreement"
            )
        if self.rle and (self.overlay or self.heat_maps):
            raise InputError("--rle writes run-length code; leave out --overlay and --heat-maps")
        self._check_instances()
        self._check_decode()
        look_folder(self.look)
        if self.png and not self.rle:
            raise InputError("--png belongs to --rle; without it there is a PNG per photo anyway")

    def _check_decode(self) -> None:
        needing = {
            "--overlay": self.overlay,
            "--heat-maps": self.heat_maps,
            "--regions": self.regions is not None,
        }
        if self.fast_decode and any(needing.values()):
            flag = next(name for name, given in needing.items() if given)
            raise InputError(f"{flag} needs every pixel of the photo; leave it or --fast-decode out")

    def _check_instances(self) -> None:
        if self.regions is None and self.region_option:
            raise InputError("--region-option belongs to --regions; give masks too, or leave it out")
        if self.regions != AUTO_REGIONS and (
            self.mask_generator != MASK_GENERATOR or self.points_per_side is not None
        ):
            raise InputError("--mask-generator and --points-per-side belong to --regions auto; add it")
        if self.regions is not None and self.instances:
            raise InputError("with --regions every region is an instance already; leave out --instances")
        if self.min_area is not None and (not self.instances or self.min_area < 0):
            raise InputError(
                f"--min-area takes pixels from 0 and belongs to --instances, got {self.min_area}"
            )

    @property
    def _are_seen_and_unseen(self) -> bool:
        return self.labels is None and self.labels_file is None and bool(self.seen and self.unseen)

    def check_labels(self) -> None:
        """Refuse no labels and two lists of them; --seen with --unseen is one."""
        if not self._are_seen_and_unseen:
            super().check_labels()

    def label_set(self) -> "LabelSet":
        """The labels meant; without --labels those of --seen and --unseen."""
        if self._are_seen_and_unseen:
            _refuse_both(self)
            return dataclasses.replace(self, labels=f"{self.seen},{self.unseen}").label_set()
        return PromptFlags.label_set(self)


def _refuse_both(settings: SegmentSettings) -> None:
    from tagalign.tags.same_label import same_label

    seen = {same_label(name) for name in names_of(settings.seen) or ()}
    for name in names_of(settings.unseen) or ():
        if same_label(name) in seen:
            raise InputError(f"label {name!r} is given as --seen and as --unseen; take it out of one")


def names_of(text: str | None) -> list[str] | None:
    """Labels between commas; None where the flag is not given."""
    from tagalign.tags.same_label import split_names

    return None if text is None else list(filter(None, split_names(text)))
