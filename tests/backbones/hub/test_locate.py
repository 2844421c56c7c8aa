"""Names become files: folders, files, ids on a hub, the cache without one; and what is refused, in one line.

Holds ``backbones/hub/cached.py``, ``backbones/hub/remote.py``, ``backbones/hub/source.py``,
``backbones/hub/look.py``.
"""

import json
import shutil
import warnings

import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import load_file, save_file

import tagalign
from tagalign.backbones.hub import fetch, remote
from tagalign.backbones.hub.cached import is_here
from tagalign.backbones.hub.locate import locate, parse_hub_id, peek
from tagalign.backbones.hub.look import in_words, look
from tagalign.backbones.load import load_backbone
from tagalign.backbones.vision_only import load_vision_only
from tagalign.errors import ModelError
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.testing.clip_layouts import clip_repositories
from tagalign.testing.model_hub import HubFault, HubRepository, StubHub

MAIN, BIN = "model.safetensors", "pytorch_model.bin"
PHOTO = "openai/clip-vit-base-patch16"  # of the conversion layout, and the photo model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_clip_folder(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def layouts(folder):
    return {layout.name: layout.repository for layout in clip_repositories(folder)}


@pytest.fixture
def hub(layouts):
    with StubHub(layouts.values()) as server:
        yield server


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def files_of(repository):
    return {name: file.contents for name, file in repository.branches["main"].files.items()}


def text_of(name, **options):
    return load_backbone(str(name), **options).encode_text(["a dog"])


def refused(name, match, **options):
    with pytest.raises(ModelError, match=match) as caught:
        load_backbone(str(name), **options)
    assert "\n" not in str(caught.value)


# --- on this machine ----------------------------------------------------------------------------------------------------


def test_a_folder_and_its_hash_and_no_revision(copy):
    found = locate(str(copy))
    assert (found.folder, found.weights, found.revision) == (copy, (copy / MAIN,), "")
    assert len(found.weight_hash) == 16


def test_shards_are_hashed_in_the_order_of_their_index(copy):
    tensors = load_file(copy / MAIN)
    (copy / MAIN).unlink()
    names = sorted(tensors)
    halves = {"b.safetensors": names[::2], "a.safetensors": names[1::2]}
    for file, half in halves.items():
        save_file({name: tensors[name] for name in half}, copy / file)
    weight_map = {name: file for file, half in halves.items() for name in half}
    (copy / f"{MAIN}.index.json").write_text(json.dumps({"weight_map": weight_map}))
    found = locate(str(copy))
    assert [path.name for path in found.weights] == ["b.safetensors", "a.safetensors"]
    assert set(found.tensors()) == set(tensors)
    first = found.weight_hash
    save_file({name: tensors[name] + 1 for name in halves["a.safetensors"]}, copy / "a.safetensors")
    assert locate(str(copy)).weight_hash != first  # the index is the same, the weights are not
    (copy / "a.safetensors").unlink()
    refused(copy, r"names a\.safetensors, which is not there \(1 of 2")


def test_a_pickle_in_a_folder_needs_the_flag_once(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    wanted = text_of(copy)
    torch.save(load_file(copy / MAIN), copy / BIN)
    (copy / MAIN).unlink()
    refused(copy, r"pickle alone \(pytorch_model\.bin\), and lies in a folder; .* --allow-pickle")
    assert torch.equal(text_of(copy, allow_pickle=True), wanted)
    assert torch.equal(text_of(copy / BIN), wanted)  # the file by name; its safetensors copy can run nothing


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no-such-model", "no such folder; give 'tiny', a model folder, or a hub id"),
        ("a/b/c", "no such folder"),
        ("weights.pt", "no such file"),
        ("./no/model.safetensors", "no such file"),
    ],
)
def test_names_that_are_nothing(name, says):
    refused(name, says)


def test_a_file_that_is_no_weights(copy):
    refused(copy / "config.json", "expected a model folder, got a file")


def test_an_activation_other_than_the_one_of_training_is_said(copy):
    config = json.loads((copy / "config.json").read_text()) | {"_name_or_path": PHOTO}
    config["vision_config"]["hidden_act"] = "gelu"
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.warns(
        UserWarning, match=f"says gelu in vision_config, but {PHOTO} was trained with quick_gelu"
    ):
        load_backbone(str(copy))


# --- on a hub -----------------------------------------------------------------------------------------------------------


def test_the_revision_names_both_commits_of_a_conversion(hub, layouts, tmp_path):
    with hub.client(tmp_path):
        found = locate(PHOTO)
    repository = layouts["conversion"]
    pull = repository.pull_requests[0].head
    assert found.commit == repository.branches["main"].id
    assert found.revision == f"{found.commit}, weights {pull.id}"


