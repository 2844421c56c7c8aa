"""Which photos a run means: every kind of input, each photo once, and everything in the way named and passed over.

Holds ``tasks/photos/tars.py``.
"""

import io
import os
import tarfile

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import DataError, ImageError, InputError
from tagalign.tasks.photos.inputs import Inputs, standard_input
from tagalign.tasks.photos.keys import key_of, path_of
from tagalign.tasks.photos.tars import source_of

AS_ROOT = os.geteuid() == 0  # who may read everything meets no locked folder


def save(path, colour=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), colour, dtype=np.uint8)).save(path)
    return path


def tar_of(path, *members):
    with tarfile.open(path, "w") as file:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def png(colour=0):
    buffer = io.BytesIO()
    Image.fromarray(np.full((6, 8, 3), colour, dtype=np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "a.png", "b/1.JPG", "c.webp"):
        save(tmp_path / name)
    (tmp_path / "notes.md").write_text("no image")
    return tmp_path


@pytest.fixture
def tar(tmp_path):
    pairs = [((f"{i}.png", png(40 * i)), (f"{i}.txt", b"a caption")) for i in range(5)]
    return tar_of(tmp_path / "shard.tar", *(member for pair in pairs for member in pair))


def names(items, root, **more):
    return [s.key.removeprefix(f"{root}/") for s in Inputs(items=items, **more)]


def test_folders_are_searched_in_the_order_of_names(folder):
    assert names([str(folder)], folder) == ["a.png", "b/1.JPG", "b/2.png", "c.webp"]


def test_patterns_lists_and_lines(folder):
    assert names([f"{folder}/b/*"], folder) == ["b/1.JPG", "b/2.png"]
    (folder / "list.txt").write_text(f"{folder}/a.png\n\n{folder}/gone.png\n")
    # paths of a list are taken as they are: a missing one is reported when its turn comes
    assert names([f"{folder}/list.txt"], folder) == ["a.png", "gone.png"]
    assert names(["-"], folder, lines=[f"{folder}/a.png\n"]) == ["a.png"]


def test_a_line_of_a_list_may_be_a_folder_or_a_tar(folder, tar):
    lines = [f"{folder}/b\n", f"{tar}\n", f"{folder}/b/2.png\n"]
    assert names(["-"], folder, lines=lines) == [
        "b/1.JPG",
        "b/2.png",
        *(f"shard.tar/{i}.png" for i in range(5)),
    ]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lists_of_every_common_encoding(tmp_path, encoding, newline):
    photo = save(tmp_path / "café.png")
    (tmp_path / "list.txt").write_bytes(f"{photo}{newline}{newline}".encode(encoding))
    (source,) = Inputs(items=[f"{tmp_path}/list.txt"])
    assert source.open().size == (8, 6)


def test_what_other_programs_put_around_paths(tmp_path):
    for name in ("a b.png", "100%.png", "it's.png", '"q".png', " x.png"):
        save(tmp_path / name)
    folder, lists = str(tmp_path), {
        f'"{tmp_path}/a b.png"\r\n\'{tmp_path}/it\'s.png\'\r\n': ["a b.png", "it's.png"],  # "copy as path"
        f"file://{tmp_path}/a%20b.png\nfile://localhost{tmp_path}/100%25.png\n": ["a b.png", "100%.png"],
        f"  {tmp_path}/100%.png\t\n": ["100%.png"],
        f'{tmp_path}/"q".png\n{tmp_path}/ x.png\n': ['"q".png', " x.png"],  # names of their own
        f"{tmp_path}/a b.png\r{tmp_path}/100%.png\r": ["a b.png", "100%.png"],
        f"{tmp_path}/a b.png\0{tmp_path}/100%.png\0": ["a b.png", "100%.png"],
        '"gone.png"\n': ['"gone.png"'],  # nothing of it is there: named as it was written
    }  # fmt: skip
    for text, expected in lists.items():
        (tmp_path / "list.txt").write_text(text, newline="")
        assert names([f"{tmp_path}/list.txt"], folder) == expected


def test_a_list_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00\xd8\x00")
    with pytest.raises(InputError, match="expected a list of paths as text"):
        list(Inputs(items=[f"{tmp_path}/list.txt"]))


def test_lines_end_as_on_any_system(folder):
    lines = [f"{folder}/a.png\r\n".encode(), f"{folder}/c.webp\0{folder}/b/2.png\0".encode(), b" \n"]
    assert names(["-"], folder, lines=lines) == ["a.png", "c.webp", "b/2.png"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "utf-32"])
def test_other_shells_write_wide_letters_to_standard_input(folder, encoding):
    """PowerShell pipes UTF-16, older ones with a mark; bytes come by lines that end inside of a letter."""
    raw = f"{folder}/a.png\r\n{folder}/c.webp\r\n".encode(encoding)
    assert names(["-"], folder, lines=io.BytesIO(raw)) == ["a.png", "c.webp"]
    with pytest.raises(InputError, match="standard input: expected a list of paths as text"):
        names(["-"], folder, lines=io.BytesIO("\ufeff".encode("utf-16-le") + b"\x00\xd8\x00"))


