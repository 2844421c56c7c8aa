"""Siblings of the faults that public bug reports showed: what people do that goes wrong for the same reason.

Each was tried on the product; where it gave a fault, the kind was mended. By fault:

- an encoder that yields NaN: ``test_trained_not_finite.py`` (trained parts, trainings, server, page, ONNX)
- long names: a caption file of 246 bytes (was a stop), a photo of 255 bytes, a member of a tar below long folders, two long
  labels that are one after cutting; in every export
- own results as input: a look, tags with ``--look auto`` and their contact sheet, an index, a YOLO data set
- one bad entry ends the walk: a device behind a link, a folder called ``x.png``, a socket, an empty and a cut packed tar; a
  pipe named by itself (was "no such file")
- results of a stopped run: half of ``tag``, of ``segment --rle``, of ``segment --instances``, through every export
- YOLO's ``data.yaml``: labels that YAML takes for other things come back from a reader of YAML
- addresses: ``?``, ``%41``, ``;``, ``=``, line breaks and letters of other scripts
- the server: base64 with tabs, percent signs, a character set or capital letters in its data address; labels on lines of
  their own (became one label), as JSON in a form, nested, as numbers
"""

import base64
import io
import json
import os
import shutil
import socket
import tarfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from tagalign.cli.main import main

LONG = "長" * 82
TWINS = f"a {'very ' * 70}long label,a {'very ' * 70}long labeller,cat"
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*prompt.s. are longer", "always:a look at", "always:scores do not differ"
)


@pytest.fixture
def run(clip_folder, tmp_path, monkeypatch, capsys):
    """A command in an own folder; returns exit code and what was said."""
    monkeypatch.chdir(tmp_path)

    def call(*words, model=True):
        flags = ["--model", str(clip_folder), "--device", "cpu"] if model else []
        code = main([*map(str, words), *flags])
        return code, capsys.readouterr().err

    return call


