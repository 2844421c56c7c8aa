"""What a run was can be read back: every field, the versions, the command and the commit."""

import dataclasses
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tagalign.cli.shared import run_record
from tagalign.cli.shared.run_record import git_commit, settings_values, write_settings


@dataclasses.dataclass
class Inner:
    share: float = 0.5


@dataclasses.dataclass
class Settings:
    out: Path = Path("a/b")
    labels: tuple[str, ...] = ("dog", "猫")
    inner: Inner = dataclasses.field(default_factory=Inner)
    nothing: None = None


def test_all_fields_are_values_of_json():
    assert settings_values(Settings()) == {
        "out": "a/b", "labels": ["dog", "猫"], "inner": {"share": 0.5}, "nothing": None,
    }  # fmt: skip


def test_the_file_says_what_ran(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["x", "tag", "--out", "y"])
    write_settings(tmp_path, Settings(), labels=["dog"])
    found = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
    assert found["settings"] == settings_values(Settings())
    assert found["command"] == ["tagalign", "tag", "--out", "y"]
    assert found["labels"] == ["dog"]
    assert found["versions"]["torch"] == version("torch")
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_the_commit_is_gits_and_none_without_git(monkeypatch):
    here = subprocess.run(
        ["git", "-C", str(Path(run_record.__file__).parent), "rev-parse", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert git_commit() == (here.stdout.strip() or None)

    def no_git(*given, **named):
        raise OSError("no git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert git_commit() is None