def test_short_names_with_zero_bytes_between_are_no_wide_letters(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("x", "yy", "z"):
        (folder / name).write_bytes(png())
    lines = [b"x\0yy\0z\0a.png\0"]
    assert names(["-"], folder, lines=lines) == ["x", "yy", "z", "a.png"]


def test_closed_standard_input_means_no_path(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="no path came on standard input"):
        list(Inputs(items=["-"], lines=standard_input()))


def test_an_image_meant_twice_comes_once(folder, monkeypatch):
    found = ["a.png", "b/1.JPG", "b/2.png", "c.webp"]
    assert names([f"{folder}/a.png", str(folder), f"{folder}/a.png"], folder) == found
    assert sorted(names([f"{folder}/b", str(folder)], folder)) == sorted(found)
    assert names([str(folder), f"{folder}/b"], folder) == found
    monkeypatch.chdir(folder)
    assert names(["a.png", "./a.png", f"{folder}/a.png"], folder) == ["a.png"]
    (folder / "list.txt").write_text("a.png\na.png\n")
    assert names(["list.txt"], folder) == ["a.png"]


def test_members_of_a_tar_are_read_where_they_lie(tar):
    sources = list(Inputs(items=[str(tar)]))
    assert [s.key for s in sources] == [f"{tar}/{i}.png" for i in range(5)]
    assert [s.open().getpixel((0, 0))[0] for s in sources] == [0, 40, 80, 120, 160]
    assert [s.size() for s in sources] == [(6, 8)] * 5
    assert source_of(f"{tar}/3.png").open().getpixel((0, 0))[0] == 120
    with pytest.raises(DataError, match="no longer in the tar"):
        source_of(f"{tar}/9.png").open()


def test_compressed_empty_and_damaged_tars_are_named_and_passed_over(tmp_path, tar):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as file:
        file.add(tar, "shard.tar")
    (tmp_path / "y.tar").write_bytes(b"no tar at all" * 100)
    (tmp_path / "z.tar").touch()
    sources = list(Inputs(items=[str(tmp_path)]))
    assert [s.key for s in sources if s.problem is None] == [f"{tar}/{i}.png" for i in range(5)]
    problems = {os.path.basename(s.key): s.problem for s in sources if s.problem}  # noqa: PTH119
    assert set(problems) == {"x.tar.gz", "y.tar", "z.tar"}
    assert "decompress it first" in problems["x.tar.gz"]
    assert "expected an uncompressed tar" in problems["y.tar"]
    assert "empty" in problems["z.tar"]
    with pytest.raises(DataError, match=r"y\.tar: expected an uncompressed tar"):
        next(s for s in sources if s.key.endswith("y.tar")).open()


@pytest.mark.parametrize("where", ["in a photo", "in a header", "between photos"])
def test_a_cut_tar_names_what_it_lost(tar, where):
    whole = list(Inputs(items=[str(tar)]))
    third = whole[3]
    at = {
        "in a photo": third.offset + 10,
        "in a header": third.offset - 100,
        "between photos": third.offset - 512,
    }
    os.truncate(tar, at[where])
    sources = list(Inputs(items=[str(tar)]))
    good = [s.key for s in sources if s.problem is None]
    assert good[:3] == [s.key for s in whole[:3]]
    if where == "in a photo":
        with pytest.raises(ImageError, match="the tar ends inside it"):
            sources[3].open()
    assert sources[-1].key == str(tar)
    assert "photos behind that are lost" in sources[-1].problem


def test_a_damaged_header_in_the_middle_is_named(tar):
    second = list(Inputs(items=[str(tar)]))[2]
    with tar.open("r+b") as file:
        file.seek(second.offset - 512 + 148)  # its checksum
        file.write(b"xxxxxxxx")
    sources = list(Inputs(items=[str(tar)]))
    assert len([s for s in sources if s.problem is None]) == 2
    assert "cut or damaged" in sources[-1].problem


def test_a_tar_behind_a_tar_is_named(tmp_path):
    tar_of(tmp_path / "a.tar", ("1.png", png()))
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes() * 2)
    photo, problem = Inputs(items=[f"{tmp_path}/a.tar"])
    assert photo.open().size == (8, 6)
    assert "another tar begins behind the end of the first" in problem.problem
    assert "photos behind that are lost" in problem.problem


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members_with_long_absolute_and_parent_names_lead_back(tmp_path, format):
    members = ("x" * 120 + "/" + "\u9577" * 80 + ".png", "/abs.png", "../up.png", "a.jpg/b.PNG")
    with tarfile.open(tmp_path / "a.tar", "w", format=format) as file:
        for name in members:
            info = tarfile.TarInfo(name)
            info.size = len(png())
            file.addfile(info, io.BytesIO(png()))
    sources = list(Inputs(items=[f"{tmp_path}/a.tar"]))
    assert tuple(source.member for source in sources) == members
    assert all(source_of(source.key).open().size == (8, 6) for source in sources)