def test_auto_is_the_photo_model(hub, tmp_path):
    with hub.client(tmp_path):
        assert locate("auto").name == PHOTO


def test_a_second_start_asks_once_and_fetches_nothing(hub, tmp_path):
    with hub.client(tmp_path):
        text_of(PHOTO)
        hub.log.clear()
        text_of(PHOTO)
        assert [request.path for request in hub.log.requests] == [f"/api/models/{PHOTO}/revision/main"]


def test_a_command_and_a_load_list_a_repository_once(hub, tmp_path, monkeypatch):
    """Flags ask what a model is (to choose the method), the loader asks, the encoder asks: one listing serves all."""
    import tagalign as ta
    from tagalign.cli.main import main

    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 40), "red").save(photo)
    lists = [f"/api/models/{PHOTO}/revision/main"]
    with hub.client(tmp_path / "hub"):
        hub.log.clear()
        tag = ["tag", str(photo), "--labels", "dog,cat", "--model", PHOTO, "--out", str(tmp_path / "tags")]
        assert main([*tag, "--device", "cpu", "--no-cache"]) == 0
        assert [r.path for r in hub.log.requests if r.path in lists] == lists
        hub.log.clear()
        ta.load(PHOTO, device="cpu")
        assert [r.path for r in hub.log.requests if r.path in lists] == lists
        ta.load(PHOTO, device="cpu")  # another start asks again: the branch may have moved
        assert [r.path for r in hub.log.requests if r.path in lists] == lists * 2


def test_a_fault_of_ours_is_not_taken_for_one_of_the_hub():
    from tagalign.backbones.hub.remote import ask

    def faulty() -> None:
        raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        ask(faulty, parse_hub_id(PHOTO))


