"""Objects of captions, counted once a caption."""

import json

import pytest

from tagalign.errors import InputError
from tagalign.tags.caption_counts import caption_objects
from tagalign.tags.parsers import load_parser


def test_objects_are_counted_once_a_caption_in_their_canonical_form(tmp_path):
    path = tmp_path / "captions.jsonl"
    captions = ["A dog and two dogs on the grass", "A DOG by a car", "cars", "", "A unicorn"]
    path.write_text(
        "".join(json.dumps({"image": f"{i}.jpg", "caption": c}) + "\n" for i, c in enumerate(captions))
    )
    assert caption_objects([path], load_parser("rules")) == {"car": 2, "dog": 2}
    assert list(caption_objects([path], load_parser("rules"), least=1))[:2] == ["car", "dog"]
    assert len(caption_objects([path], load_parser("rules"), most=1)) == 1


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.jsonl"):
        caption_objects([tmp_path / "nothing.jsonl"], load_parser("rules"))
