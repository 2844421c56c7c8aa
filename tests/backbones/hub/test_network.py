"""Broken networks, hubs that refuse, and caches that cannot be written: one line, exit 2, and the next good start works."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from forked_runs import start_run
from huggingface_hub import snapshot_download
from PIL import Image

from tagalign.cli.main import main
from tagalign.testing.model_hub import HubFault

ID = "lab/main"
WEIGHTS = f"{ID}/model.safetensors"


def works(hub, tag, id=ID):
    hub.mend()
    return tag(id).code == 0


def test_a_connection_that_breaks_is_resumed(hub, tag, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    hub.fail(HubFault(kind="break", where=WEIGHTS, times=3))
    assert tag(ID).code == 0
    size = hub.repository("model", ID).main.files["model.safetensors"].size
    assert hub.log.fetches()[WEIGHTS] == 4
    assert hub.log.bytes_sent()[WEIGHTS] <= size + 3 * 1024  # only what lies between two chunks is sent again


@pytest.mark.parametrize("kind", ["break", "reset", "short"])
def test_a_connection_that_always_breaks_is_refused(hub, tag, kind, tmp_path):
    hub.fail(HubFault(kind=kind, where=WEIGHTS, times=None))
    assert tag(ID).refusal.startswith(ID)
    assert not list((tmp_path / "home").rglob("*.incomplete"))
    assert works(hub, tag)


def test_a_wrong_hash_is_never_loaded(hub, tag):
    hub.fail(HubFault(kind="corrupt", where=WEIGHTS))
    assert "SHA-256" in tag(ID).refusal
    assert works(hub, tag)


def test_a_file_that_is_damaged_in_the_cache(hub, tag, tmp_path):
    tag(ID)
    (path,) = (tmp_path / "home").rglob("snapshots/*/model.safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.resolve().write_bytes(data)
    assert "SHA-256" in tag(ID).refusal
    hub.log.clear()
    assert works(hub, tag)
    assert list(hub.log.bytes_sent()) == [WEIGHTS]


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_is_busy_for_a_moment_is_waited_for(hub, tag, monkeypatch, status):
    waits = list[float]()
    monkeypatch.setattr("tagalign.backbones.hub.remote.time.sleep", waits.append)
    hub.fail(HubFault(kind="status", status=status, retry_after_s=2, where=f"/api/models/{ID}*", times=2))
    assert tag(ID).code == 0
    assert sum(waits) >= 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_stays_busy(hub, tag, monkeypatch, status):
    monkeypatch.setattr("tagalign.backbones.hub.remote.time.sleep", lambda seconds: None)
    hub.fail(HubFault(kind="status", status=status, retry_after_s=1, times=None))
    start = time.monotonic()
    assert str(status) in tag(ID).refusal
    assert time.monotonic() - start < 20
    assert works(hub, tag)


def test_a_hub_that_asks_for_an_hour(hub, tag, monkeypatch):
    slept = list[float]()
    monkeypatch.setattr("tagalign.backbones.hub.remote.time.sleep", slept.append)
    hub.fail(HubFault(kind="status", status=429, retry_after_s=3600, where=f"/api/models/{ID}*", times=None))
    assert "3600" in tag(ID).refusal
    assert not slept


def test_the_page_of_a_hotel(hub, tag):
    hub.fail(HubFault(kind="portal", times=None))
    assert tag(ID).refusal.startswith(ID)
    assert works(hub, tag)


def test_no_network(hub, tag, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.ENDPOINT", url)
        patch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        refusal = tag(ID).refusal
    for word in ("tagalign models get", "tiny", str(tmp_path / "home")):
        assert word in refusal
    assert works(hub, tag)


@pytest.mark.filterwarnings("default::UserWarning")  # printed, as to a user
def test_no_network_but_a_cache(hub, tag):
    first = tag(ID)
    hub.fail(HubFault(kind="status", status=503, times=None))
    done = tag(ID)
    assert done.scores == first.scores
    assert any("from the cache" in line for line in done.lines)


def test_offline_without_a_cache(hub, tag, tmp_path):
    with hub.client(tmp_path / "home", is_offline=True):
        assert "HF_HUB_OFFLINE" in tag(ID).refusal
    assert hub.log.requests == ()


def test_offline_with_half_a_cache(hub, tag, tmp_path):
    tag(ID)
    (path,) = (tmp_path / "home").rglob("snapshots/*/model.safetensors")
    path.unlink()
    with hub.client(tmp_path / "home", is_offline=True):
        assert tag(ID).refusal.startswith(ID)
    assert works(hub, tag)


@pytest.mark.parametrize("kind", ["is_gated", "is_private"])
def test_a_guarded_repository(hub, tag, offer, tmp_path, kind):
    id = offer(f"lab/{kind}", {}, **{kind: True})
    for token in ("", "stranger"):
        with hub.client(tmp_path / "home", token=token):
            assert "HF_TOKEN" in tag(id).refusal
    with hub.client(tmp_path / "home", token="invented"):
        assert tag(id).refusal.startswith(id)
    with hub.client(tmp_path / "home", token="reader"):
        assert tag(id).code == 0
    assert all(
        not request.token for request in hub.log.requests if request.file.endswith("x") and request.sent
    )


def test_a_cache_that_is_a_file(hub, tag, tmp_path):
    (tmp_path / "home").write_text("not a folder")
    assert tag(ID).refusal.startswith(ID)
    (tmp_path / "home").unlink()
    assert works(hub, tag)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; given its options, mounts it and gives its folder."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options):
        words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode:
            pytest.skip("only root may mount a small disk")
        return place

    yield mount
    subprocess.run(["umount", "-l", str(place)], capture_output=True)


def test_a_full_disk(hub, tag, small_disk):
    home = small_disk("size=96k")
    with hub.client(home):
        refusal = tag(ID).refusal
    assert "disk is full" in refusal
    assert "HF_HOME" in refusal
    assert not list(home.rglob("*.incomplete"))
    subprocess.run(["mount", "-o", "remount,size=8m", str(home)], check=True)
    with hub.client(home):
        assert works(hub, tag)


def test_a_read_only_cache(hub, tag, small_disk, layouts):
    home, pickle = small_disk("size=8m"), layouts["metaclip"].repository.id
    with hub.client(home):
        tag(ID)
    subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
    with hub.client(home):
        assert tag(ID).code == 0
        assert "HF_HOME" in tag("lab/both").refusal
        assert "HF_HOME" in tag(pickle).refusal
    with hub.client(home, is_offline=True):
        assert tag(ID).code == 0


def test_two_versions_in_the_cache(hub, tag, offer, good_files, tmp_path):
    id = offer("lab/versions", {})
    old, first = hub.repository("model", id).main.id, tag(id)
    hub.repository("model", id).commit({"notes.txt": b"newer"})
    assert tag(id).scores == first.scores
    assert len(list((tmp_path / "home").rglob("snapshots/*/model.safetensors"))) == 2
    assert hub.log.fetches()[f"{id}/model.safetensors"] == 1  # one content, two commits
    with hub.client(tmp_path / "home", is_offline=True):
        assert tag(id).scores == tag(f"{id}@{old}").scores == first.scores


@pytest.mark.parametrize("layout", ["main", "conversion", "conversion-stale", "metaclip"])
@pytest.mark.parametrize("by", ["us", "their client"])
def test_a_cache_fetched_elsewhere_and_copied_opens_offline(hub, tag, layouts, tmp_path, layout, by):
    id, folder = layouts[layout].repository.id, f"models--{layouts[layout].repository.id.replace('/', '--')}"
    with hub.client(tmp_path / "elsewhere"):
        if by == "us":
            assert main(["models", "get", id]) == 0
        else:
            snapshot_download(id)
    shutil.copytree(tmp_path / "elsewhere/hub" / folder, tmp_path / "home/hub" / folder, symlinks=True)
    hub.log.clear()
    with hub.client(tmp_path / "home", is_offline=True):
        assert tag(id).code == 0
    assert hub.log.requests == ()


CODE = """
import sys, time
from pathlib import Path
from tagalign.cli.main import main
folder, own, other, *ids = sys.argv[1:]
for number, id in enumerate(ids):
    Path(folder, f"{own}-{number}").touch()
    while not Path(folder, f"{other}-{number}").exists():  # both ask for it at one time
        time.sleep(0.01)
    words = ["tag", str(Path(folder, "photo.png")), "--labels", "dog,car", "--model", id, "--json"]
    if main([*words, "--out", str(Path(folder, f"out-{own}-{number}"))]):
        sys.exit(1)
