"""The road of photos over random trees: every photo ends once, every result leads back, a stop changes no byte."""

import csv
import io
import json
import os
import shutil
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pyarrow.parquet as pq
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from tagalign.backbones.image_formats import image_suffixes
from tagalign.cli.shared.mask_sinks import MaskFiles, MaskParts
from tagalign.errors import InputError
from tagalign.export.coco import write_coco
from tagalign.export.cvat import write_cvat
from tagalign.export.label_studio import write_label_studio
from tagalign.export.results import read_results
from tagalign.export.tables import write_tags_csv, write_tags_parquet
from tagalign.export.yolo import write_yolo
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import Job, JobSpec
from tagalign.tasks.photos.keys import key_of, path_of
from tagalign.tasks.photos.questions import SegmentQuestion
from tagalign.tasks.photos.run import answer_run, close_run, open_run
from tagalign.tasks.photos.tars import source_of
from tagalign.types import EncodedLabels, Segmentation, Tagging

NAMES = ("dark", "bright")
PHASES = (
    Phase.explicit,
    Phase.reuse,
    Phase.generate,
)  # to make a failure smaller takes many minutes of writing files
EXAMPLES = int(os.environ.get("TAGALIGN_ROAD_EXAMPLES", "8"))
"""Trees per test; a hundred were tried with each change of the road."""


class Threshold:
    """A segmenter without an encoder: a pixel is bright or dark."""

    method = "threshold"

    def encode_images(self, images):
        return list(images)

    def encode_labels(self, labels):
        empty = torch.zeros(2, 1)
        return EncodedLabels(
            method=self.method, label_set=labels, embeds=empty, owners=torch.arange(2), background=empty[:0]
        )

    def segment(self, image, labels, *, photo=None):
        grey = torch.frombuffer(bytearray(image.convert("L").tobytes()), dtype=torch.uint8)
        ids = (grey.view(image.height, image.width) > 127).long()
        return Segmentation(labels=ids, names=NAMES, scores=torch.ones(ids.shape))

    def describe(self):
        return {"method": self.method}


def job() -> Job:
    question = SegmentQuestion(labels=load_label_set("dark,bright", templates="1"))
    return Job(spec=JobSpec(question=question, batch_size=2, workers=1), asked=question.put(Threshold()))


def encoded_photo(number: int) -> bytes:
    """A PNG whose size and pixels are its own."""
    width, height = 3 + number % 5, 2 + number // 5 % 5
    image = Image.new("L", (width, height))
    image.putdata([255 * ((number * 7 + i) % 3 == 0) for i in range(width * height)])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


TAR_MEMBERS = ("in/1.png", "../in/2.png")
STEMS = st.one_of(
    st.sampled_from([b"a", b".a", b"A", b"b.overlay", b"b.dark.heat", b"b", b"caf\xe9", "長".encode() * 70]),
    # one name in two Unicode forms, line breaks, what formats and shells mean something by
    st.sampled_from(
        [b"=1+1", b"+1", b"@2x", b'a"b', b"a\tb", b"a,b;c", b"\xff\xfe", b"a\r\nb", b" a", b"a "]
    ),
    st.sampled_from(
        ["caf\u00e9".encode(), "cafe\u0301".encode(), b"a\nb", b"#1 & 100%+", b"-x", b"[a]", b"*", b"a.tar"]
    ),
    st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_")),
).filter(lambda raw: raw not in {b".", b".."})
FOLDERS = st.lists(st.sampled_from([b"x", b"y", b"caf\xe9", b"masks "]), max_size=2)
KINDS = st.sampled_from(
    [
        "photo",
        "photo",
        "photo",
        "jpg",
        "broken",
        "link",
        "folder link",
        "loop",
        "far",
        "tar",
        "cut tar",
        "two tars",
        "odd tar",
        "text",
        "results",
        "nested results",
        "empty",
        "dangling",
        "gif",
        "turned",
    ]
)
ENTRIES = st.lists(st.tuples(FOLDERS, STEMS, KINDS), min_size=1, max_size=9)


def grow(root: Path, entries) -> None:
    """Make the tree; what cannot be (a name that is taken) is left out."""
    far = root.parent / "far"
    far.mkdir()
    (far / "far.png").write_bytes(encoded_photo(99))
    (far / "back").symlink_to(root)
    for number, (folders, stem, kind) in enumerate(entries):
        folder = root.joinpath(*(os.fsdecode(name) for name in folders))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # a file or a loop of links is there
            continue
        plant(folder, os.fsdecode(stem), kind, number, root)


