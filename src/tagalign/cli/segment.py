"""``tagalign segment``: a label for every pixel of photos."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.batch_flow import BatchFlags
from tagalign.cli.common import (
    ErrorLog,
    ModelFlags,
    close_run,
    expand_images,
    print_json,
    progress,
    warn_tiny,
)
from tagalign.cli.label_flags import LabelFlags
from tagalign.cli.run_record import write_settings
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tasks.model import Model
    from tagalign.tasks.stream import Photo
    from tagalign.types import EncodedLabels, LabelSet, Segmentation


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentSettings(ModelFlags, LabelFlags, BatchFlags):
    """Give every pixel of photos one of your labels.

    Writes NAME.png (palette, ids as in labels.json) per photo, and pictures to look at on request.
    Example: tagalign segment photos/ --labels "dog,grass,sky" --model openai/clip-vit-base-patch16 --overlay
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Files, folders, glob patterns, or - for paths on standard input."""
    out: Path = Path("masks")
    """Folder for the results."""
    background: bool = False
    """Pixels below the method's threshold become `background`, id 0."""
    aliases: bool = False
    """Let the other words of a label set count for their label."""
    refine: str = "none"
    """Refinement by the colours of the photo: `none`, `pamr` or `crf`."""
    seen: str | None = None
    """Labels that count as trained on, with commas (trusty models); by default those that were."""
    unseen: str | None = None
    """Labels that count as new, with commas (trusty models). With --seen and without --labels, both lists are the labels."""
    short_side: int | None = None
    """Short side of the model's input in pixels; by default the method's own."""
    overlay: bool = False
    """Also write NAME.overlay.png: the photo with coloured labels and a legend; of a trusty model NAME.trusty.png too."""
    heat_maps: bool = False
    """Also write NAME.LABEL.heat.png for each label."""
    rle: bool = False
    """Write masks as COCO run-length code in Parquet parts: for many photos, with --shard, --engine and resume."""
    png: bool = False
    """With --rle: also write png/NAME.png per photo."""
    json: bool = False
    """Print one JSON object per photo on standard output."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_batch()
        if self.rle and (self.overlay or self.heat_maps):
            raise InputError("--rle writes run-length code; leave out --overlay and --heat-maps")
        if not self.rle and (self.png or self.shard != "0/1" or self.engine != "threads"):
            raise InputError(
                "--png, --shard and --engine belong to --rle, which writes parts that can be resumed"
            )

    def label_set(self) -> "LabelSet":
        """The labels meant; without --labels those of --seen and --unseen."""
        if self.labels is None and self.labels_file is None and self.seen and self.unseen:
            _refuse_both(self)
            return dataclasses.replace(self, labels=f"{self.seen},{self.unseen}").label_set()
        return LabelFlags.label_set(self)


def run(settings: SegmentSettings) -> int:
    """Segment all photos; one that fails is listed in ``errors.jsonl``."""
    labels = settings.label_set()
    _check_seen(settings)
    warn_tiny(settings.model)
    if settings.rle:
        from tagalign.cli.segment_many import run_rle

        return run_rle(settings, _dense_options(settings))
    paths = expand_images(settings.images)
    import tagalign
    from tagalign.tasks.stream import encode_photos, output_names

    model = tagalign.load(settings.model, **settings.options(), **_dense_options(settings))
    encoded = model.encode_labels(labels)
    names, done = output_names(paths), 0
    with ErrorLog(settings.out) as errors:
        photos = encode_photos(
            model, paths, batch_size=settings.batch_size, on_error=errors.add, workers=settings.workers
        )
        for photo in progress(photos, "segmenting", total=len(paths)):
            found = model.segment(photo.encoded, encoded, photo=photo.image)
            _write(settings, names[photo.path], photo, found)
            if settings.heat_maps:
                _write_heat(settings.out, names[photo.path], photo, model, encoded)
            done += 1
        if done:
            write_settings(settings.out, settings, model=model.method.describe(), labels=list(found.names))
        return close_run(done=done, errors=errors, what="masks", where=settings.out)


def _check_seen(settings: SegmentSettings) -> None:
    from tagalign.methods.load import trained_type

    if settings.seen is None and settings.unseen is None:
        return
    method = settings.method or trained_type(settings.model)
    if method != "trusty":
        raise InputError(
            f"--seen and --unseen belong to models of `tagalign train --method trusty`; "
            f"{settings.model} answers with {method or 'maskclip'}, which treats all labels alike"
        )


def _refuse_both(settings: SegmentSettings) -> None:
    from tagalign.tags.same_label import same_label

    seen = {same_label(name) for name in _names(settings.seen) or ()}
    for name in _names(settings.unseen) or ():
        if same_label(name) in seen:
            raise InputError(f"label {name!r} is given as --seen and as --unseen; take it out of one")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _dense_options(settings: SegmentSettings) -> dict[str, Any]:
    """Only what was asked for, so that methods without such an option need not know it."""
    asked = {
        "background_rule": settings.background,
        "use_aliases": settings.aliases,
        "refine": settings.refine if settings.refine != "none" else None,
        "short_side": settings.short_side,
        "seen": _names(settings.seen),
        "unseen": _names(settings.unseen),
    }
    return {name: value for name, value in asked.items() if value}


def _write(settings: SegmentSettings, name: str, photo: "Photo", found: "Segmentation") -> None:
    from tagalign.atomic import atomic_write
    from tagalign.export.masks import save_mask
    from tagalign.export.overlay import overlay
    from tagalign.export.trusty_picture import trusty_picture
    from tagalign.methods.trusty.method import TrustySegmentation

    path = settings.out / f"{name}.png"
    save_mask(path, found.labels, len(found.names))
    if settings.overlay:
        with atomic_write(settings.out / f"{name}.overlay.png") as temp:
            overlay(photo.image, found).save(temp, format="PNG")
        if isinstance(found, TrustySegmentation) and found.trusty is not None:
            with atomic_write(settings.out / f"{name}.trusty.png") as temp:
                trusty_picture(photo.image, found).save(temp, format="PNG")
    if settings.json:
        shares = {label: round(share, 6) for label, share in found.shares().items()}
        print_json({"path": str(photo.path), "mask": str(path), "shares": shares})


def _write_heat(out: Path, name: str, photo: "Photo", model: "Model", labels: "EncodedLabels") -> None:
    from tagalign.atomic import atomic_write
    from tagalign.export.overlay import heat_overlay

    if len(labels.names) > MAX_HEAT_MAPS:
        raise InputError(
            f"--heat-maps writes one picture per label: at most {MAX_HEAT_MAPS} labels, got {len(labels.names)}"
        )
    for label, heat in zip(labels.names, model.heat_maps(photo.encoded, labels), strict=True):
        with atomic_write(out / f"{name}.{safe_name(label)}.heat.png") as temp:
            heat_overlay(photo.image, heat, label).save(temp, format="PNG")


MAX_HEAT_MAPS = 100


def safe_name(label: str) -> str:
    """A label as part of a file name: letters and digits of any script, the rest as ``_``."""
    return "".join(c if c.isalnum() else "_" for c in label)[:60]