"""


@pytest.mark.slow  # the process that they are forked from imports torch: four seconds
def test_two_processes_that_start_together_fetch_nothing_twice(hub, layouts, tmp_path):
    """Of three layouts, one after the other."""
    chosen = [layouts[name] for name in ("main", "conversion", "metaclip")]
    ids = [layout.repository.id for layout in chosen]
    Image.new("RGB", (64, 64), "red").save(tmp_path / "photo.png")
    for layout in chosen:
        for name in (*layout.weights, "config.json"):  # so that both ask before one is done
            hub.fail(HubFault(kind="slow", delay_s=1.0, where=f"{layout.repository.id}/{name}", times=None))
    started = [
        start_run(
            CODE,
            tmp_path,
            own,
            other,
            *ids,
            said=tmp_path / f"{own}.txt",
            **hub.variables(tmp_path / "fresh"),
        )
        for own, other in (("a", "b"), ("b", "a"))
    ]
    assert [run.wait() for run in started] == [0, 0], [run.errors() for run in started]
    said = [[line for line in run.errors().splitlines() if line.startswith("{")] for run in started]
    assert said[0] == said[1]
    assert len(said[0]) == len(ids)
    fetches = hub.log.fetches()
    for layout in chosen:
        assert {f"{layout.repository.id}/{name}" for name in layout.weights} <= set(fetches)
    assert all(count == 1 for count in fetches.values()), fetches
    assert not list(Path(tmp_path / "fresh").rglob("*.incomplete"))
