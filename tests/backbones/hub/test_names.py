"""Names of the hub: what is one, what revision it means, and that it is written as it was read."""

import pytest

from tagalign.backbones.hub.names import HubId

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("name", "repo", "revision"),
    [
        ("org/model", "org/model", "main"),
        ("org/model@main", "org/model", "main"),
        ("org-1/my.model_2@v1.0", "org-1/my.model_2", "v1.0"),
        ("org/model@refs/pr/3", "org/model", "refs/pr/3"),
        (f"org/model@{COMMIT}", "org/model", COMMIT),
    ],
)
def test_a_repository_and_its_revision(name, repo, revision):
    found = HubId.parse(name)
    assert found == HubId(repo, revision)
    assert HubId.parse(str(found)) == found


@pytest.mark.parametrize(
    "name",
    ["", "model", "a/b/c", "/org/model", "./model", "org/", "org/model@", "org/mo del", "org/model@a@b"],
)
def test_what_cannot_be_one_is_none(name):
    assert HubId.parse(name) is None


@pytest.mark.parametrize(
    ("revision", "whole"), [(COMMIT, True), (COMMIT[:-1], False), (COMMIT.upper(), False), ("main", False)]
)
def test_only_a_whole_hash_is_a_commit(revision, whole):
    assert HubId("org/model", revision).is_commit is whole
