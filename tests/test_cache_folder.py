"""The folder of what can be made again: chosen by the user, else where the system keeps such things."""

from pathlib import Path

from tagalign.cache_folder import default_cache_dir


def test_the_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("TAGALIGN_CACHE", str(tmp_path))
    assert default_cache_dir() == tmp_path


def test_without_a_choice_it_lies_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("TAGALIGN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "tagalign"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "tagalign"
