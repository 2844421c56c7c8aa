"""One source of regions, and a run that does not go on with other ones."""

import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import InputError
from tagalign.tasks.photos.region_choice import RegionChoice
from tagalign.tasks.regions.options import RegionOptions


@pytest.fixture
def ids(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.eye(5, dtype=np.uint8)).save(path)
    return path


def test_what_is_described_changes_with_the_file_and_the_vote(ids):
    options = RegionOptions(min_pixels=3)
    first = RegionChoice(files=ids, only_photo=True, options=options).open().described
    assert first["hash"] == hashlib.sha256(ids.read_bytes()).hexdigest()[:16]
    assert first["files"] == str(ids)
    assert first["options"]["min_pixels"] == 3
    Image.fromarray(np.zeros((5, 5), dtype=np.uint8)).save(ids)
    second = RegionChoice(files=ids, only_photo=True, options=options).open().described
    assert {name for name in first if first[name] != second[name]} == {"hash"}


def test_a_folder_counts_by_its_name(ids):
    assert RegionChoice(files=ids.parent).open().described["hash"] == ""


def test_another_process_can_have_it(ids):
    choice = RegionChoice(files=ids, only_photo=True)
    assert pickle.loads(pickle.dumps(choice)) == choice


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give one of them"),
        ({"files": "a.png", "generator": "sam"}, "give one of them"),
        ({"files": "a.png", "points_per_side": 4}, "points_per_side belongs to a mask generator"),
    ],
)
def test_two_sources_none_and_points_of_files_are_refused(tmp_path, given, said):
    given = {name: tmp_path / value if name == "files" else value for name, value in given.items()}
    with pytest.raises(InputError, match=said):
        RegionChoice(**given)
