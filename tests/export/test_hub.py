"""Models on the hub: what is sent, what its card says, and how it is opened again without a network."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from tagalign.backbones.protocols import BlockBackbone
from tagalign.cli.main import main
from tagalign.errors import InputError, ModelError
from tagalign.export.hub import push_to_hub
from tagalign.methods.dense.projector import Projector
from tagalign.methods.tagalign.folder import TagAlignConfig, save_tagalign
from tagalign.private_paths import without_folders
from tagalign.tags.vocabulary import TagVocabulary

# as a run writes it: what was used on top, what the command line said below "caller"
RUN = {
    "steps": 7,
    "seed": 3,
    "vocabulary": "d6d2ae372c3af3cf",
    "caller": {
        "settings": {
            "data": ["/home/me/pairs-0.jsonl"],
            "vocabulary": "/x/words.tsv",
            "out": "/home/me/a b/out",
        },
        "command": ["tagalign", "train", "--data", "/home/me/pairs-0.jsonl", "--out=/home/me/a b/out"],
    },
}


class Hub:
    """Stands in for the hub's client and keeps what it was given."""

    def __init__(self, token: str | None = None) -> None:
        Hub.calls = []
        Hub.files: dict[str, bytes] = {}

    def create_repo(self, repo: str, *, private: bool, exist_ok: bool) -> str:
        Hub.calls.append((repo, private, exist_ok))
        return f"https://huggingface.co/{repo}"

    def upload_folder(
        self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], ignore_patterns: list[str]
    ) -> None:
        for name in set(allow_patterns) - set(ignore_patterns):
            Hub.files[name] = (folder_path / name).read_bytes()

    def upload_file(self, *, repo_id: str, path_or_fileobj: bytes, path_in_repo: str) -> None:
        Hub.files[path_in_repo] = path_or_fileobj


@pytest.fixture(scope="module")
def folder(backbone: BlockBackbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    config = TagAlignConfig(
        backbone=backbone.name,
        backbone_hash=backbone.weight_hash,
        profile="paper",
        width=backbone.width,
        dim=backbone.embed_dim,
    )
    save_tagalign(folder, Projector.from_backbone(backbone), config, settings=RUN)
    names = tuple(f"word{i}" for i in range(25))
    words = TagVocabulary(names=names, kinds=("object",) * 25, counts=tuple(range(25, 0, -1)))
    words.save(folder / "vocabulary.tsv")
    (folder / "result.json").write_text(json.dumps({"metrics": {"miou": 12.25}, "images": 4}))
    (folder / "words.json").write_text('{"/usr/x": 1}')  # words, no paths
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step.safetensors").write_bytes(b"large")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> type[Hub]:
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    return Hub


def test_the_top_of_the_folder_is_sent(folder: Path, hub: Any) -> None:
    assert push_to_hub(folder, "me/words") == "https://huggingface.co/me/words"
    assert hub.calls == [("me/words", True, True)]
    expected = {
        "README.md",
        "config.json",
        "model.safetensors",
        "result.json",
        "settings.json",
        "vocabulary.tsv",
        "words.json",
    }
    assert hub.files.keys() == expected
    assert hub.files["words.json"] == (folder / "words.json").read_bytes()
    assert hub.files["model.safetensors"] == (folder / "model.safetensors").read_bytes()


def test_paths_of_the_machine_stay_at_home(folder: Path, hub: Any) -> None:
    push_to_hub(folder, "me/words")
    assert not [name for name, content in hub.files.items() if b"/home" in content or b"/x/" in content]
    sent = json.loads(hub.files["settings.json"])
    assert sent["steps"] == 7
    assert sent["caller"]["settings"] == {"data": ["pairs-0.jsonl"], "vocabulary": "words.tsv", "out": "out"}
    own = json.loads((folder / "settings.json").read_text())
    assert own["caller"]["settings"]["data"] == ["/home/me/pairs-0.jsonl"]
    push_to_hub(folder, "me/words", keep_paths=True)
    assert hub.files["settings.json"] == (folder / "settings.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("/home/me/a.tar", "a.tar"),
        ("/home/me/my photos/{0..9}.tar", "{0..9}.tar"),
        ("~/data/", "data"),
        ("C:\\Users\\me\\a.tar", "a.tar"),
        ("--data=/home/me/a.tar --out /mnt/disk/b", "--data=a.tar --out b"),
        ("openai/clip-vit-base-patch16", "openai/clip-vit-base-patch16"),
        ("https://host/a/b.json", "https://host/a/b.json"),
        ("data/pairs.jsonl", "data/pairs.jsonl"),
        ("1/255 and a / b", "1/255 and a / b"),
    ],
)
def test_what_is_a_path(text: str, sent: str) -> None:
    assert without_folders([text]) == [sent]


