"""The client asks the stand-in for the time of a block, and everything is as before afterwards."""

import os
from contextlib import suppress
from pathlib import Path

from huggingface_hub import constants, hf_api

from tagalign.testing.model_hub.client import client_variables, pointed_client

PLACE = {"token": "secret", "is_offline": True}


def state():
    return (
        dict(os.environ),
        constants.ENDPOINT,
        constants.HF_HOME,
        constants.HF_HUB_OFFLINE,
        hf_api.api.endpoint,
    )


def test_a_process_is_pointed_by_its_environment():
    found = client_variables("http://127.0.0.1:5", Path("/home"), **PLACE)
    assert (found["HF_ENDPOINT"], found["HF_TOKEN"], found["HF_HUB_OFFLINE"]) == (
        "http://127.0.0.1:5",
        "secret",
        "1",
    )
    assert {found[name] for name in ("HF_HOME", "HF_HUB_CACHE")} == {"/home", "/home/hub"}
    assert client_variables("x", Path("/h"), token="", is_offline=False)["HF_HUB_OFFLINE"] == "0"


def test_this_process_is_pointed_for_a_while(tmp_path):
    before = state()
    with suppress(KeyError), pointed_client("http://127.0.0.1:5", tmp_path, **PLACE):
        assert constants.ENDPOINT == hf_api.api.endpoint == os.environ["HF_ENDPOINT"] == "http://127.0.0.1:5"
        assert (True, str(tmp_path)) == (constants.HF_HUB_OFFLINE, constants.HF_HOME)
        raise KeyError
    assert state() == before
