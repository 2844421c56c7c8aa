"""``tagalign export``: masks and tags in the formats of other tools, and models as ONNX."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from tagalign.cli.shared.bars import progress
from tagalign.cli.shared.label_flags import LabelFlags
from tagalign.cli.shared.model_flags import ModelFlags
from tagalign.cli.shared.output import counted
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.export import records


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResultFlags:
    """Flags about the results."""

    results: Annotated[Path, tyro.conf.Positional]
    """Folder that `tagalign segment` or `tagalign tag` wrote."""
    photos: Path | None = None
    """Folder of the photos; file names become relative to it."""
    min_area: int = 0
    """Leave out smaller regions, in pixels."""

    def images(self) -> Iterator["records.Annotated"]:
        """What the folder holds."""
        from tagalign.export.results import read_results

        return progress(read_results(self.results, photos=self.photos), "exporting")

    def check(self) -> None:
        """Refuse values that cannot be used.

        Not in ``__post_init__``: tyro draws a box around errors of subcommands, and they are to be one line.
        """
        if self.min_area < 0:
            raise InputError(f"--min-area must be at least 0, got {self.min_area}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coco(ResultFlags):
    """COCO annotations that pycocotools reads.

    Example: tagalign export coco masks/ --photos photos/ --out annotations.json
    """

    out: Path = Path("annotations.json")
    """The JSON file."""
    form: Literal["rle", "polygons"] = "rle"
    """`rle` is exact; `polygons` stay within 2 % of the area."""
    stuff: bool = False
    """One annotation per label and image, as COCO-Stuff has them; else one per connected part."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Yolo(ResultFlags):
    """YOLO segmentation: labels/NAME.txt and data.yaml; put the photos into images/ beside them.

    Example: tagalign export yolo masks/ --photos photos/ --out dataset
    """

    out: Path = Path("dataset")
    """The folder of the data set."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelStudio(ResultFlags):
    """Label Studio tasks with masks or tags as predictions, and the setting of their project.

    Example: tagalign export label-studio masks/ --image-url "/data/local-files/?d=" --out tasks.json
    """

    out: Path = Path("tasks.json")
    """The tasks; the project's setting is written beside them as NAME.xml."""
    image_url: str = ""
    """Put before every file name; the names are percent-encoded, as addresses want it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cvat(ResultFlags):
    """CVAT for images 1.1.

    Example: tagalign export cvat masks/ --photos photos/ --out annotations.xml
    """

    out: Path = Path("annotations.xml")
    """The XML file."""
    form: Literal["masks", "polygons"] = "masks"
    """`masks` are exact; `polygons` are easier to correct by hand."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table(ResultFlags):
    """Tags as a table: CSV (one line per tag) or Parquet (one row per image), by the ending of --out.

    Example: tagalign export table tags/ --out tags.csv
    """

    out: Path = Path("tags.csv")
    """A .csv or .parquet file."""

    def check(self) -> None:
        """See ``ResultFlags``."""
        super().check()
        if self.out.suffix not in {".csv", ".parquet"}:
            raise InputError(f"--out must end in .csv or .parquet, got {self.out}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Onnx(ModelFlags, LabelFlags):
    """A dense model as ONNX: encoder and projector for any batch and size, and the text embeddings of labels.

    examples/onnx_segment.py segments with it, without PyTorch.
    Example: tagalign export onnx --model openai/clip-vit-base-patch16 --labels "dog,grass,sky" --out exported
    """

    out: Path = Path("exported")
    """Folder for encoder.onnx, labels.npz and model.json."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hub:
    """A trained folder on the Hugging Face hub, with a model card made from it; private unless asked otherwise.

    Everything on the top of the folder is sent; paths of your machine are cut to their last name. --dry-run lists it.
    Example: tagalign export hub my-model/ --repo user/my-model --licence apache-2.0
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder that `tagalign train` wrote."""
    repo: str
    """USER/NAME on the hub; made if missing."""
    licence: str = "other"
    """The hub's word for the licence of the weights."""
    public: bool = False
    """Everyone sees a new repository."""
    keep_paths: bool = False
    """Send settings.json and config.json as they are, with the paths of your machine."""
    dry_run: bool = False
    """Print the card and the files, send nothing."""


def run(settings: Coco | Yolo | LabelStudio | Cvat | Table | Onnx | Hub) -> int:
    """Write one format."""
    if isinstance(settings, Hub):
        return _hub(settings)
    if isinstance(settings, Onnx):
        return _onnx(settings)
    settings.check()
    count, what = _write(settings)
    print(f"{counted(count, what)} written to {settings.out}", file=sys.stderr)
    return 0


def _write(settings: Coco | Yolo | LabelStudio | Cvat | Table) -> tuple[int, str]:
    if isinstance(settings, Coco):
        return _coco(settings), "annotation"
    if isinstance(settings, Yolo):
        from tagalign.export.yolo import write_yolo

        return write_yolo(settings.out, settings.images(), min_area=settings.min_area), "image"
    if isinstance(settings, LabelStudio):
        return _label_studio(settings), "task"
    if isinstance(settings, Cvat):
        return _cvat(settings), "image"
    return _table(settings)


def _coco(settings: Coco) -> int:
    from tagalign.export.coco import write_coco

    return write_coco(
        settings.out,
        settings.images(),
        form=settings.form,
        split=not settings.stuff,
        min_area=settings.min_area,
    )


def _label_studio(settings: LabelStudio) -> int:
    from tagalign.atomic import atomic_write, sweep
    from tagalign.export.label_studio import labelling_config, write_label_studio
    from tagalign.export.results import result_names

    count = write_label_studio(settings.out, settings.images(), image_url=settings.image_url)
    page = settings.out.with_suffix(".xml")
    sweep(page.parent, [page.name])
    with atomic_write(page) as temp:
        temp.write_text(labelling_config(result_names(settings.results)), encoding="utf-8")
    return count


def _cvat(settings: Cvat) -> int:
    from tagalign.export.cvat import write_cvat
    from tagalign.export.results import result_names

    names = result_names(settings.results)
    return write_cvat(settings.out, settings.images(), names, form=settings.form, min_area=settings.min_area)


def _table(settings: Table) -> tuple[int, str]:
    from tagalign.export.tables import write_tags_csv, write_tags_parquet

    if settings.out.suffix == ".csv":
        return write_tags_csv(settings.out, settings.images()), "line"
    return write_tags_parquet(settings.out, settings.images()), "row"


def _hub(settings: Hub) -> int:
    from tagalign.export.hub import check_folder, local_backbone, push_to_hub

    card = check_folder(settings.folder, settings.licence)
    if backbone := local_backbone(settings.folder):
        print(
            f"warning: the encoder {backbone} is a folder of this machine; who opens the model needs it too",
            file=sys.stderr,
        )
    if settings.dry_run:
        print(card)
        print(_upload_line(settings), file=sys.stderr)
        return 0
    address = push_to_hub(
        settings.folder,
        settings.repo,
        licence=settings.licence,
        private=not settings.public,
        keep_paths=settings.keep_paths,
    )
    print(f"{settings.folder} is at {address}", file=sys.stderr)
    return 0


def _upload_line(settings: Hub) -> str:
    from tagalign.export.hub import describe_upload

    found = describe_upload(settings.folder)
    cut = [] if settings.keep_paths else found["edited"]
    edited = f"; paths of this machine cut in {', '.join(cut)}" if cut else ""
    return f"{', '.join(found['files'])}: {found['num_bytes'] / 1e6:.1f} MB{edited}"


def _onnx(settings: Onnx) -> int:
    labels = settings.label_set()
    import tagalign
    from tagalign.export.onnx import export_onnx

    # the graph is traced and compared on the CPU, whatever it will run on later
    model = tagalign.load(settings.model, **(settings.options("segment") | {"device": "cpu"}))
    report = export_onnx(model.implementation, settings.out, model.encode_labels(labels))
    print(
        f"{report.num_bytes / 1e6:.1f} MB written to {report.folder}; largest difference from PyTorch "
        f"{report.max_difference:.1e}; one image at the native size: {report.onnx_ms:.1f} ms with onnxruntime, "
        f"{report.torch_ms:.1f} ms with PyTorch, on this CPU",
        file=sys.stderr,
    )
    return 0
