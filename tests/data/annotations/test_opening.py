"""A file is opened as what it seems to be, and labels come out as text that any file can hold."""

import json

import pytest
from annotation_toys import save_photos

from tagalign.data.annotations.laid import LayingRules, lay
from tagalign.data.annotations.opening import OpenedAnnotations, format_of
from tagalign.data.annotations.photo_folder import PhotoFolder
from tagalign.data.annotations.targets.own_folder import write_own_folder
from tagalign.errors import InputError
from tagalign.labels import Label, LabelSet

HALF = "ca\ud800t"  # JSON's escape of half a character


@pytest.fixture
def studio(tmp_path):
    save_photos(tmp_path / "photos", "a.jpg")
    value = {"x": 0, "y": 0, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": [HALF]}
    sides = {"original_width": 80, "original_height": 60}
    results = [{"type": "rectanglelabels", "value": value, **sides}, {"value": {"choices": [HALF, "dog"]}}]
    task = {
        "data": {"image": "a.jpg"},
        "annotations": [{"result": results}],
        "predictions": [{"result": results}],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps([task]))
    return path


def test_half_a_character_in_a_label_becomes_a_box(studio, tmp_path):
    photos = PhotoFolder(tmp_path / "photos")
    opened = OpenedAnnotations(studio, photos, "label-studio")
    (photo,) = opened.read()
    whole = ("ca\ufffdt", "dog")
    assert (photo.tags, photo.given, opened.names, photo.regions[0].label) == (whole, whole, whole, whole[0])
    laid = lay(studio, "label-studio", photos, LayingRules())
    labels = LabelSet(name="own", labels=tuple(Label(name=name) for name in laid.labels))
    write_own_folder(laid, labels, tmp_path / "out", "benchmark")
    laid.close()


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        format_of(tmp_path / "none.json")