def test_an_offline_start_asks_nothing(hub, tmp_path):
    with hub.client(tmp_path):
        wanted = text_of(PHOTO)
    hub.log.clear()
    with hub.client(tmp_path, is_offline=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(text_of(PHOTO), wanted)
        refused("lab/main", r"not in the cache .*HF_HUB_OFFLINE is set.* models get lab/main.* --model tiny")
    assert not hub.log.requests


def test_a_cache_that_was_copied_without_our_own_notes(hub, tmp_path):
    with hub.client(tmp_path / "there"):
        wanted = text_of(PHOTO)
    shutil.copytree(tmp_path / "there/hub", tmp_path / "here/hub", symlinks=True)
    with hub.client(tmp_path / "here", is_offline=True):
        assert torch.equal(text_of(PHOTO), wanted)


def test_a_network_that_fails_leaves_the_cache(hub, tmp_path):
    with hub.client(tmp_path):
        wanted = text_of("lab/main")
        hub.fail(HubFault(kind="status", status=503, where="/api/*", times=None))
        with pytest.warns(UserWarning, match=r"opened from the cache, .*\(503\)"):
            assert torch.equal(text_of("lab/main"), wanted)
        refused("lab/both", r"hub was not reached \(the hub answers with an error \(503\)\)")


def test_drawn_scenes_are_offered_in_place_of_the_model_alone(hub, tmp_path):
    """A mask generator or another tokenizer stands beside the model: ``--model tiny`` helps nobody there."""
    with hub.client(tmp_path, is_offline=True):
        refused("lab/main", "for drawn scenes there is --model tiny")
        with pytest.raises(ModelError, match=r"or give a model folder$"):
            load_vision_only("lab/main", {"sam": "SamModel"}, what="a mask generator")


def test_a_pinned_revision(hub, layouts, tmp_path):
    repository = HubRepository("lab/pinned", files_of(layouts["main"]))
    first = repository.branches["main"].id
    repository.commit({MAIN: b"other"}, title="Break it")
    hub.add(repository)
    with hub.client(tmp_path):
        assert load_backbone(f"lab/pinned@{first}").revision == first
        refused("lab/pinned@v9", "has no revision 'v9'")
    with hub.client(tmp_path, is_offline=True):
        assert locate(f"lab/pinned@{first}").commit == first


def test_a_hub_that_asks_to_wait(hub, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    with hub.client(tmp_path):
        hub.fail(HubFault(kind="status", status=429, retry_after_s=3, where="/api/*", times=2))
        locate("lab/main")
        assert waits == [3, 3]
        hub.fail(HubFault(kind="status", status=429, retry_after_s=3600, where="/api/*", times=None))
        refused("lab/both", r"takes no more requests for now \(429\); it asks to wait 3600 s")


def test_a_wrong_hash_is_never_loaded_and_the_next_start_works(hub, tmp_path):
    with hub.client(tmp_path):
        hub.fail(HubFault(kind="corrupt", where=f"*{MAIN}"))
        refused(
            "lab/main", r"model\.safetensors is damaged \(its SHA-256 is .* the next start fetches it again"
        )
        text_of("lab/main")


@pytest.mark.parametrize("kind", ["break", "reset"])
def test_a_connection_that_breaks_is_taken_up(hub, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    piece = 1000  # bytes, where the client takes 10 MB: what came of a piece that broke is lost
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", piece)
    with hub.client(tmp_path):
        hub.fail(HubFault(kind=kind, where=f"*{MAIN}"))
        text_of("lab/main")
    commit = (tmp_path / "hub/models--lab--main/refs/main").read_text()
    whole = (tmp_path / f"hub/models--lab--main/snapshots/{commit}/{MAIN}").stat().st_size
    sent = hub.log.bytes_sent()[f"lab/main/{MAIN}"]
    again = sent - whole
    assert again < piece if kind == "break" else again == whole // 2  # the client begins anew after a reset


@pytest.mark.parametrize("where", ["/api/*", f"*{MAIN}"])
def test_a_login_page_is_no_hub(hub, tmp_path, where):
    with hub.client(tmp_path):
        hub.fail(HubFault(kind="portal", where=where, times=None))
        refused("lab/main", r"what answers is no hub: a login page of the network, or a wrong HF_ENDPOINT\?")


def test_another_kind_of_model_is_refused_before_its_weights_are_fetched(hub, tmp_path):
    hub.add(HubRepository("lab/bert", {"config.json": b'{"model_type": "bert"}', MAIN: b"x" * 10_000}))
    with hub.client(tmp_path):
        refused("lab/bert", "lab/bert: .*'bert'")
        assert hub.log.bytes_sent().keys() == {"lab/bert/config.json"}


def test_no_tokenizer_is_said_before_the_weights_are_fetched(hub, layouts, tmp_path):
    files = {n: f for n, f in files_of(layouts["main"]).items() if not n.startswith("tokenizer")}
    hub.add(HubRepository("lab/pieces", {**files, "spiece.model": b"pieces"}))
    with hub.client(tmp_path):
        refused("lab/pieces", r"has no tokenizer\.json .*; it has spiece\.model alone, which is not read")
        assert hub.log.bytes_sent().keys() == {"lab/pieces/config.json"}


def test_what_is_no_model(hub, tmp_path):
    hub.add(HubRepository("lab/photos", {"a.txt": b"a"}, kind="dataset"))
    with hub.client(tmp_path):
        refused("lab/photos", "is a data set, not a model")
        refused("lab/nothing", "the hub has no such model")


def test_peek_reads_the_config_alone(hub, tmp_path):
    with hub.client(tmp_path):
        assert peek("lab/open-clip")["model_type"] == "clip"
        assert set(hub.log.bytes_sent()) == {"lab/open-clip/open_clip_config.json"}
    assert peek("tiny")["model_type"] == "clip"


def test_a_look_says_what_would_happen(hub, tmp_path, copy):
    with hub.client(tmp_path):
        found = look(PHOTO)
        assert found.where_from.startswith("refs/pr/1 ")
        assert found.to_fetch > found.bytes > 0
        assert not is_here(PHOTO)
        assert look("lab/legacy-pickle").needs_permission
        text_of(PHOTO)
        assert is_here(PHOTO)
        assert look(PHOTO).to_fetch == 0
    words = in_words(look(str(copy)), opens_as="CLIP")
    assert words[0] == f"{copy}: opens as CLIP"


def test_a_model_opens_with_the_flag_through_the_door_of_users(hub, tmp_path, photo):
    with hub.client(tmp_path):
        with pytest.raises(ModelError, match="--allow-pickle"):
            tagalign.load("lab/legacy-pickle", method="clip")
        model = tagalign.load("lab/legacy-pickle", method="clip", allow_pickle=True)
        wanted = tagalign.load("lab/main", method="clip")
    labels = ["a dog", "a cat"]
    found, known = (one.tag(one.encode_image(photo), labels).scores for one in (model, wanted))
    assert found == pytest.approx(known, abs=1e-6)


def test_a_pickle_opens_where_nothing_can_be_kept(folder, tmp_path, photo, monkeypatch):
    """Converted in memory, once for all methods of the model, and said so."""
    beside = shutil.copytree(folder, tmp_path / "model")
    torch.save(load_file(beside / MAIN), beside / BIN)
    (beside / MAIN).unlink()
    (tmp_path / "home").write_text("a file where the folder should be")
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    with pytest.warns(UserWarning, match="converted in memory"):
        model = tagalign.load(str(beside), method="clip", allow_pickle=True)
    assert model.tag(model.encode_image(photo), ["a dog"]).scores