def test_twins_and_links_inside_a_tar_are_named(tmp_path):
    path = tar_of(tmp_path / "t.tar", ("a.png", png()), ("a.png", png(9)))
    with tarfile.open(path, "a") as file:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.LNKTYPE, "a.png"
        file.addfile(link)
    sources = list(Inputs(items=[str(path)]))
    assert [s.problem is None for s in sources] == [True, False, False]
    assert "a second photo of this name" in sources[1].problem
    assert "a link to a.png" in sources[2].problem


def test_loops_of_links_are_named_and_no_folder_comes_twice(folder):
    (folder / "b" / "up").symlink_to(folder)
    (folder / "b" / "self").symlink_to("self")
    (folder / "b" / "twin").symlink_to(folder / "deep")
    save(folder / "deep" / "z.png")
    sources = list(Inputs(items=[str(folder)]))
    good = [s.key.removeprefix(f"{folder}/") for s in sources if s.problem is None]
    assert good == ["a.png", "b/1.JPG", "b/2.png", "c.webp", "deep/z.png"]
    assert {s.key.rpartition("/")[2] for s in sources if s.problem} == {"up", "self", "twin"}


def test_a_link_to_photos_elsewhere_is_followed_once(tmp_path):
    save(tmp_path / "far" / "x.png")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "here")
    (tmp_path / "here").mkdir()
    for name in ("one", "two"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "far")
    sources = list(Inputs(items=[f"{tmp_path}/here"]))
    assert [s.key.removeprefix(f"{tmp_path}/here/") for s in sources if s.problem is None] == ["one/x.png"]


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_a_locked_folder_is_named(folder):
    (folder / "b").chmod(0)
    try:
        sources = list(Inputs(items=[str(folder)]))
    finally:
        (folder / "b").chmod(0o755)
    assert [s.problem for s in sources if s.problem] == ["the folder cannot be searched (Permission denied)"]


def test_pipes_are_not_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    (source,) = [s for s in Inputs(items=[str(folder)]) if s.key.endswith("pipe.png")]
    with pytest.raises(ImageError, match="a pipe or a device"):
        source.open()


def test_own_results_are_never_input(folder):
    save(folder / "masks" / "a.png")
    save(folder / "old" / "a.png")
    (folder / "old" / "run-00000-of-00001.json").write_text("{}")
    inputs = Inputs(items=[str(folder)], results=folder / "masks")
    assert [s.key.removeprefix(f"{folder}/") for s in inputs] == ["a.png", "b/1.JPG", "b/2.png", "c.webp"]
    save(folder / "old" / "sheet.jpg")
    assert names([f"{folder}/old"], folder) == [
        "old/a.png"
    ]  # asked for by name: all but the sheet of that run
    assert [note for note in inputs.notes() if "holds results" in note] == [
        f"{folder}/masks: holds results, not searched", f"{folder}/old: holds results, not searched",
    ]  # fmt: skip


def test_endings_that_pillow_reads_are_taken_and_the_others_counted(tmp_path):
    for ending in ("jfif", "jpe", "jpg", "tga", "ppm", "jp2"):
        save(tmp_path / f"a.{ending}") if ending != "jfif" else (tmp_path / "a.jfif").write_bytes(b"")
    for name in ("x.mov", "y.MOV", "z.docx", "noending", ".DS_Store"):
        (tmp_path / name).touch()
    inputs = Inputs(items=[str(tmp_path)])
    assert [s.key.rpartition(".")[2] for s in inputs] == ["jfif", "jp2", "jpe", "jpg", "ppm", "tga"]
    (note,) = inputs.notes()
    assert note == "4 files are no photos that can be read here: 2 .mov, 1 without ending, 1 .docx" or (
        note.startswith("4 files are no photos") and "2 .mov" in note
    )


def test_names_that_are_not_utf8_are_processed(tmp_path):
    name = os.fsdecode(b"caf\xe9\n.png")
    save(tmp_path / name)
    (tmp_path / os.fsdecode(b"bad\xff.png")).write_bytes(b"no image")
    bad, good = Inputs(items=[str(tmp_path)])
    assert good.key == f"{tmp_path}/caf\\xe9\\x0a.png"
    assert good.open().size == (8, 6)
    assert source_of(good.key).open().size == (8, 6)
    with pytest.raises(ImageError) as raised:
        bad.open()
    str(raised.value).encode()  # what cannot be encoded would end a log or a JSON file


@pytest.mark.parametrize(
    "raw", [b"a.png", b"caf\xe9", rb"a\xe9.png", rb"a\xe9" + b"\xe9", b"a\\b\nc", "長é".encode()]
)
def test_every_key_leads_back_to_its_path(raw):
    path = os.fsdecode(raw)
    assert path_of(key_of(path)) == path
    key_of(path).encode()


def test_damaged_members_name_their_key(tmp_path):
    path = tar_of(tmp_path / "x.tar", ("a.png", png()[:20]))
    (source,) = Inputs(items=[str(path)])
    with pytest.raises(ImageError, match=r"x.tar/a.png: "):
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
        list(Inputs(items=[item if item == "-" else str(tmp_path / item)]))
