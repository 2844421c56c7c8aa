"""Folders of the machine leave a record, addresses, fractions and relative paths stay."""

import pytest

from tagalign.private_paths import without_folders


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/me/my photos/a b.tar", "a b.tar"),
        ("~/models/clip/", "clip"),
        (r"C:\Users\me\pairs.tar", "pairs.tar"),
        (r"\\server\share\pairs.tar", "pairs.tar"),
        ("read /home/me/a.json, /srv/x/b.json", "read a.json, b.json"),
        ("--out=/home/me/run", "--out=run"),
    ],
)
def test_absolute_paths_are_cut_to_their_last_name(text, left):
    assert without_folders(text) == left


@pytest.mark.parametrize(
    "text", ["https://host/a/b", "openai/clip-vit-base-patch16", "1/2", "runs/x", "a photo", "", "half/whole"]
)
def test_what_is_no_path_of_a_machine_stays(text):
    assert without_folders(text) == text


def test_keys_lists_and_other_values():
    told = {"/home/me/a": [1, None, True, ["/home/me/b"]], "n": 0.5}
    assert without_folders(told) == {"a": [1, None, True, ["b"]], "n": 0.5}
