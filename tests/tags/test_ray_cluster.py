"""Which cluster a run joins; Ray's own start is replaced, so nothing is started here."""

import socket

import pytest

from tagalign.errors import ServerError
from tagalign.tags.ray_cluster import ray_cluster

ray = pytest.importorskip("ray", reason="needs the ray extra")

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]


@pytest.fixture
def asked(monkeypatch):
    """What Ray is asked for."""
    calls = []
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", lambda **wanted: calls.append(wanted))
    monkeypatch.setattr(ray, "shutdown", lambda: calls.append("end"))
    return calls


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_without_an_address_a_cluster_of_its_own_is_started(asked):
    with ray_cluster(None, workers=2):
        pass
    assert asked == [{"address": "local", "num_cpus": 2, "log_to_driver": False}, "end"]


@pytest.mark.parametrize("where", ["argument", "environment"])
def test_a_running_cluster_is_joined_as_it_is(asked, listener, monkeypatch, where):
    if where == "environment":
        monkeypatch.setenv("RAY_ADDRESS", listener)
    with ray_cluster(listener if where == "argument" else None, workers=2):
        pass
    assert asked == [{"address": listener, "num_cpus": None, "log_to_driver": False}, "end"]


def test_a_connection_of_the_caller_is_kept(asked, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with ray_cluster(None):
        pass
    assert asked == []


def test_an_address_where_nothing_listens_is_said_at_once(asked):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, and nobody listens
        dead = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(ServerError, match=f"no Ray cluster answers at {dead}"), ray_cluster(dead):
            pass
    assert asked == []
