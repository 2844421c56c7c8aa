"""Which images a run means: every kind of input, shards that share nothing, a list on disk that can be entered anywhere."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import DataError, ImageError, InputError
from tagalign.tasks.label_inputs import ImageSource, list_sources, open_key, write_manifest


def save(path, colour=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), colour, dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "a.png", "b/1.JPG", "notes.md", "c.webp"):
        if name.endswith("md"):
            (tmp_path / name).write_text("no image")
        else:
            save(tmp_path / name)
    return tmp_path


@pytest.fixture
def tar(tmp_path):
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w") as file:
        for i in range(5):
            buffer = io.BytesIO()
            Image.fromarray(np.full((6, 8, 3), 40 * i, dtype=np.uint8)).save(buffer, format="PNG")
            for name, content in ((f"{i}.png", buffer.getvalue()), (f"{i}.txt", b"a caption")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return path


def names(sources, root):
    return [s.key.removeprefix(f"{root}/") for s in sources]


def test_folders_are_searched_in_the_order_of_names(folder):
    assert names(list_sources([str(folder)]), folder) == ["a.png", "b/1.JPG", "b/2.png", "c.webp"]


def test_patterns_lists_and_lines(folder):
    assert names(list_sources([f"{folder}/b/*"]), folder) == ["b/1.JPG", "b/2.png"]
    (folder / "list.txt").write_text(f"{folder}/a.png\n\n{folder}/gone.png\n")
    # paths of a list are taken as they are: a missing one is reported when its turn comes
    assert names(list_sources([f"{folder}/list.txt"]), folder) == ["a.png", "gone.png"]
    assert names(list_sources(["-"], [f"{folder}/a.png\n"]), folder) == ["a.png"]


def test_an_image_meant_twice_comes_once(folder):
    assert names(list_sources([f"{folder}/a.png", str(folder), f"{folder}/a.png"]), folder) == [
        "a.png", "b/1.JPG", "b/2.png", "c.webp",
    ]  # fmt: skip


def test_members_of_a_tar_are_read_where_they_lie(tar):
    sources = list(list_sources([str(tar)]))
    assert [s.key for s in sources] == [f"{tar}/{i}.png" for i in range(5)]
    assert [s.open().getpixel((0, 0))[0] for s in sources] == [0, 40, 80, 120, 160]
    assert open_key(f"{tar}/3.png").getpixel((0, 0))[0] == 120
    with pytest.raises(ImageError, match="no longer in the tar"):
        open_key(f"{tar}/9.png")


def test_compressed_and_damaged_tars_are_refused(tmp_path, tar):
    packed = tmp_path / "x.tar.gz"
    with tarfile.open(packed, "w:gz") as file:
        file.add(tar, "shard.tar")
    (tmp_path / "y.tar").write_bytes(b"no tar at all" * 100)
    for path in (packed, tmp_path / "y.tar"):
        with pytest.raises(DataError, match="expected an uncompressed tar"):
            list(list_sources([str(path)]))


def test_damaged_members_name_their_key(tmp_path):
    source = ImageSource(key="x.tar/a.png", path=str(save(tmp_path / "a.png")), offset=3, length=20)
    with pytest.raises(ImageError, match=r"x.tar/a.png"):
        source.open()


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("nothing.png", "no such file"),
        ("*.nothing", "no file matches"),
        ("-", "no path came"),
        ("", "no image in this folder"),
    ],
)
def test_inputs_without_images_are_refused(tmp_path, item, message):
    with pytest.raises(InputError, match=message):
        list(list_sources([item if item == "-" else str(tmp_path / item)]))


@pytest.mark.parametrize("shards", [1, 3, 7])
def test_shards_cover_everything_once(tmp_path, shards):
    sources = [ImageSource(key=f"{i}ä.png", path=f"{i}ä.png") for i in range(11)]
    seen = []
    for i in range(shards):
        manifest = write_manifest(tmp_path / f"{i}.jsonl", sources, shard=(i, shards), part_size=2)
        parts = [manifest.part(number) for number in range(len(manifest.starts))]
        assert sum(map(len, parts)) == manifest.count
        assert all(len(part) <= 2 for part in parts)
        seen += [source for part in parts for source in part]
    assert sorted(seen, key=lambda s: int(s.key[:-5])) == sources