def plant(folder: Path, stem: str, kind: str, number: int, root: Path) -> None:
    endings = {"jpg": ".JPG", "text": ".md", "gif": ".GIF", "turned": ".jfif"}
    ending = ".tar" if "tar" in kind else endings.get(kind, ".png")
    path = folder / f"{stem}{'' if kind in {'folder link', 'loop', 'far'} or 'results' in kind else ending}"
    if os.path.lexists(path):
        return
    if kind in {"photo", "jpg"}:
        path.write_bytes(encoded_photo(number))
    elif kind in {"broken", "text", "empty"}:
        path.write_bytes(b"" if kind == "empty" else b"no image")
    elif kind in {"gif", "turned"}:
        plant_other(path, kind, number)
    elif kind == "dangling":
        path.symlink_to("nowhere.png")
    elif kind == "link":
        path.symlink_to(root.parent / "far" / "far.png")
    elif kind in {"folder link", "far"}:
        path.symlink_to(root if kind == "folder link" else root.parent / "far")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind in {"results", "nested results"}:
        path.mkdir()
        (path / "run-00000-of-00001.json").write_text("{}")
        (path / "mask.png").write_bytes(encoded_photo(number))
        if kind == "nested results":  # pages with pictures, and the results of a run on results
            for name in ("pictures", "masks/again"):
                (path / name).mkdir(parents=True)
                (path / name / "1.png").write_bytes(encoded_photo(number))
            (path / "masks" / "run-00000-of-00001.json").write_text("{}")
    else:
        plant_tar(path, kind, number)


def plant_other(path: Path, kind: str, number: int) -> None:
    """Two frames of which the first counts, or a photo that is shown turned."""
    with Image.open(io.BytesIO(encoded_photo(number))) as image:
        if kind == "gif":
            image.save(path, save_all=True, append_images=[image.point(lambda value: 255 - value)])
        else:
            mark = Image.Exif()
            mark[274] = 6
            image.save(path, format="JPEG", exif=mark.tobytes())


def plant_tar(path: Path, kind: str, number: int) -> None:
    """Whole, cut inside of its first photo, followed by another, or with members that are no photos of their own."""
    with tarfile.open(path, "w") as tar:
        for name in TAR_MEMBERS:
            member = tarfile.TarInfo(name)
            raw = encoded_photo(number + len(name))
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
        if kind == "odd tar":
            for name, type_ in (
                ("in/3.png", tarfile.SYMTYPE),
                ("in/4.png", tarfile.LNKTYPE),
                ("d.png", tarfile.DIRTYPE),
            ):
                member = tarfile.TarInfo(name)
                member.type, member.linkname = type_, TAR_MEMBERS[1]
                tar.addfile(member)
    if kind == "cut tar":
        os.truncate(path, 560)
    elif kind == "two tars":
        path.write_bytes(path.read_bytes() * 2)


def photos_of(root: Path) -> set[tuple[str, str]]:
    """What there is, found in another way: real folder and name of every photo file and photo of a whole tar."""
    found = set()
    roots = [root]
    if any(Path(at, name).is_symlink() and os.path.realpath(Path(at, name)) == str(root.parent / "far")
           for at, names, _ in os.walk(root) for name in names if not in_results(Path(at), root)):  # fmt: skip
        roots.append(root.parent / "far")
    for one in roots:
        for at, _, names in os.walk(one):
            if in_results(Path(at), one):
                continue
            for name in names:
                path = Path(at, name)
                if path.suffix.lower() in image_suffixes() and (path.is_file() or path.is_symlink()):
                    found.add((os.path.realpath(at), name))
                if path.suffix == ".tar" and path.is_file() and path.stat().st_size > 700:
                    found |= {(os.path.realpath(path), member) for member in TAR_MEMBERS}
    return found


def in_results(folder: Path, root: Path) -> bool:
    return any(
        (p / "run-00000-of-00001.json").exists()
        for p in (folder, *folder.parents)
        if p != root and root in p.parents
    )


def place_of(key: str) -> tuple[str, str]:
    """Real folder and name of a key; of a member the tar and its name there."""
    source = source_of(key)
    if source.member is not None:
        return os.path.realpath(source.path), source.member
    folder, name = os.path.split(source.path)
    return os.path.realpath(folder), name


def finish(out: Path, root: Path, sink, *, stop_after: int | None = None) -> None:
    run = open_run(job().describe(), Inputs(items=[str(root)], results=out), out, sink, part_size=2)
    (out / "settings.json").write_text(json.dumps({"labels": list(NAMES)}))
    answers = answer_run(run, job(), sink)
    for number, _ in enumerate(answers, start=1):
        if number == stop_after:
            answers.close()
            return
    close_run(run)


