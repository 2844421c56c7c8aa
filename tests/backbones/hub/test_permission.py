"""Whose pickles are opened without a question: those of the table of published models, and whoever the user trusts."""

from pathlib import Path

import pytest

from tagalign.backbones.hub.permission import may_open_pickle, refuse_pickle
from tagalign.backbones.models import known_models
from tagalign.errors import ModelError


def test_every_published_model_is_opened():
    assert all(may_open_pickle(model.id, allow_pickle=False) for model in known_models())


@pytest.mark.parametrize("repo", [None, "stranger/model"])
def test_others_only_where_the_user_says_so(repo):
    assert not may_open_pickle(repo, allow_pickle=False)
    assert may_open_pickle(repo, allow_pickle=True)


@pytest.mark.parametrize(
    ("repo", "whose"), [(None, "lies in a folder"), ("stranger/model", "not in our table")]
)
def test_the_refusal_names_the_file_and_the_flag(repo, whose):
    with pytest.raises(ModelError, match=rf"^m: .*weights\.bin.*{whose}.*--allow-pickle"):
        refuse_pickle("m", Path("/x/weights.bin"), repo)
