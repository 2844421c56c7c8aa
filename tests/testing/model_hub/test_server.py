"""The stand-in hub against the real client alone: what the client reads is what was described."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest
from huggingface_hub import HfApi, errors, hf_hub_download, snapshot_download

from tagalign.testing.model_hub import HubFault, HubRepository, StubHub, answering

CONFIG = b'{"model_type": "clip"}'
WEIGHTS = bytes(range(256)) * 400
TITLE = "Adding `safetensors` variant of this model"


@pytest.fixture(scope="module")
def served():
    """A hub with one repository of each kind, kept for all tests of this file."""
    model = HubRepository(
        "lab/clip", {"config.json": CONFIG, "pytorch_model.bin": WEIGHTS, "sub/a.txt": b"a"}
    )
    model.tags["v1"] = model.main
    model.commit({"README.md": b"two"}, title="Second")
    model.open_pull_request({"model.safetensors": WEIGHTS[:-1]}, title=TITLE)
    model.open_discussion("How large is it?")
    model.open_pull_request(
        {"config.json": b"{}"}, title="A smaller config", author="reader", status="closed"
    )
    others = [
        HubRepository("old", {"config.json": CONFIG}),
        HubRepository("lab/private", {"config.json": CONFIG}, is_private=True),
        HubRepository("lab/gated", {"config.json": CONFIG, "model.safetensors": WEIGHTS}, is_gated=True),
        HubRepository("lab/captions", {"a.txt": b"a"}, kind="dataset"),
        HubRepository("lab/page", {"app.py": b"a"}, kind="space"),
    ]
    with StubHub([model, *others], tokens={"good": ["lab/*"], "stranger": []}) as hub:
        yield hub


@pytest.fixture
def hub(served, tmp_path, monkeypatch):
    """The same, with an empty cache and log, no faults, and a client that does not wait between two tries."""
    served.log.clear()
    served.mend()
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    with served.client(tmp_path / "home"):
        yield served


def test_an_info_has_sizes_and_hashes(hub):
    info = HfApi().model_info("lab/clip", files_metadata=True)
    files = {sibling.rfilename: sibling for sibling in info.siblings}
    assert list(files) == ["README.md", "config.json", "pytorch_model.bin", "sub/a.txt"]
    assert files["pytorch_model.bin"].lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert files["pytorch_model.bin"].size == len(WEIGHTS)
    assert files["config.json"].lfs is None
    blob = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG, usedforsecurity=False).hexdigest()
    assert files["config.json"].blob_id == blob  # as `git hash-object` counts
    assert info.sha == hub.repository("model", "lab/clip").main.id


def test_a_tree_has_files_and_folders(hub):
    whole = [(type(e).__name__, e.path) for e in HfApi().list_repo_tree("lab/clip", recursive=True)]
    assert ("RepoFolder", "sub") in whole
    assert ("RepoFile", "sub/a.txt") in whole
    top = [e.path for e in HfApi().list_repo_tree("lab/clip")]
    assert top == ["README.md", "config.json", "pytorch_model.bin", "sub"]
    assert [e.path for e in HfApi().list_repo_tree("lab/clip", "sub")] == ["sub/a.txt"]
    found = HfApi().get_paths_info("lab/clip", ["config.json", "nothing"])
    assert [(f.path, f.size) for f in found] == [("config.json", len(CONFIG))]


def test_a_snapshot_is_what_was_described_and_is_fetched_once(hub):
    folder = Path(snapshot_download("lab/clip", max_workers=1))
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == {
        "README.md": b"two",
        "config.json": CONFIG,
        "pytorch_model.bin": WEIGHTS,
        "sub/a.txt": b"a",
    }
    sent = {"README.md": 3, "config.json": len(CONFIG), "pytorch_model.bin": len(WEIGHTS), "sub/a.txt": 1}
    assert hub.log.bytes_sent() == {f"lab/clip/{name}": size for name, size in sent.items()}
    hub.log.clear()
    assert Path(snapshot_download("lab/clip")) == folder
    assert not hub.log.bytes_sent()


def test_revisions_are_branches_tags_commits_and_pull_requests(hub):
    repository = hub.repository("model", "lab/clip")
    first = repository.main.parent.id
    for revision in ("v1", first, "main"):
        assert HfApi().model_info("lab/clip", revision=revision).sha == (
            repository.main.id if revision == "main" else first
        )
    assert not HfApi().file_exists("lab/clip", "model.safetensors")
    path = hf_hub_download("lab/clip", "model.safetensors", revision="refs/pr/1")
    assert Path(path).read_bytes() == WEIGHTS[:-1]
    references = HfApi().list_repo_refs("lab/clip", include_pull_requests=True)
    assert [(r.ref, r.target_commit) for r in references.branches] == [
        ("refs/heads/main", repository.main.id)
    ]
    assert [r.ref for r in references.pull_requests] == ["refs/pr/1", "refs/pr/3"]
    with pytest.raises(errors.RevisionNotFoundError):
        HfApi().model_info("lab/clip", revision="v2")


def test_discussions_and_their_commits(hub):
    found = list(huggingface_hub.get_repo_discussions("lab/clip"))
    assert [(d.num, d.author, d.status, d.is_pull_request) for d in found] == [
        (3, "reader", "closed", True),
        (2, "reader", "open", False),
        (1, "SFconvertbot", "open", True),
    ]
    chosen = HfApi().get_repo_discussions(
        "lab/clip", author="SFconvertbot", discussion_type="pull_request", discussion_status="open"
    )
    assert [d.title for d in chosen] == [TITLE]
    details = HfApi().get_discussion_details("lab/clip", 1)
    commits = HfApi().list_repo_commits("lab/clip", revision=details.git_reference)
    oids = [event.oid for event in details.events if event.type == "commit"]
    assert oids == [commits[0].commit_id]
    # the rule of a conversion that may be followed: its parent is the head of main
    assert commits[1].commit_id == HfApi().list_repo_commits("lab/clip")[0].commit_id
    closed = HfApi().get_discussion_details("lab/clip", 3)
    assert [event.new_status for event in closed.events if event.type == "status-change"] == ["closed"]


def test_many_discussions_come_in_pages(hub):
    repository = hub.add(HubRepository("lab/busy", {"a.txt": b"a"}))
    for number in range(23):
        repository.open_discussion(f"Question {number}")
    found = [d.num for d in HfApi().get_repo_discussions("lab/busy")]
    assert found == list(range(23, 0, -1))


def test_ids_of_one_word_and_of_other_kinds(hub):
    assert Path(hf_hub_download("old", "config.json")).read_bytes() == CONFIG
    for kind, id in (("dataset", "lab/captions"), ("space", "lab/page")):
        with pytest.raises(errors.RepositoryNotFoundError):
            HfApi().model_info(id)
        assert HfApi().repo_info(id, repo_type=kind).id == id
    assert Path(hf_hub_download("lab/captions", "a.txt", repo_type="dataset")).read_bytes() == b"a"


def test_what_is_not_there(hub):
    with pytest.raises(errors.RepositoryNotFoundError):
        snapshot_download("lab/nothing")
    with pytest.raises(errors.RemoteEntryNotFoundError):
        hf_hub_download("lab/clip", "nothing.json")
    with pytest.raises(errors.RevisionNotFoundError):
        hf_hub_download("lab/clip", "config.json", revision="v2")


def test_a_private_repository_shows_itself_to_its_readers_alone(hub, tmp_path):
    for token in (False, "stranger"):
        with pytest.raises(errors.RepositoryNotFoundError):
            HfApi().model_info("lab/private", token=token)
    assert HfApi().model_info("lab/private", token="good").private
    with hub.client(tmp_path / "with_token", token="good"):
        assert Path(hf_hub_download("lab/private", "config.json")).read_bytes() == CONFIG


def test_a_gated_repository_lists_its_files_and_keeps_them(hub):
    assert HfApi().model_info("lab/gated").gated == "manual"
    for token in (False, "stranger"):
        with pytest.raises(errors.GatedRepoError):
            hf_hub_download("lab/gated", "config.json", token=token)
    assert Path(hf_hub_download("lab/gated", "model.safetensors", token="good")).read_bytes() == WEIGHTS
    HfApi().auth_check("lab/gated", token="good")


def test_a_token_is_never_shown_to_the_store_of_large_files(hub):
    hf_hub_download("lab/gated", "model.safetensors", token="good")
    tokens = {(request.token, request.sent > 0) for request in hub.log.requests}
    assert tokens == {("good", False), ("", True)}


def test_a_wrong_token_is_refused_everywhere(hub):
    with pytest.raises(errors.HfHubHTTPError, match="401"):
        HfApi().model_info("lab/clip", token="invented")


def test_a_broken_connection_is_resumed_with_a_range(hub, monkeypatch):
    # what is less than a chunk of 10 MB is thrown away by the client when the connection breaks
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1024)
    hub.fail(HubFault(kind="break", where="*/pytorch_model.bin"))
    path = hf_hub_download("lab/clip", "pytorch_model.bin")
    assert Path(path).read_bytes() == WEIGHTS
    sent = [(request.status, request.sent) for request in hub.log.requests if request.sent]
    assert sent == [(200, len(WEIGHTS) // 2), (206, len(WEIGHTS) // 2)]


@pytest.mark.parametrize(("kind", "error"), [("reset", Exception), ("short", OSError)])
def test_half_a_file_is_an_error_and_leaves_none(hub, tmp_path, kind, error):
    hub.fail(HubFault(kind=kind, where="*/pytorch_model.bin", times=None))
    with pytest.raises(error, match=r"reset|Consistency"):
        hf_hub_download("lab/clip", "pytorch_model.bin")
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p.stat().st_size > 10_000]


def test_a_wrong_hash_comes_with_the_right_length(hub):
    hub.fail(HubFault(kind="corrupt", where="*/pytorch_model.bin"))
    data = Path(hf_hub_download("lab/clip", "pytorch_model.bin")).read_bytes()
    assert len(data) == len(WEIGHTS)
    assert hashlib.sha256(data).hexdigest() != hashlib.sha256(WEIGHTS).hexdigest()


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_requests_are_told_when_to_come_again(hub, monkeypatch, status):
    waits = list[float]()
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waits.append)
    hub.fail(HubFault(kind="status", status=status, retry_after_s=2, where="*/tree/*", times=2))
    assert list(HfApi().list_repo_tree("lab/clip"))
    assert waits == [3.0, 3.0]  # the client adds a second
    hub.fail(HubFault(kind="status", status=status, where="/api/models/lab/clip", times=1))
    with pytest.raises(errors.HfHubHTTPError, match=str(status)):
        HfApi().model_info("lab/clip")


def test_a_page_of_another_network_is_no_hub(hub):
    hub.fail(HubFault(kind="portal", times=None))
    with pytest.raises(ValueError, match="Expecting value"):
        HfApi().model_info("lab/clip")
    with pytest.raises(errors.LocalEntryNotFoundError, match="X-Repo-Commit"):
        hf_hub_download("lab/clip", "config.json")


def test_a_slow_answer_comes_late_and_whole(hub, monkeypatch):
    """What is slept is asked, not a clock: virtual machines set theirs, and one run measured 82 ms of 100."""
    slept = []
    monkeypatch.setattr(answering, "time", SimpleNamespace(sleep=slept.append))
    hub.fail(HubFault(kind="slow", delay_s=0.125, where="lab/clip/config.json"))
    assert Path(hf_hub_download("lab/clip", "config.json")).read_bytes() == CONFIG
    assert 0.125 in slept


def test_offline_asks_nothing(hub, tmp_path):
    path = hf_hub_download("lab/clip", "config.json")
    hub.log.clear()
    with hub.client(tmp_path / "home", is_offline=True):
        assert hf_hub_download("lab/clip", "config.json") == path
        with pytest.raises(errors.LocalEntryNotFoundError):
            hf_hub_download("lab/clip", "README.md")
    assert hub.log.requests == ()


def test_a_process_of_its_own_finds_it_by_its_environment(hub, tmp_path):
    code = "from huggingface_hub import hf_hub_download as get; print(open(get('lab/clip', 'config.json')).read())"
    environment = os.environ | hub.variables(tmp_path / "other")
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == CONFIG.decode()


def test_nothing_stays_open_after_it():
    with StubHub([HubRepository("lab/clip", {"config.json": CONFIG})]) as hub:
        port = int(hub.url.rpartition(":")[2])
        with httpx.Client() as client:
            assert client.get(f"{hub.url}/api/models/lab/clip").status_code == 200
            start = time.monotonic()
            hub.__exit__(None, None, None)  # while a client keeps its connection
            assert time.monotonic() - start < 2
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_an_unknown_fault_or_kind_is_named():
    with pytest.raises(ValueError, match="fire"):
        HubFault(kind="fire")
    with pytest.raises(ValueError, match="bucket"):
        HubRepository("lab/a", {}, kind="bucket")
