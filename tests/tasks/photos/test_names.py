"""No two results share a file: names of photos and labels, whatever they are called, within what a file system takes.

Holds ``tasks/photos/manifest.py``.
"""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagalign.atomic import portable
from tagalign.tasks.photos.manifest import read_manifest, write_manifest
from tagalign.tasks.photos.names import (
    LABEL_BYTES,
    PICTURES,
    STEM_BYTES,
    count_stems,
    folded,
    label_names,
    named,
)
from tagalign.tasks.photos.source import PhotoSource


def names_of(*paths):
    sources = [PhotoSource(path=path) for path in paths]
    return list(named(sources, count_stems(sources)))


def test_a_photo_keeps_its_name_where_no_other_has_it():
    assert names_of("photos/a.jpg", "photos/b.c.png") == ["a", "b.c"]


def test_twins_get_their_folders():
    assert names_of("ph/a/001.png", "ph/b/001.png", "ph/c.png") == ["ph__a__001.png", "ph__b__001.png", "c"]


@pytest.mark.parametrize(
    "paths",
    [
        ("a.png", ".a.png"),
        ("a.png", "A.png"),
        ("caf\u00e9.png", "cafe\u0301.png"),  # one letter in two Unicode forms
        ("b.png", "b.overlay.png"),
        ("b.png", "b.dog.heat.png", "b.dog.png"),
        ("x/y.png", "x__y.png.png", "z/y.png"),
        ("\u9577" * 82 + "a.png", "\u9577" * 82 + "b.png"),
        ("\udce9.png", "\udcea.png"),
        ("a.png", "a.jpg", "a"),
        ("a?.png", "a*.png", "a_.png", "x/a:.png"),
        ("con.png", "CON.jpg", "con_.png", "nul.tar.png"),
        ("a ..png", "a. .png", "a__.png"),
    ],
)
def test_files_of_two_photos_never_collide(paths):
    names = names_of(*paths)
    labels = label_names(["dog", "cat"])
    files = [f"{name}{end}" for name in names for end in (".png", ".overlay.png", ".trusty.png")]
    files += [f"{name}.{label}.heat.png" for name in names for label in labels]
    assert len({folded(file) for file in files}) == len(files)
    assert max(len(file.encode()) for file in files) <= 255
    assert not any(name.endswith(PICTURES) or name.startswith(".") for name in names)
    assert all(portable(file) == file for file in files)  # on every system


@pytest.mark.parametrize(
    "labels",
    [
        ("T-shirt", "T shirt"),
        ("\U0001f415", "\U0001f408"),
        ("a" * 99, "a" * 98),
        ("Dog", "dog"),
        ("\u9577" * 70,),
    ],
)
def test_every_label_has_a_heat_map_of_its_own(labels):
    names = label_names(labels)
    assert len({folded(name) for name in names}) == len(labels)
    assert all(0 < len(name.encode()) <= LABEL_BYTES and "." not in name for name in names)


PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=90).filter(
    lambda p: p not in {".", ".."}
)


@settings(max_examples=60, deadline=None)  # a hang alone is a failure: the machine may be busy
@given(st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), unique=True, max_size=12))
def test_names_are_handed_out_once_whatever_the_paths(paths):
    names = names_of(*paths)
    assert max(Counter(map(folded, names)).values(), default=1) == 1
    assert all(len(name.encode()) <= STEM_BYTES and "/" not in name for name in names)


@pytest.mark.parametrize("shards", [1, 3, 7])
def test_shards_cover_everything_once_and_agree_on_names(tmp_path, shards):
    sources = [PhotoSource(path=f"{i % 4}/{i // 4}ä.png") for i in range(11)]
    seen = []
    for i in range(shards):
        manifest = write_manifest(
            tmp_path / f"{i}.jsonl", sources, shard=(i, shards), part_size=2, with_names=True, folders=["."]
        )
        parts = [manifest.part(number) for number in range(len(manifest.starts))]
        assert sum(map(len, parts)) == manifest.count
        assert all(len(part) <= 2 for part in parts)
        assert list(itertools.chain(*parts)) == list(read_manifest(manifest.path))
        seen += [source for part in parts for source in part]
    assert sorted(s.key for s in seen) == sorted(s.key for s in sources)
    assert sorted(s.name for s in seen) == sorted(names_of(*(s.path for s in sources)))


def test_a_manifest_keeps_every_source(tmp_path):
    sources = [
        PhotoSource(path="caf\udce9.png"),
        PhotoSource(path="a\nb.tar", member="x/\udce9.png", offset=512, length=3),
        PhotoSource(path="loop", problem="a loop"),
    ]
    manifest = write_manifest(tmp_path / "m.jsonl", sources, shard=(0, 1), part_size=10)
    assert manifest.part(0) == sources
    manifest.path.read_bytes().decode("utf-8")


def test_lists_of_older_releases_are_read(tmp_path):
    (tmp_path / "m.jsonl").write_text(
        '["p/a.png", "p/a.png", null, null]\n["t.tar/b/c.png", "t.tar", 512, 9]\n'
    )
    assert list(read_manifest(tmp_path / "m.jsonl")) == [
        PhotoSource(path="p/a.png"),
        PhotoSource(path="t.tar", member="b/c.png", offset=512, length=9),
    ]


@pytest.mark.parametrize(
    ("paths", "folders", "root"),
    [
        (["p/a/1.png", "p/a/2.png"], ["p"], "p"),
        (["p/a/1.png", "p/b/2.png"], [], "p"),
        (["/x/p/1.png", "q/2.png"], [], ""),
        (["1.png"], [], ""),
    ],
)
def test_the_root_holds_all_photos(tmp_path, paths, folders, root):
    sources = [PhotoSource(path=path) for path in paths]
    manifest = write_manifest(tmp_path / "m", sources, shard=(0, 1), part_size=9, folders=folders)
    assert manifest.root == root
