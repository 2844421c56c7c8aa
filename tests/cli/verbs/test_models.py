"""``tagalign models``: the list, fetching ahead, and what a look says."""

import json

import pytest
import torch

from tagalign.backbones.models import known_models
from tagalign.cli.main import main
from tagalign.testing.clip_layouts import clip_repositories
from tagalign.testing.clip_layouts.weights import read_state
from tagalign.testing.model_hub import StubHub

PHOTO = "openai/clip-vit-base-patch16"


@pytest.fixture
def hub(clip_folder, tmp_path):
    repositories = [layout.repository for layout in clip_repositories(clip_folder)]
    with StubHub(repositories) as server, server.client(tmp_path / "home"):
        yield server


def test_the_list_names_every_checkpoint_and_marks_licences(hub, capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    rows = out.splitlines()
    assert len(rows) == len(known_models()) + 4  # head, a blank line, two notes
    assert f"{PHOTO}*" in out
    assert all(
        ("CC-BY-NC-4.0 (NC)" in row) == row.startswith("facebook/metaclip-")
        for row in rows[:-3]
        if "2-world" not in row
    )
    assert not hub.log.requests


def test_get_fetches_ahead_and_the_list_knows(hub, capsys):
    assert main(["models", "get", "facebook/metaclip-b16-400m"]) == 0
    said = capsys.readouterr()
    assert "licence CC-BY-NC-4.0, NO COMMERCIAL USE" in said.err
    assert main(["models", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in rows if row["here"]] == ["facebook/metaclip-b16-400m"]


def test_check_says_how_it_would_open_and_fetches_no_weights(hub, capsys):
    assert main(["models", "check", PHOTO]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{PHOTO}: opens as CLIP\n")
    assert "of refs/pr/1" in out
    assert "to fetch" in out
    assert set(hub.log.bytes_sent()) == {f"{PHOTO}/config.json"}


def test_check_says_when_a_flag_is_needed(hub, capsys):
    assert main(["models", "check", "lab/legacy-pickle"]) == 0
    assert "opens as CLIP with --allow-pickle" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["check"], "needs a name"),
        (["list", "x/y"], "takes no name"),
        (["fetch"], "unknown action 'fetch'"),
        (["check", "lab/none"], "the hub has no such model"),
        (["get", "lab/legacy-pickle"], "--allow-pickle"),
    ],
)
def test_refusals_are_one_line(hub, capsys, args, says):
    assert main(["models", *args]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_import_clip_makes_a_folder_that_opens(hub, clip_folder, tmp_path, capsys):
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((clip_folder / name).read_bytes())
    torch.save(read_state(clip_folder), tmp_path / "weights.bin")
    assert main(["import", "clip", str(tmp_path / "weights.bin"), "--out", str(tmp_path / "out")]) == 0
    assert main(["models", "check", str(tmp_path / "out")]) == 0
    assert "opens as CLIP" in capsys.readouterr().out


def test_import_tag2text_wants_its_tags(capsys):
    assert main(["import", "tag2text", "x.pth"]) == 2
    assert "--tag-list is needed" in capsys.readouterr().err


def test_a_verb_opens_a_strangers_pickle_with_the_flag(hub, photo_file, tmp_path, capsys):
    command = [
        "tag",
        str(photo_file),
        "--labels",
        "dog,cat",
        "--model",
        "lab/legacy-pickle",
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(command) == 2
    assert "--allow-pickle" in capsys.readouterr().err
    assert main([*command, "--allow-pickle"]) == 0


def test_a_photo_gets_the_photo_model_and_its_commit_is_written_down(hub, photo_file, tmp_path, capsys):
    assert main(["tag", str(photo_file), "--labels", "dog,cat", "--out", str(tmp_path / "o")]) == 0
    assert "licence MIT" in capsys.readouterr().err
    record = json.loads((tmp_path / "o/settings.json").read_text())
    assert record["settings"]["model"] == PHOTO
    commit = (tmp_path / f"home/hub/models--{PHOTO.replace('/', '--')}/refs/main").read_text()
    assert record["model"]["revision"].startswith(f"{commit}, weights ")
