"""`tagalign train --method tag2text` from pairs, label rows and questions to a folder that captions and answers.

Holds ``cli/verbs/train/tag2text/rehearsal.py``.
"""

import io
import json
import re
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tagalign.cli.main import main
from tagalign.testing.clip_folder import make_clip_folder

SMALL = [
    "--layers",
    "1",
    "--width",
    "16",
    "--heads",
    "2",
    "--steps",
    "2",
    "--batch-size",
    "2",
    "--warmup",
    "1",
]
QUESTIONS = [
    {"image": "red", "question": "what color is it?", "answer": "red"},
    {"image": "blue", "question": "what color is it?", "answer": "blue"},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three photos with captions, their label rows, a vocabulary, questions about two of them, a CLIP."""
    folder = tmp_path_factory.mktemp("files")
    colors = ("red", "green", "blue")
    for name in colors:
        Image.new("RGB", (20, 30), name).save(folder / f"{name}.png")
    pairs = [{"key": name, "image": f"{name}.png", "caption": f"A {name} dog."} for name in colors]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    vocabulary = ["dog\tobject", "red\tattribute", "green\tattribute", "blue\tattribute"]
    lines = ["id\ttag\tkind\tcount", *(f"{i}\t{row}\t1" for i, row in enumerate(vocabulary))]
    (folder / "vocabulary.tsv").write_text("\n".join(lines) + "\n")
    tags = pa.array([[0, i + 1] for i in range(3)], pa.list_(pa.int32()))
    pq.write_table(pa.table({"key": list(colors), "tags": tags}), folder / "labels.parquet")
    (folder / "vqa.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)))
    make_clip_folder(folder / "clip")
    return folder


def flags(files, out, *more):
    own = [
        "--records",
        files / "pairs.jsonl",
        "--label-rows",
        files / "labels.parquet",
        "--tag-list",
        files / "vocabulary.tsv",
    ]
    model = ["--model", files / "clip", "--device", "cpu", "--out", out]
    return [str(a) for a in ["train", "--method", "tag2text", *own, *model, *SMALL, *more]]


def test_pairs_and_labels_become_a_model_that_captions(files, tmp_path, capsys):
    assert main(flags(files, tmp_path / "model")) == 0, capsys.readouterr().err
    photo = str(files / "red.png")
    assert main(["caption", photo, "--model", str(tmp_path / "model"), "--out", str(tmp_path / "c")]) == 0
    assert (tmp_path / "model/tags.txt").read_text().split() == ["dog", "red", "green", "blue"]


def test_questions_are_learned_by_the_images_that_have_one(files, tmp_path, capsys):
    assert main(flags(files, tmp_path / "model", "--questions", str(files / "vqa.jsonl"))) == 0
    assert "2 of 3 images have a question" in capsys.readouterr().err
    rows = (tmp_path / "model/metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["answering"] > 0
    assert main(["ask", str(files / "red.png"), "what color is it?", "--model", str(tmp_path / "model")]) == 0


@pytest.mark.parametrize(
    ("more", "content", "message"),
    [
        (
            ["--questions", "x.jsonl"],
            '{"image": "red"}',
            "line 1: expected an object with image, question, answer",
        ),
        (
            ["--questions", "x.jsonl"],
            json.dumps({**QUESTIONS[0], "answer": " "}),
            "must be texts that are not empty",
        ),
        (
            ["--questions", "x.jsonl"],
            json.dumps({**QUESTIONS[0], "image": "pink"}),
            "no question names an image",
        ),
        (["--questions", "x.jsonl"], "", "no question in it"),
        (["--keep-in", "x.jsonl", "--no-keep-features"], "", "leave one of them out"),
        (["--keep-limit", "nan"], "", "--keep-limit is a size in GiB"),
        (["--stream", "--keep-in", "x.jsonl"], "", "--keep-in does not act on a stream"),
        (["--stream", "--questions", "x.jsonl"], json.dumps(QUESTIONS[0]), "leave out --stream"),
        (["--momentum", "0.9"], "", "belong to a --momentum-queue of at least 1, got 0"),
        (["--momentum-queue", "4", "--contrastive", "0"], "", "which is left out"),
        (["--momentum-queue", "4", "--soft-targets", "2"], "", "soft_targets is a share in [0, 1], got 2"),
        (["--rand-augment"], "", "add --no-keep-features"),
        (["--image-size", "33"], "", "reads squares in steps of"),
        (["--tag-list", "x.jsonl"], "dog", "--label-rows needs --tag-list vocabulary:"),
    ],
)
def test_what_cannot_be_is_one_line(files, tmp_path, capsys, more, content, message):
    (tmp_path / "x.jsonl").write_text(content)
    given = [str(tmp_path / a) if a == "x.jsonl" else a for a in more]
    assert main(flags(files, tmp_path / "model", *given)) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_records_of_one_file_are_streamed(files, tmp_path, capsys):
    rows = [
        {"image_path": str(files / f"{name}.png"), "caption": [f"a {name} dog"], "parse_label_id": [[0, i]]}
        for i, name in enumerate(("red", "green", "blue"), start=1)
    ]
    (tmp_path / "records.json").write_text(json.dumps(rows))
    (tmp_path / "tags.txt").write_text("dog\nred\ngreen\nblue\n")
    place = ["--records", str(tmp_path / "records.json"), "--tag-list", str(tmp_path / "tags.txt")]
    model = ["--model", str(files / "clip"), "--device", "cpu", "--out", str(tmp_path / "m"), "--stream"]
    command = ["train", "--method", "tag2text", *place, *model, *SMALL, "--held-out-share", "0"]
    assert main([*command, "--dry-run"]) == 0, capsys.readouterr().err
    assert not (tmp_path / "m").exists()
    assert main(command) == 0, capsys.readouterr().err
    assert pq.read_metadata(tmp_path / "m/records.parquet").num_rows == 3
    lines = (tmp_path / "m/metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["step"] == 2
    assert not any("skipped" in name for name in json.loads(lines[-1]))


def test_labels_of_other_pairs_are_noticed(files, tmp_path, capsys):
    tags = pa.array([[0]], pa.list_(pa.int32()))
    pq.write_table(pa.table({"key": ["elsewhere"], "tags": tags}), tmp_path / "other.parquet")
    assert main(flags(files, tmp_path / "model", "--label-rows", str(tmp_path / "other.parquet"))) == 2
    assert "are these the labels of the same pairs" in capsys.readouterr().err


def test_queue_augmentation_and_size_act(files, tmp_path):
    """Each flag alone gives other weights than none of them."""
    found = set()
    for number, more in enumerate(
        ([], ["--momentum-queue", "4"], ["--rand-augment"], ["--image-size", "64"])
    ):
        assert (
            main(flags(files, tmp_path / str(number), "--no-keep-features", "--held-out-share", "0", *more))
            == 0
        )
        found.add((tmp_path / str(number) / "model.safetensors").read_bytes())
    assert len(found) == 4


def test_where_tokens_are_kept_is_told_and_changes_no_weight(files, tmp_path, capsys):
    assert main(flags(files, tmp_path / "a", "--held-out-share", "0", "--batch-size", "3")) == 0
    more = ["--held-out-share", "0", "--batch-size", "3", "--keep-in", str(tmp_path / "tokens")]
    assert main(flags(files, tmp_path / "b", *more)) == 0
    assert "GiB of frozen tokens go to" in capsys.readouterr().err
    assert (
        main(flags(files, tmp_path / "c", "--held-out-share", "0", "--batch-size", "3", "--keep-limit", "0"))
        == 0
    )
    assert "photos are encoded in every step" in capsys.readouterr().err
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert a == b


@pytest.mark.parametrize("labelled", [True, False])
def test_tars_are_streamed(files, tmp_path, capsys, labelled):
    """A tar of the same photos: with label rows, or with a record of the release beside each photo."""
    with tarfile.open(tmp_path / "pairs.tar", "w") as tar:
        for number, name in enumerate(("red", "green", "blue")):
            photo, text = io.BytesIO(), tmp_path / f"{name}.text"
            Image.open(files / f"{name}.png").save(photo, "JPEG")
            (tmp_path / f"{name}.jpg").write_bytes(photo.getvalue())
            tar.add(tmp_path / f"{name}.jpg", f"{name}.jpg")
            record = {"caption": [f"a {name} dog"], "parse_label_id": [[0, number + 1]]}
            text.write_text(f"A {name} dog." if labelled else json.dumps(record))
            tar.add(text, f"{name}.{'txt' if labelled else 'json'}")
    own = ["--label-rows", str(files / "labels.parquet"), "--tag-list", str(files / "vocabulary.tsv")]
    if not labelled:
        (tmp_path / "tags.txt").write_text("dog\nred\ngreen\nblue\n")
        own = ["--tag-list", str(tmp_path / "tags.txt")]
    place = ["--records", str(tmp_path / "pairs.tar"), "--model", str(files / "clip"), "--device", "cpu"]
    common = ["train", "--method", "tag2text", *place, *own, *SMALL, "--out", str(tmp_path / "m")]
    assert main([*common, "--held-out-share", "0"]) == 0, capsys.readouterr().err
    assert "reading all captions for the words" in capsys.readouterr().err
    rows = (tmp_path / "m/metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["step"] == 2


@pytest.mark.parametrize("kept", [True, False])
def test_a_dry_run_says_what_it_will_cost_and_writes_nothing(files, tmp_path, capsys, kept):
    more = ["--dry-run", *([] if kept else ["--no-keep-features", "--micro-batch", "1"])]
    assert main(flags(files, tmp_path / "model", *more)) == 0
    lines = capsys.readouterr().out.splitlines()
    # up to ten, fewer where they take longer than its time limit
    assert re.search(r"images/s: \d+ steps of 2 images in", lines[0])
    assert ("images/s while every image is encoded once" in lines[2]) == kept
    assert "2 steps of 2 images, 1.33 rounds through 3:" in lines[-2]
    assert list(tmp_path.iterdir()) == []
