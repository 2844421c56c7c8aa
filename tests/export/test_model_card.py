"""A card says what the folder knows, and that it does not know the rest."""

import json

import pytest

from tagalign.export.model_card import SHOWN_TAGS, hub_card

CONFIG = {"model_type": "tagalign", "backbone": "openai/clip-vit-base-patch16", "backbone_hash": "abc"}


def test_an_empty_folder_claims_nothing(tmp_path):
    card = hub_card(tmp_path, {"model_type": "tagalign"}, licence="other")
    for text in (
        "does not say what it was trained on", "holds no settings of a run", "Open: any words at run time",
        "None were measured", "is not stated by its owner",
    ):  # fmt: skip
        assert text in card
    assert "base_model" not in card


def test_the_header_is_the_hubs(tmp_path):
    lines = hub_card(tmp_path, CONFIG, licence="mit").splitlines()
    header = lines[1 : lines.index("---", 1)]
    assert lines[0] == "---"
    assert {
        "library_name: tagalign",
        "license: mit",
        "- tagalign",
        f"base_model: {CONFIG['backbone']}",
    } <= set(header)
    assert header.count("- tagalign") == 1


@pytest.mark.parametrize("backbone", ["/home/me/clip", "./org/clip", "tiny"])
def test_a_backbone_that_is_not_on_the_hub_is_no_base_model(tmp_path, backbone):
    card = hub_card(tmp_path, CONFIG | {"backbone": backbone}, licence="mit")
    assert "base_model" not in card
    assert "/home/me" not in card


def test_training_data_names_and_results_come_from_the_files(tmp_path):
    settings = {"data": ["/home/me/pairs.tar", "b.tar"], "steps": 9, "loss": "balanced", "tags": None}
    (tmp_path / "settings.json").write_text(json.dumps({"settings": settings}))
    names = [f"tag{i}" for i in range(SHOWN_TAGS + 3)]
    rows = "".join(f"{i}\t{name}\tobject\t1\n" for i, name in enumerate(names))
    (tmp_path / "vocabulary.tsv").write_text("id\ttag\tkind\tcount\n" + rows)
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval/result.json").write_text(json.dumps({"metrics": {"miou": 41.23456, "images": 9}}))
    card = hub_card(tmp_path, CONFIG, licence="mit")
    assert "| data | pairs.tar, b.tar |" in card
    assert "/home/me" not in card
    assert "| steps | 9 |" in card
    assert "| tags |" not in card
    assert f"{SHOWN_TAGS + 3} names were trained on: tag0, tag1" in card
    assert "and 3 more." in card
    assert "`eval/result.json`" in card
    assert "| miou | 41.23 |" in card
    assert "| images |" not in card


def test_trained_names_of_the_config_win_and_damaged_files_are_passed_over(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    (tmp_path / "result.json").write_text("[]")
    card = hub_card(tmp_path, CONFIG | {"trained": ["dog", "cat"]}, licence="mit")
    assert "2 names were trained on: dog, cat." in card
    assert "None were measured" in card