def lines(path: Path) -> list[dict]:
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@settings(
    max_examples=EXAMPLES, deadline=None, phases=PHASES
)  # only a hang is too slow: the machine may be busy
@given(entries=ENTRIES, is_nested=st.booleans(), rle=st.booleans())
def test_every_photo_ends_once_and_every_result_leads_back(entries, is_nested, rle):
    base = Path(tempfile.mkdtemp(prefix="road"))
    try:
        root = base / "root"
        root.mkdir()
        grow(root, entries)
        out = root / "own results" if is_nested else base / "out"
        expected = photos_of(root)
        sink = MaskParts(png=out / "png") if rle else MaskFiles(folder=out, overlay=True)
        if not expected:
            return  # said as "no image in this folder", or only problems are listed
        finish(out, root, sink)
        failed = [row["path"] for row in lines(out / "errors.jsonl")]
        if not lines(out / "masks.jsonl") and not rle:
            check_ends([], failed, expected)  # there is nothing to export
            return
        results = list(read_results(out, photos=root))
        done = [key_of(str(root / path_of(one.file_name))) for one in results]
        check_ends(done, failed, expected)
        check_sizes(results, root)
        check_exports(base, results)
        check_sizes_in_exports(base, root)
        check_tables(base, root, results)
        if not rle:
            masks = [row["mask"] for row in lines(out / "masks.jsonl")]
            assert len({*masks, *(m.replace(".png", ".overlay.png") for m in masks)}) == 2 * len(results)
    finally:
        shutil.rmtree(base)


def check_ends(done: list[str], failed: list[str], expected: set[tuple[str, str]]) -> None:
    ends = [place_of(key) for key in done] + [place_of(key) for key in failed]
    photos = [end for end in ends if end in expected]
    assert sorted(photos) == sorted(expected)  # none lost, none twice
    assert {place_of(key) for key in done} <= expected  # nothing else has a result


def check_sizes(results, root: Path) -> None:
    for one in results:
        image = source_of(str(root / one.file_name)).open()
        assert (image.height, image.width) == one.size
        ids = Threshold().segment(image, None).labels
        assert torch.equal(one.segmentation.labels, ids)  # the mask of this photo and of no other


def check_exports(base: Path, results) -> None:
    """Every format names the same photos, once each."""
    names = sorted(one.file_name for one in results)
    assert len(set(names)) == len(names)
    write_coco(base / "coco.json", results)
    assert sorted(i["file_name"] for i in json.loads((base / "coco.json").read_text())["images"]) == names
    write_cvat(base / "cvat.xml", results, NAMES)
    found = ElementTree.parse(base / "cvat.xml").getroot().iter("image")
    assert sorted(image.get("name") for image in found) == names
    write_label_studio(base / "tasks.json", results)
    tasks = json.loads((base / "tasks.json").read_text())
    assert sorted(unquote(task["data"]["image"]) for task in tasks) == names
    try:
        write_yolo(base / "yolo", results)
    except InputError as error:
        assert "has taken" in str(error) or "file name inside" in str(error)  # noqa: PT017 - YOLO's own limits
    else:
        assert len(list((base / "yolo" / "labels").rglob("*.txt"))) == len(names)


def check_sizes_in_exports(base: Path, root: Path) -> None:
    """What COCO and CVAT say of a photo is true of the photo that they name."""
    told = [
        (i["file_name"], i["width"], i["height"])
        for i in json.loads((base / "coco.json").read_text())["images"]
    ]
    for image in ElementTree.parse(base / "cvat.xml").getroot().iter("image"):
        told.append((image.get("name"), int(image.get("width")), int(image.get("height"))))
    for name, width, height in told:
        image = source_of(key_of(str(root / path_of(name)))).open()
        assert (image.width, image.height) == (width, height)


def check_tables(base: Path, root: Path, results) -> None:
    """Tags as tables: every row leads back, and no cell of CSV is a formula."""
    tagging = Tagging(names=NAMES, scores=(0.9, 0.1), chosen=(0,))
    tagged = [replace(one, segmentation=None, tagging=tagging) for one in results]
    write_tags_parquet(base / "tags.parquet", tagged)
    write_tags_csv(base / "tags.csv", tagged)
    names = [one.file_name for one in results]
    assert [row["image"] for row in pq.read_table(base / "tags.parquet").to_pylist()] == names
    with (base / "tags.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [place_of(str(root / path_of(row["image"]))) for row in rows] == [
        place_of(str(root / path_of(name))) for name in names
    ]
    assert not [row for row in rows if row["image"][0] in "=+-@\t\r"]


@settings(max_examples=EXAMPLES, deadline=None, phases=PHASES)
@given(entries=ENTRIES, stop=st.integers(1, 8), rle=st.booleans())
def test_a_run_that_was_stopped_ends_with_the_same_bytes(entries, stop, rle):
    base = Path(tempfile.mkdtemp(prefix="road"))
    try:
        root = base / "root"
        root.mkdir()
        grow(root, entries)
        if not photos_of(root):
            return
        whole, again = base / "whole", base / "again"
        for out, stop_after in ((whole, None), (again, stop), (again, None)):
            sink = MaskParts() if rle else MaskFiles(folder=out)
            finish(out, root, sink, stop_after=stop_after)
        assert contents(whole) == contents(again)
    finally:
        shutil.rmtree(base)
