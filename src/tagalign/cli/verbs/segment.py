"""``tagalign segment``: a label for every pixel of photos."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.shared.choices import Refinement
from tagalign.cli.shared.label_flags import PromptFlags
from tagalign.cli.shared.look_flow import look_folder
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cli.shared.output import print_json
from tagalign.cli.shared.photo_flow import Flow, LabelRunFlags, cache_option, title_of, write_page
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tasks.photos.job import Job, JobSpec
    from tagalign.tasks.photos.region_choice import RegionChoice
    from tagalign.tasks.photos.sinks import Sink
    from tagalign.tasks.photos.stream import Answered
    from tagalign.types import LabelSet


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
    refine: Refinement = None
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
        if self.order == "errors":
            raise InputError(
                "--order errors counts labels of `tag`; for masks choose entropy, margin or disagreement"
            )
        if self.rle and (self.overlay or self.heat_maps):
            raise InputError("--rle writes run-length code; leave out --overlay and --heat-maps")
        self._check_instances()
        look_folder(self.look)
        if self.heat_side < 0:
            raise InputError(f"--heat-side must be at least 0, got {self.heat_side}")
        if self.png and not self.rle:
            raise InputError("--png belongs to --rle; without it there is a PNG per photo anyway")

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

    def label_set(self) -> "LabelSet":
        """The labels meant; without --labels those of --seen and --unseen."""
        if self.labels is None and self.labels_file is None and self.seen and self.unseen:
            _refuse_both(self)
            return dataclasses.replace(self, labels=f"{self.seen},{self.unseen}").label_set()
        return PromptFlags.label_set(self)


def run(settings: SegmentSettings) -> int:
    """Segment all photos; one that fails is listed in ``errors.jsonl``."""
    from tagalign.tasks.photos.inputs import refuse_missing

    settings.prompted_labels()  # what was typed wrongly is said before a model is looked for
    refuse_missing(settings.images)
    spec = _spec(settings)
    _check_seen(settings)
    warn_tiny(settings.model)
    job = spec.open()
    flow = Flow(
        flags=settings,
        settings=settings,
        images=settings.images,
        out=settings.out,
        names=lambda answered: job.mask_names() if answered is None else answered.answer.names,
        on_done=partial(_print_row, settings) if settings.json else None,
        with_names=settings.regions is not None,
    )
    masks = flow.run(spec, job, _sink(settings, job))
    if settings.summary:
        from tagalign.export.under_masks import photos_under_masks

        title, names = title_of("Masks", settings.images), flow.label_names(job)
        write_page(masks, job, names, title, order=settings.order, opener=photos_under_masks(settings.out))
    return flow.close(masks, "mask")


def _spec(settings: SegmentSettings) -> "JobSpec":
    from tagalign.tasks.photos.job import JobSpec
    from tagalign.tasks.photos.questions import SegmentQuestion

    facts = settings.job_facts("segment", **_mask_options(settings))
    facts["options"] |= cache_option(settings)
    if settings.companion_cache is not None:
        facts["options"] |= {"companion_cache": settings.companion_cache}
    _check_look(settings, facts["method"])
    return JobSpec(
        question=SegmentQuestion(
            labels=_asked(settings, facts), regions=_regions(settings), min_area=_min_area(settings)
        ),
        **facts,
        workers=settings.workers,
        disagreement=settings.disagreement,
    )


def _regions(settings: SegmentSettings) -> "RegionChoice | None":
    if settings.regions is None:
        return None
    from tagalign.methods.options import build_options, split_assignments
    from tagalign.tasks.photos.region_choice import RegionChoice
    from tagalign.tasks.photos.region_files import is_one_photo
    from tagalign.tasks.regions.options import RegionOptions

    given = split_assignments(settings.region_option, "--region-option", "min_pixels=16")
    options = build_options(RegionOptions, given, owner="--regions")
    if settings.regions == AUTO_REGIONS:
        return RegionChoice(
            generator=settings.mask_generator,
            options=options,
            points_per_side=settings.points_per_side,
            device=settings.device,
        )
    return RegionChoice(
        files=Path(settings.regions), only_photo=is_one_photo(settings.images), options=options
    )


def _min_area(settings: SegmentSettings) -> int | None:
    from tagalign.tasks.regions.options import MIN_AREA

    if not settings.instances:
        return None
    return MIN_AREA if settings.min_area is None else settings.min_area


def _check_look(settings: SegmentSettings, method: str) -> None:
    from tagalign.methods.table import look_acts, methods

    if settings.look is None or look_acts(method, "segment"):
        return
    from tagalign.methods.looks.files import read_look

    if not settings.look.exists() or read_look(settings.look).experts is None:
        able = ", ".join(name for name in methods(can="segment") if look_acts(name, "segment"))
        raise InputError(
            f"--look does not act on masks of method {method!r}; it does with {able}, and with dense methods where it "
            "was made with --experts"
        )


def _asked(settings: SegmentSettings, facts: dict[str, Any]) -> "LabelSet":
    """The labels; background words that would not act are refused where a flag asks for them, else left out."""
    from tagalign.methods.table import background_words_act

    labels = settings.prompted_labels()
    method, has_background = facts["method"], bool(facts["options"].get("background_rule"))
    if not labels.background or background_words_act(method, "segment", has_background=has_background):
        return labels
    if settings.background_words is not None:
        raise InputError(
            f"--background-words {settings.background_words} does not act: without --background, method {method!r} has no "
            "class that the words could win for; add --background"
        )
    return dataclasses.replace(labels, background=())


def _sink(settings: SegmentSettings, job: "Job") -> "Sink":
    from tagalign.cli.shared.mask_sinks import MaskFiles, MaskParts, heat_names

    if settings.rle:
        has_instances = settings.regions is not None or settings.instances
        return MaskParts(png=settings.out / "png" if settings.png else None, instances=has_instances)
    heat_maps = heat_names(job) if settings.heat_maps else ()
    return MaskFiles(
        folder=settings.out, overlay=settings.overlay, heat_maps=heat_maps, heat_side=settings.heat_side
    )


def _print_row(settings: SegmentSettings, answered: "Answered") -> None:
    from tagalign.cli.shared.mask_sinks import rounded_shares
    from tagalign.tasks.photos.rows import instance_rows

    row = {"path": answered.source.key}
    if not settings.rle:
        row["mask"] = str(settings.out / f"{answered.source.name}.png")
    print_json(row | {"shares": rounded_shares(answered.answer), **instance_rows(answered.answer)})


def _check_seen(settings: SegmentSettings) -> None:
    if settings.seen is None and settings.unseen is None:
        return
    method = settings.options("segment")["method"]
    if method != "trusty":
        raise InputError(
            f"--seen and --unseen belong to models of `tagalign train --method trusty`; "
            f"{settings.model} answers with {method}, which treats all labels alike"
        )


def _refuse_both(settings: SegmentSettings) -> None:
    from tagalign.tags.same_label import same_label

    seen = {same_label(name) for name in _names(settings.seen) or ()}
    for name in _names(settings.unseen) or ():
        if same_label(name) in seen:
            raise InputError(f"label {name!r} is given as --seen and as --unseen; take it out of one")


def _names(text: str | None) -> list[str] | None:
    from tagalign.tags.same_label import split_names

    return None if text is None else list(filter(None, split_names(text)))


def _mask_options(settings: SegmentSettings) -> dict[str, Any]:
    """Only what was asked for; a method without such an option refuses it."""
    asked = {
        "background_rule": settings.background,
        "background_threshold": settings.threshold,
        "look": settings.look,
        "refine": settings.refine,
        "short_side": settings.short_side,
        "stitch": settings.stitch,
        "companion": settings.companion,
        "seen": _names(settings.seen),
        "unseen": _names(settings.unseen),
    }
    given = {name: None if value is False else value for name, value in asked.items()}
    return given if settings.aliases else {**given, "use_aliases": False}