def test_the_card_says_what_the_folder_knows(folder: Path, hub: Any) -> None:
    push_to_hub(folder, "me/words", licence="cc-by-4.0")
    card = hub.files["README.md"].decode()
    header = card.split("---")[1].splitlines()
    assert "license: cc-by-4.0" in header
    assert "library_name: tagalign" in header
    for title in ("Training data", "Training", "Vocabulary", "Results", "Limits", "Licence"):
        assert f"\n## {title}\n" in card
    assert "| data | pairs-0.jsonl |" in card
    assert "| vocabulary | words.tsv |" in card
    assert header.count("- tagalign") == 1
    assert "/home/me" not in card
    assert "25 names were trained on: word0, word1" in card
    assert "| miou | 12.25 |" in card
    assert "| steps | 7 |" in card


def test_nothing_is_made_up_for_a_bare_folder(folder: Path, tmp_path: Path, hub: Any) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(folder / name, tmp_path / name)
    push_to_hub(tmp_path, "me/bare")
    card = hub.files["README.md"].decode()
    for sentence in (
        "does not say what it was trained on",
        "None were measured",
        "is not stated by its owner",
    ):
        assert sentence in card


def test_what_cannot_be_sent_is_refused(folder: Path, tmp_path: Path, clip_folder: Path, hub: Any) -> None:
    with pytest.raises(InputError, match="user/my-model, got 'words'"):
        push_to_hub(folder, "words")
    with pytest.raises(ModelError, match=r"config\.json"):
        push_to_hub(tmp_path, "me/words")
    with pytest.raises(ModelError, match="got model_type 'clip'"):
        push_to_hub(clip_folder, "me/words")


def test_the_hubs_refusal_is_one_line(folder: Path, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Hub, repo: str, **options: Any) -> str:
        raise RuntimeError("401 Client Error\nlong\nstory")

    monkeypatch.setattr(Hub, "create_repo", refuse)
    with pytest.raises(ModelError, match=r"did not take it \(401 Client Error\)"):
        push_to_hub(folder, "me/words")


def test_a_dry_run_sends_nothing(folder: Path, hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    hub.calls = []
    assert main(["export", "hub", str(folder), "--repo", "me/words", "--dry-run"]) == 0
    out = capsys.readouterr()
    assert "## Training data" in out.out
    assert "vocabulary.tsv" in out.err
    assert "paths of this machine cut in" in out.err
    assert "settings.json" in out.err.split("cut in")[1]
    assert hub.calls == []


def test_offline_a_hub_id_opens_from_the_cache(folder: Path, tmp_path: Path) -> None:
    """The layout of the hub's own cache, made by hand; the library reads it without a network."""
    repo = tmp_path / "models--me--words"
    shutil.copytree(folder, repo / "snapshots" / "abc123", ignore=shutil.ignore_patterns("checkpoints"))
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    code = (
        "import tagalign\nmodel = tagalign.load('me/words')\nprint(model.method)\n"
        "try:\n    tagalign.load('me/other')\nexcept tagalign.ModelError as error:\n    print('refused:', error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "tagalign"
    assert second.startswith(
        "refused: me/other: not in the cache of this machine, and the hub was not reached"
    )
