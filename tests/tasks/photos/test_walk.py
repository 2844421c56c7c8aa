"""Photos below a folder, against what a plain search finds; links, results and what cannot be searched."""

import tarfile
from pathlib import Path

import pytest

from tagalign.tasks.photos.walk import Walk


@pytest.fixture
def tree(tmp_path):
    for name in (
        "b/2.jpg",
        "a.PNG",
        "b/1.webp",
        "b/c/d/e.jpeg",
        "notes.txt",
        "b/.hidden",
        "b/more.txt",
        "z.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def below(folder, **walk):
    return [found.path for found in Walk(**walk).below(str(folder))]


def test_every_photo_once_in_the_order_of_names(tree):
    wanted = [path for path in tree.rglob("*") if path.suffix.lower() in (".jpg", ".png", ".webp", ".jpeg")]
    found = below(tree)
    assert sorted(found) == sorted(map(str, wanted))
    assert found == [str(tree / name) for name in ("a.PNG", "b/1.webp", "b/2.jpg", "b/c/d/e.jpeg", "z.jpg")]


def test_other_files_are_counted_by_ending_hidden_ones_are_not(tree):
    walk = Walk()
    list(walk.below(str(tree)))
    assert walk.left_out == {".txt": 2}


def test_a_link_to_a_folder_above_is_named_and_not_followed(tree):
    (tree / "b/up").symlink_to(tree, target_is_directory=True)
    found = [one for one in Walk().below(str(tree)) if one.problem]
    assert [Path(one.path).name for one in found] == ["up"]
    assert "searched under one name only" in found[0].problem
    assert len(below(tree)) == 5 + 1


def test_a_link_to_a_folder_elsewhere_is_followed_once(tree, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "far.jpg").write_bytes(b"")
    (tree / "one").symlink_to(other, target_is_directory=True)
    (tree / "two").symlink_to(other, target_is_directory=True)
    found = list(Walk().below(str(tree)))
    assert [Path(one.path).name for one in found if one.path.endswith("far.jpg")] == ["far.jpg"]
    assert [Path(one.path).name for one in found if one.problem] == ["two"]


def test_a_folder_that_was_searched_is_not_searched_again(tree):
    walk = Walk()
    list(walk.below(str(tree / "b")))
    assert walk.has_seen(str(tree / "b"))
    assert not walk.has_seen(str(tree))
    assert [found.path for found in walk.below(str(tree))] == [str(tree / "a.PNG"), str(tree / "z.jpg")]


def test_results_of_a_run_are_passed_over(tree):
    (tree / "b/c/run-0-of-1.json").write_text("{}")
    walk = Walk(results=tree / "b/c/d")
    assert str(tree / "b/c/d/e.jpeg") not in [found.path for found in walk.below(str(tree))]
    assert walk.passed == [str(tree / "b/c")]
    named = Walk(results=tree / "b")
    list(named.below(str(tree)))
    assert named.passed == [str(tree / "b")]


def test_members_of_tars_come_in_their_place(tree):
    with tarfile.open(tree / "m.tar", "w") as file:
        file.addfile(tarfile.TarInfo("in.jpg"))
    found = [(Path(one.path).name, one.member) for one in Walk().below(str(tree))]
    assert found[-2:] == [("m.tar", "in.jpg"), ("z.jpg", None)]


def test_a_folder_that_is_gone_has_a_problem(tree):
    walk = Walk()
    found = walk._entries(str(tree / "nowhere"), str(tree))
    assert "cannot be searched" in next(iter(found)).problem
