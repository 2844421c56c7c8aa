"""The public door: what is exported, and what importing costs."""

import ast
import subprocess
import sys
import typing
from pathlib import Path

import tagalign

ROOT = Path(__file__).resolve().parents[1]


PROMISED = {
    "doors": {"load", "Model", "load_label_set", "load_parser", "TagVocabulary"},
    "values": {"EncodedImage", "EncodedLabels", "View", "Label", "LabelSet", "Hit"},
    "answers": {"Tagging", "Segmentation", "Referring", "Caption", "Ranking"},
    "abilities": {"Tagger", "Segmenter", "Referrer", "HeatMapper", "Captioner", "Answerer", "Ranker"},
    "errors": {
        "TagalignError", "InputError", "UnknownNameError", "DataError", "ImageError", "ModelError",
        "MissingPartError", "MissingExtraError", "ServerError",
    },
}  # fmt: skip
"""What users may rely on, written down here by hand: a name that comes or goes is a decision, with a changelog line."""


def test_the_door_has_what_was_promised_and_no_more():
    assert tagalign.__all__ == sorted(tagalign.__all__)
    assert set(tagalign.__all__) == set().union(*PROMISED.values())


def test_what_type_checkers_see_is_what_is_exported():
    """Names imported under TYPE_CHECKING, read from the source, are those that ``dir`` and ``__all__`` give."""
    source = Path(tagalign.__file__).read_text(encoding="utf-8")
    seen = {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tagalign")
        for alias in node.names
    }
    assert seen == set(tagalign.__all__)


def test_answers_are_what_the_model_returns():
    """The annotations of the model's verbs name public types."""
    hints = {
        name: typing.get_type_hints(getattr(tagalign.Model, name))["return"]
        for name in ("tag", "segment", "refer")
    }
    assert hints == {"tag": tagalign.Tagging, "segment": tagalign.Segmentation, "refer": tagalign.Referring}


def test_fewer_than_forty_names():
    assert len(tagalign.__all__) < 40


def test_every_name_can_be_reached():
    for name in tagalign.__all__:
        assert getattr(tagalign, name) is not None


def test_unknown_name_is_an_attribute_error():
    import pytest

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tagalign.nothing  # noqa: B018


def test_importing_loads_nothing_heavy():
    code = "import sys, tagalign; print(sorted({'torch', 'numpy', 'transformers', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom tagalign.cli.main import main\nassert main(['--help']) == 0\n"
        "print(sorted({'torch', 'numpy', 'transformers', 'tyro', 'dataclasses', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
