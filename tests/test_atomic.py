import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors import SafetensorError

from tagalign.atomic import atomic_write, flush_folder, portable, sweep
from tagalign.errors import InputError


def test_the_file_appears_whole_and_alone(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "new" / "a.txt") as temp:
        temp.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.txt"]
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"


def write_half(path: Path, error: type[BaseException]) -> None:
    with atomic_write(path) as temp:
        temp.write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interrupted_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error):
        write_half(path, error)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"cannot write .*a\.txt: No space left"),
        atomic_write(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"), atomic_write(tmp_path / "file" / "a.txt") as temp:
        temp.write_text("x")


def test_a_file_that_another_run_swept_away_is_told_as_such(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(tmp_path / "a.txt") as temp:
            temp.write_text("half")
            sweep(tmp_path)

    with pytest.raises(InputError, match=r"a\.txt: it was taken away .* another run writes into this folder"):
        write()
    with pytest.raises(InputError, match=r"a\.txt: No such file"), atomic_write(tmp_path / "a.txt"):
        (tmp_path / "missing").read_text()
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with atomic_write(tmp_path / "a") as temp:
        temp.write_text("")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a")]
    assert modes[0] == modes[1]


def test_long_names_fit(tmp_path: Path) -> None:
    with atomic_write(tmp_path / ("x" * 250)) as temp:
        temp.write_text("")
    assert len(list(tmp_path.iterdir())) == 1


def test_files_of_safetensors_can_be_read_by_others_as_every_new_file(tmp_path):
    import torch
    from safetensors.torch import save_file

    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "a.safetensors") as temp:
        save_file({"a": torch.zeros(1)}, temp)
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_disk_that_is_full_for_safetensors_too(tmp_path: Path) -> None:
    """Its own error, as safetensors 0.8 writes it; another one is a fault of ours."""
    with pytest.raises(InputError, match=r"cannot write .*os error 28"), atomic_write(tmp_path / "a"):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    with pytest.raises(SafetensorError), atomic_write(tmp_path / "a"):
        raise SafetensorError("Error while serializing: invalid tensor")


@pytest.mark.parametrize(
    ("names", "left"), [(["a.txt"], {"b", "user"}), (None, {"user"}), ([], {"a", "b", "user"})]
)
def test_what_killed_runs_left_is_swept_by_name(
    tmp_path: Path, names: list[str] | None, left: set[str]
) -> None:
    files = {"a": ".a.txt.0123abcd.tmp", "b": ".ba.txt.0123abcd.tmp", "user": ".a.txt.mine.tmp"}
    for name in files.values():
        (tmp_path / name).write_text("half")
    sweep(tmp_path, names)
    assert {p.name for p in tmp_path.iterdir()} == {files[name] for name in left}


# written out from Microsoft's page about naming files, not from the code
REFUSED = '<>:"/\\|?*' + "".join(map(chr, range(32)))
DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789"),
}


@given(st.text(alphabet=st.sampled_from("aN.c o:?*\\|\x01\u8a9euxtlp1\u00b9"), max_size=8))
@example("con")
@example("NUL.tar.gz")
@example("com1 .txt")
@example("icon.")
def test_every_system_takes_a_portable_name(name: str) -> None:
    found = portable(name)
    assert not set(found) & set(REFUSED)
    assert not found.endswith((".", " "))
    assert found.partition(".")[0].rstrip().casefold() not in DEVICES
    assert portable(found) == found
    if not set(name) & set(REFUSED) and not name.endswith((".", " ")) and name[:3].lower() in ("", "a", "語"):
        assert found == name


def test_a_folder_that_cannot_be_opened_is_not_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush_folder(tmp_path)

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)  # as Windows does for every folder
    flush_folder(tmp_path)


def test_what_is_flushed_is_open_for_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses to flush a file that is open for reading."""
    opened = []
    real = os.open

    def note(path: object, flags: int, *rest: int) -> int:
        opened.append(flags)
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", note)
    with atomic_write(tmp_path / "a.txt") as temp:
        temp.write_text("a", encoding="utf-8")
    assert opened[-1] & (os.O_RDWR | os.O_WRONLY)
