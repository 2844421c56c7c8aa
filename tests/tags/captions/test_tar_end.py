"""How tars of Python's own writer end, whole, cut, damaged, and one behind the other."""

import io
import tarfile

import pytest

from tagalign.tags.captions.tar_end import bad_end


def tar_bytes(names=("a.txt", "b.txt")):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc"))
    return file.getvalue()


@pytest.fixture
def end_of(tmp_path):
    """What is said of a tar where ``tarfile`` stopped reading it."""

    def said(data):
        path = tmp_path / "x.tar"
        path.write_bytes(data)
        with path.open("rb") as file, tarfile.open(fileobj=file) as tar:
            tar.getmembers()
            return bad_end(file, tar.offset)

    return said


def test_a_whole_tar_ends_as_it_should(end_of):
    assert end_of(tar_bytes()) is None


@pytest.mark.parametrize("kept", [1024, 1024 + 100])
def test_a_cut_tar_is_called_cut(end_of, kept):
    said = end_of(tar_bytes()[:kept])
    assert said is not None
    assert said.startswith(f"the tar is cut or damaged after 1,024 of {kept:,} bytes")


def test_a_damaged_header_is_no_end(end_of):
    data = bytearray(tar_bytes())
    data[1024:1030] = b"\xff" * 6
    assert "cut or damaged after 1,024" in end_of(bytes(data))


def test_a_second_tar_behind_the_first_is_noticed(end_of):
    assert "another tar begins" in end_of(tar_bytes() + tar_bytes(["c.txt"]))