def photo(path, width=20):
    """A photo that its width tells apart."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, 24), (5 * width % 256, 90, 40)).save(path)


TAG = ["--labels", "dog,cat", "--method", "clip", "--no-summary"]
MASKS = ["--labels", "dog,cat", "--method", "maskclip", "--no-summary"]
EXPORTS = {"coco": "a.json", "yolo": "yolo", "cvat": "a.xml", "label-studio": "tasks.json"}


def exported(run, results, form):
    """File names that an export names."""
    shutil.rmtree("yolo", ignore_errors=True)
    assert run("export", form, results, "--out", EXPORTS[form], model=False)[0] == 0
    if form == "coco":
        return [one["file_name"] for one in json.loads(Path("a.json").read_text())["images"]]
    if form == "label-studio":
        return [unquote(one["data"]["image"]) for one in json.loads(Path("tasks.json").read_text())]
    if form == "yolo":
        return [str(path) for path in Path("yolo/labels").rglob("*.txt")]
    return Path("a.xml").read_text().split("<image ")[1:]


# --- long names -------------------------------------------------------------------------------------------------------


def test_long_names_of_photos_members_and_labels(run):
    photo(f"photos/{LONG}.png", 20)
    photo(f"photos/{LONG[:-1]}b.png", 22)
    photo(f"photos/{'x' * 251}.png", 24)
    with tarfile.open("t.tar", "w") as tar:
        tar.add(f"photos/{LONG}.png", "d/" * 60 + f"{LONG}.png")
    labels = ["--labels", TWINS, "--method", "maskclip", "--no-summary"]
    assert run("segment", "photos", "t.tar", *labels, "--overlay", "--heat-maps", "--out", "masks")[0] == 0
    assert len(list(Path("masks").glob("*.heat.png"))) == 4 * 3
    for form in EXPORTS:
        names = exported(run, "masks", form)
        assert len(names) == len(set(names)) == 4


def test_caption_files_with_long_names_are_parsed(run):
    """Results of the parser have longer names than its inputs, and lists of failures longer ones still."""
    Path("captions").mkdir()
    for end in ("c", "d"):
        row = json.dumps({"key": end, "caption": f"a dog {end}"})
        Path(f"captions/{'c' * 245}{end}.jsonl").write_text(f"{row}\n{{broken")
    Path("words.txt").write_text("dog\ncat\n")
    assert (
        run(
            "parse",
            "captions",
            "--parser",
            "fixed:words.txt",
            "--processes",
            "1",
            "--out",
            "tags",
            model=False,
        )[0]
        == 0
    )
    assert len(list(Path("tags").glob("*.parquet"))) == 2
    assert len(Path("tags/errors.jsonl").read_text().splitlines()) == 2
    assert run("vocabulary", "tags", "--objects", "5", "--out", "list", model=False)[0] == 0
    assert run("label", "tags", "--vocabulary", "list/vocabulary.tsv", "--out", "labels", model=False)[0] == 0
    assert len(list(Path("labels").glob("*.parquet"))) == 2


# --- own results as input ---------------------------------------------------------------------------------------------


def test_results_of_every_kind_inside_the_folder_are_never_photos(run):
    for i in range(2):
        photo(f"photos/{i}.png", 20 + i)
    assert run("look", "photos", "--labels", "dog,cat", "--method", "clip", "--out", "photos/look")[0] == 0
    assert run("tag", "photos", *TAG, "--look", "auto", "--sheet", "--out", "photos/tags")[0] == 0
    assert run("search", "index", "photos", "--index", "photos/index")[0] == 0
    assert run("segment", "photos", *MASKS, "--overlay", "--out", "photos/masks")[0] == 0
    assert (
        run("export", "yolo", "photos/masks", "--photos", "photos", "--out", "photos/yolo", model=False)[0]
        == 0
    )
    code, said = run("tag", "photos", *TAG, "--out", "again")
    assert code == 0
    assert "2 photos tagged in again" in said
    assert "photos/look: holds results, not searched" in said


# --- one bad entry ----------------------------------------------------------------------------------------------------


def test_devices_sockets_folders_and_packed_tars_are_named_and_passed_over(run):
    photo("photos/a.png")
    Path("photos/folder.png").mkdir()
    Path("photos/zero.png").symlink_to("/dev/zero")  # has no end
    os.mkfifo("photos/pipe.png")  # waits for ever
    server = socket.socket(socket.AF_UNIX)
    server.bind("photos/socket.png")
    Path("photos/empty.tar.gz").touch()
    with tarfile.open("photos/cut.tgz", "w:gz") as tar:
        tar.add("photos/a.png", "in/a.png")
    os.truncate("photos/cut.tgz", 40)
    code, said = run("tag", "photos", *TAG, "--out", "tags")
    server.close()
    assert code == 0
    assert "1 photo tagged in tags, 5 failed" in said
    rows = [json.loads(line) for line in Path("tags/errors.jsonl").read_text().splitlines()]
    named = {Path(row["path"]).name for row in rows}
    assert named == {"zero.png", "pipe.png", "socket.png", "empty.tar.gz", "cut.tgz"}


@pytest.mark.parametrize("name", ["pipe.png", "zero.png"])
def test_a_pipe_or_a_device_that_is_named_is_said_to_be_one(run, name):
    os.mkfifo("pipe.png")
    Path("zero.png").symlink_to("/dev/zero")
    code, said = run("tag", name, *TAG)
    assert code == 2
    assert f"{name}: a pipe or a device, no file" in said


# --- results of a stopped run -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [["--rle"], ["--instances"], ["--rle", "--instances"]], ids="".join)
def test_half_of_a_run_of_masks_is_exported(run, flags):
    for i in range(4):
        photo(f"photos/{i}.png", 20 + i)
    assert (
        run("segment", "photos", *MASKS, *flags, "--part-size", "1", "--shard", "1/2", "--out", "masks")[0]
        == 0
    )
    for form in EXPORTS:
        assert len(exported(run, "masks", form)) == 2
    assert sorted(exported(run, "masks", "coco")) == ["1.png", "3.png"]


def test_half_of_a_run_of_tags_is_a_table(run):
    for i in range(4):
        photo(f"photos/{i}.png", 20 + i)
    assert run("tag", "photos", *TAG, "--threshold", "top:1", "--shard", "1/2", "--out", "tags")[0] == 0
    assert run("export", "table", "tags", "--out", "table.csv", model=False)[0] == 0
    assert [line.split(",")[0] for line in Path("table.csv").read_text().splitlines()] == [
        "image",
        "1.png",
        "3.png",
    ]


# --- others' formats --------------------------------------------------------------------------------------------------

ODD_LABELS = (
    *(
        "yes",
        "null",
        "1.0",
        "a:b",
        "#x",
        "- y",
        "'q'",
        "(z)",
        "{m}",
        "長靴",
        "🐕",
        "%p",
        "@at",
        "*star",
        "!bang",
        "|pipe",
    ),
    *(">gt", "a\\nb", "~", "on", "0x1F", "2026-01-01", "?k", "&amp"),
)


def test_yolo_s_list_of_labels_is_read_back_by_a_reader_of_yaml(run):
    yaml = pytest.importorskip("yaml")
    photo("photos/a.png")
    Path("labels.txt").write_text("\n".join(ODD_LABELS), encoding="utf-8")
    flags = ["--labels-file", "labels.txt", "--method", "maskclip", "--no-summary"]
    assert run("segment", "photos", *flags, "--out", "masks")[0] == 0
    assert run("export", "yolo", "masks", "--out", "yolo", model=False)[0] == 0
    read = yaml.safe_load(Path("yolo/data.yaml").read_text(encoding="utf-8"))
    assert tuple(read["names"].values() if isinstance(read["names"], dict) else read["names"]) == ODD_LABELS
    assert "path" not in read  # ultralytics would take it from the working folder


@pytest.mark.parametrize("name", ["a?b.png", "%41.png", "a;b=c.png", "ä 長.png", "a\nb.png", "a&amp;b.png"])
def test_addresses_for_label_studio_lead_back(run, name):
    photo(f"photos/{name}")
    assert run("segment", "photos", *MASKS, "--out", "masks")[0] == 0
    flags = ["--image-url", "/data/local-files/?d=", "--out", "tasks.json"]
    assert run("export", "label-studio", "masks", *flags, model=False)[0] == 0
    (task,) = json.loads(Path("tasks.json").read_text())
    address = task["data"]["image"].removeprefix("/data/local-files/?d=")
    assert not set(address) & set("?#&+; ")
    from tagalign.tasks.photos.keys import path_of

    assert path_of(unquote(address)) == name


# --- the server -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def post():
    """``post(json)`` or ``post(form=...)`` to /v1/tag: status and names, or what was said."""
    pytest.importorskip("fastapi", reason="the serve extra is not installed")
    from fastapi.testclient import TestClient

    from tagalign.apps.server.app import create_app
    from tagalign.testing.stub_method import stub_model

    buffer = io.BytesIO()
    Image.new("RGB", (8, 6)).save(buffer, format="PNG")
    raw = buffer.getvalue()
    with TestClient(create_app(stub_model()), raise_server_exceptions=False) as client:

        def call(form=None, **fields):
            if form is not None:
                answer = client.post("/v1/tag", files={"image": ("a.png", raw)}, data=form)
            else:
                body = {"image_base64": base64.b64encode(raw).decode(), "labels": ["dog", "cat"]}
                if "written" in fields:
                    body["image_base64"] = fields.pop("written")(raw)
                answer = client.post("/v1/tag", json=body | fields)
            found = answer.json()
            return answer.status_code, [t["name"] for t in found["tags"]] if "tags" in found else found[
                "error"
            ]["message"]

        yield call


def text64(raw):
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "written",
    [
        lambda raw: "\t".join([text64(raw)[:9], text64(raw)[9:]]),
        lambda raw: text64(raw).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        lambda raw: f"data:image/png;charset=utf-8;base64,{text64(raw)}",
        lambda raw: f"DATA:image/png;BASE64,{text64(raw)}",
        lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ],
    ids=["tabs", "percent", "charset", "capitals", "no padding"],
)
def test_base64_as_programs_write_it(post, written):
    assert post(written=written) == (200, ["dog", "cat"])


@pytest.mark.parametrize("labels", ["dog\ncat", "dog,\r\ncat\n", "dog, ,cat,", "\u200bdog，cat"])
def test_labels_as_people_write_them(post, labels):
    assert post(labels=labels) == (200, ["dog", "cat"])
    assert post(form={"labels": labels}) == (200, ["dog", "cat"])


def test_labels_in_a_form_as_json_or_with_commas_in_them(post):
    assert post(form={"labels": '["dog", "cat"]'}) == (200, ["dog", "cat"])
    assert post(form={"labels": ["black, white", "dog"]}) == (200, ["black, white", "dog"])


@pytest.mark.parametrize(
    "labels", [[["dog"]], ["dog", 1], {"dog": 1}, None, [], "", ["dog", ""], ["dog", "Dog"]]
)
def test_labels_that_are_none_are_one_line(post, labels):
    status, said = post(labels=labels)
    assert status == 422
    assert said
    assert "\n" not in said
