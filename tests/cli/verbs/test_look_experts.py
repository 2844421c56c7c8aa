"""Looks that choose templates: masks by the experts through the verbs, any shards and merges, and what is refused."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tagalign.cli.main import main
from tagalign.methods.load import load_method
from tagalign.methods.looks.files import read_look
from tagalign.ops.looks.experts import expert_classifiers, fuse_experts
from tagalign.ops.windows import upsample

LABELS = "dog,cat,tree"
pytestmark = pytest.mark.filterwarnings("always:a look at", "always:scores do not differ")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experts") / "photos"
    folder.mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 255, (6, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((80, 48), Image.Resampling.NEAREST).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def call(clip_folder, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(photos.parent)

    def run(verb, *flags, out="out", method="clip", templates="7", labels=LABELS):
        given = ["--labels", labels, "--model", str(clip_folder), "--method", method, "--device", "cpu"]
        named = ["--templates", templates] if templates else []
        return main([*verb.split(), *flags, *given, *named, "--out", str(tmp_path / out)])

    return run


@pytest.fixture
def look(call, tmp_path):
    assert call("look", "photos", "--experts", out="look") == 0
    return tmp_path / "look"


def test_the_sums_are_those_of_a_loop(look, clip_folder, photos):
    found = read_look(look)
    method = load_method(str(clip_folder), method="clip")
    text = method.template_text(found.labels)
    entropy, patches = np.zeros((7, 3)), np.zeros((7, 3), dtype=int)
    for i in range(6):
        (image,) = method.encode_images([Image.open(photos / f"{i}.png")])
        unit = F.normalize(image.views[0].embeds, dim=-1)
        for t in range(7):
            for probs in (method.logit_scale * unit @ text[t].T).softmax(dim=1).tolist():
                label = int(np.argmax(probs))
                entropy[t, label] -= sum(p * np.log(p + 1e-10) for p in probs)
                patches[t, label] += 1
    assert found.experts.patches == tuple(patches.flatten())
    sums = [float(one) for one in found.experts.entropy.fractions()]
    np.testing.assert_allclose(
        sums, entropy.flatten(), rtol=1e-4, atol=1e-4
    )  # float32 softmax, in another order


def test_masks_are_those_of_all_experts_at_once(call, look, clip_folder, photos, tmp_path):
    assert call("segment", "photos", "--look", str(look), "--batch-size", "1", out="masks") == 0
    found = read_look(look)
    chosen = found.experts.chosen()
    assert any(chosen)
    method = load_method(str(clip_folder), method="clip")
    weights = expert_classifiers(method.template_text(found.labels), chosen, renormalise=True)
    (image,) = method.encode_images([Image.open(photos / "0.png")])
    unit = F.normalize(image.views[0].embeds, dim=-1).unflatten(0, image.views[0].grid)
    cosines = torch.einsum("eld,hwd->elhw", weights, unit)
    fused = fuse_experts(
        (method.logit_scale * torch.stack([upsample(one, image.size) for one in cosines])).softmax(dim=1)
    )
    best = fused.topk(2, dim=0).values
    clear = (best[0] - best[1] > 1e-4).numpy()  # two near ones may change places by rounding
    mask = np.array(Image.open(tmp_path / "masks/0.png"))
    assert (mask == fused.argmax(dim=0).numpy())[clear].all()
    assert clear.mean() > 0.9
    assert json.loads((tmp_path / "masks/settings.json").read_text())["model"]["look"] == found.mark()
    assert call("tag", "photos", "--look", str(look), out="tags") == 0


def test_any_shards_and_merges_give_the_same_bytes(call, look, tmp_path):
    for shard in ("1/2", "0/2"):
        assert call("look", "photos", "--experts", "--shard", shard, "--part-size", "2", out="shards") == 0
    assert (tmp_path / "shards/look.json").read_bytes() == (look / "look.json").read_bytes()
    halves = []
    for name, chosen in (("a", [0, 1, 5]), ("b", [2, 3, 4])):
        assert call("look", *(f"photos/{i}.png" for i in chosen), "--experts", out=name) == 0
        halves.append(str(tmp_path / name))
    assert call("look", "--merge", *halves, out="merged") == 0
    assert read_look(tmp_path / "merged").mark() == read_look(look).mark()


def test_what_does_not_go_together_is_refused(call, look, capsys):
    for flags, said in (
        ({"templates": ""}, "the labels have none of their own"),
        ({"method": "tagclip"}, "method 'tagclip' cannot be asked with each template by itself"),
    ):
        assert call("look", "photos", "--experts", out="other", **flags) == 2
        assert said in capsys.readouterr().err
    for flags, more, said in (
        (["--background"], {}, "background_rule does not go with a look that holds template experts"),
        (["--refine", "pamr"], {}, "refine does not go with a look that holds template experts"),
        ([], {"templates": "80"}, "this look has other templates than are asked"),
    ):
        assert call("segment", "photos", "--look", str(look), *flags, **more) == 2
        assert said in capsys.readouterr().err
    assert call("look", "photos", out="plain") == 0
    assert call("segment", "photos", "--look", str(look.parent / "plain")) == 2
    assert "--look does not act on masks of method 'clip'" in capsys.readouterr().err
    assert call("look", "--merge", str(look), str(look.parent / "plain")) == 2
    assert call("look", "--merge", str(look), str(look), "--experts") == 2
