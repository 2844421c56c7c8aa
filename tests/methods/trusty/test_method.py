"""TrustyCLIP as users call it: windows, names, weighting, batches, and the model folder."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import tagalign.methods.trusty.method as trusty_method
from tagalign.errors import InputError, ModelError
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.options import build_options
from tagalign.methods.protocols import Segmenter
from tagalign.methods.resources import Resources
from tagalign.methods.trusty.canvas import default_stride
from tagalign.methods.trusty.folder import TrustyConfig, load_trusty, save_trusty
from tagalign.methods.trusty.method import TrustyClip
from tagalign.methods.trusty.network import TrustyNetwork, sizes_for
from tagalign.methods.trusty.options import TrustyOptions

TRAINED = ("red thing", "blue thing", "sky")
# float32 through eight blocks and a head, other order of sums in a batch
TOL = dict(atol=1e-5, rtol=0)


def labels_of(*names, **fields):
    return LabelSet(name="custom", labels=tuple(Label(name=name) for name in names), **fields)


@pytest.fixture(scope="module")
def network(backbone):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = TrustyNetwork(sizes_for(backbone, num_prompts=2))
        for layer in network.head.layers:  # larger logits, so that masks differ from place to place
            layer.q.weight.data *= 8
            layer.k.weight.data *= 8
        return network


@pytest.fixture
def build(backbone, network):
    def build(profile="fixed", **options):
        own = {name: options.pop(name) for name in ("templates", "trained_with") if name in options}
        resources = Resources(batch_size=options.pop("batch_size", 8))
        given = build_options(TrustyOptions, {"profile": profile, **options}, method="trusty")
        return TrustyClip(backbone, network, given, trained=TRAINED, resources=resources, **own)

    return build


def test_it_is_a_segmenter(build):
    assert isinstance(build(), Segmenter)


def test_result_has_the_size_of_the_photo_and_says_how_it_came(build, photo):
    model = build()
    labels = model.encode_labels(labels_of("red thing", "unicorn", "sky"))
    found = model.segment(model.encode_images([photo])[0], labels)
    assert found.labels.shape == found.scores.shape == found.trusty.shape == (44, 60)
    assert (found.seen, found.weighting) == ((0, 2), "both")
    assert 0 <= found.trusty.min() <= found.trusty.max() <= 1
    assert found.names == ("red thing", "unicorn", "sky")


def loop_scores(model, photo, names, weighting, calibration):
    """Windows one by one: resize, crop, encode, upsample, weigh, add, divide, resize."""
    height, width = model.lay(photo).pixels.shape[1:]
    pixels = model.lay(photo).pixels
    text = model.encode_labels(labels_of(*names)).embeds
    total, count = torch.zeros(len(names), height, width), torch.zeros(height, width)
    window, stride = model.window, model.stride
    tops = sorted({min(t, height - window) for t in range(0, height - window + stride, stride)})
    lefts = sorted({min(t, width - window) for t in range(0, width - window + stride, stride)})
    for top in tops:
        for left in lefts:
            crop = pixels[None, :, top : top + window, left : left + window]
            logits = model.network(model.backbone, crop, text)
            full = F.interpolate(
                torch.cat([logits.classes, logits.trusty], dim=1), size=(window, window), mode="bilinear"
            )
            s, u = full[0, :-1].sigmoid(), full[0, -1].sigmoid()
            for i, name in enumerate(names):
                score = s[i] - calibration if name in TRAINED else s[i]
                if weighting == "both":
                    score = score * (1 - u if name in TRAINED else u)
                total[i, top : top + window, left : left + window] += score
            count[top : top + window, left : left + window] += 1
    size = (photo.height, photo.width)
    return F.interpolate((total / count)[None], size=size, mode="bilinear", align_corners=False)[0]


@pytest.mark.parametrize(
    ("weighting", "profile"), [("both", "fixed"), ("none", "fixed"), ("both", "released")]
)
def test_windows_match_a_loop(build, photo, weighting, profile):
    model = build(profile, weighting=weighting, short_side=48, window=32, stride=24)
    names = ("red thing", "unicorn", "sky", "dragon")
    labels = model.encode_labels(labels_of(*names))
    image = model.encode_images([photo])[0]
    assert len(image.views) > 2
    with torch.no_grad():
        expected = loop_scores(model, photo, names, weighting, 0.1 if profile == "released" else 0.0)
    torch.testing.assert_close(model.heat_maps(image, labels), expected, **TOL)
    found = model.segment(image, labels)
    scores, ids = expected.max(dim=0)
    torch.testing.assert_close(found.scores, scores, **TOL)
    margin = expected.topk(2, dim=0).values
    clear = margin[0] - margin[1] > 1e-4
    assert torch.equal(found.labels[clear], ids[clear])
    assert clear.float().mean() > 0.5  # else there would be little to compare


def test_heat_maps_of_another_size_are_those_of_the_canvas_brought_to_it(build, photo):
    model = build("fixed", weighting="both", short_side=48, window=32, stride=24)
    labels = model.encode_labels(labels_of("red thing", "unicorn"))
    image = model.encode_images([photo])[0]
    windows = [
        model.heat_maps(image, labels, size=image.canvas)
    ]  # of the canvas's own size nothing is brought anywhere
    torch.testing.assert_close(
        model.heat_maps(image, labels),
        F.interpolate(windows[0][None], size=image.size, mode="bilinear", align_corners=False)[0],
        **TOL,
    )
    larger = (2 * image.canvas[0], 2 * image.canvas[1])
    torch.testing.assert_close(
        model.heat_maps(image, labels, size=larger),
        F.interpolate(windows[0][None], size=larger, mode="bilinear", align_corners=False)[0],
        **TOL,
    )
    smaller = (image.canvas[0] // 2, image.canvas[1] // 2)
    rows, cols = 2 * smaller[0], 2 * smaller[1]
    if (rows, cols) == tuple(image.canvas):  # means of two by two pixels
        means = windows[0].reshape(2, smaller[0], 2, smaller[1], 2).mean(dim=(2, 4))
        torch.testing.assert_close(model.heat_maps(image, labels, size=smaller), means, **TOL)


def test_a_batch_of_other_sizes_equals_one_by_one(build, photo):
    model = build(window=32, short_side=32, batch_size=3)
    photos = [photo, photo.resize((44, 60)), photo.resize((33, 33)), photo.resize((120, 40))]
    for together, photo_alone in zip(model.encode_images(photos), photos, strict=True):
        alone = model.encode_images([photo_alone])[0]
        assert [v.box for v in together.views] == [v.box for v in alone.views]
        for a, b in zip(together.views, alone.views, strict=True):
            torch.testing.assert_close(a.patches, b.patches, **TOL)
            torch.testing.assert_close(a.cls, b.cls, **TOL)


def test_labels_in_parts_give_the_same_answer(build, photo, monkeypatch):
    model = build()
    labels = model.encode_labels(labels_of("red thing", "unicorn", "sky", "dragon", "blue thing"))
    image = model.encode_images([photo])[0]
    whole = model.segment(image, labels)
    monkeypatch.setattr(trusty_method, "label_chunks", lambda n, *_: (range(i, i + 1) for i in range(n)))
    parts = model.segment(image, labels)
    assert torch.equal(whole.labels, parts.labels)
    assert torch.equal(whole.scores, parts.scores)


@pytest.mark.parametrize("names", [("red thing", "sky"), ("unicorn", "dragon")])
def test_one_kind_of_names_drops_the_token(build, photo, names):
    """The papers' cross-dataset rule."""
    model = build()
    labels = model.encode_labels(labels_of(*names))
    image = model.encode_images([photo])[0]
    found = model.segment(image, labels)
    assert found.trusty is None
    assert found.weighting == "none"
    with torch.no_grad():
        bare = TrustyNetwork(replace(model.network.sizes, has_token=False)).eval()
        tensors = {k: v for k, v in model.network.state_dict().items() if "trusty_token" not in k}
        bare.load_state_dict(tensors)
        other = TrustyClip(model.backbone, bare, profile=model.profile, trained=TRAINED)
        assert torch.equal(found.labels, other.segment(image, labels).labels)


def test_across_data_sets_every_name_counts_as_seen_and_the_token_is_left_out(build, photo):
    names = ("red thing", "unicorn", "sky")
    found = []
    for options in ({"weighting": "cross-dataset"}, {"seen": names}, {}):
        model = build("released", **options)  # its calibration must not part known names from new ones either
        image = model.encode_images([photo])[0]
        found.append(model.segment(image, model.encode_labels(labels_of(*names))))
    across, all_seen, mixed = found
    assert (across.trusty, across.weighting, across.seen) == (None, "none", (0, 1, 2))
    assert torch.equal(across.scores, all_seen.scores)
    assert not torch.equal(across.scores, mixed.scores)


def test_aliases_count_for_their_label_only_on_request(build, photo):
    label_set = LabelSet(
        name="custom", labels=(Label(name="red thing", aliases=("crimson",)), Label(name="unicorn"))
    )
    for use, rows in {False: 2, True: 3}.items():
        model = build(use_aliases=use)
        labels = model.encode_labels(label_set)
        assert len(labels.embeds) == rows
        found = model.segment(model.encode_images([photo])[0], labels)
        assert set(found.labels.unique().tolist()) <= {0, 1}


def test_weighting_that_cannot_be_is_refused(build, photo, backbone):
    model = build(weighting="both")
    image = model.encode_images([photo])[0]
    with pytest.raises(InputError, match="'both' needs a class that was not seen"):
        model.segment(image, model.encode_labels(labels_of("sky", "red thing")))
    bare = TrustyNetwork(sizes_for(backbone, num_prompts=2, has_token=False))
    without = TrustyClip(backbone, bare, TrustyOptions(weighting="seen"), trained=TRAINED)
    with pytest.raises(InputError, match="'seen' needs a trusty map"):
        without.segment(image, without.encode_labels(labels_of("sky", "unicorn")))


def test_an_image_of_another_method_is_refused(build, photo):
    model = build()
    image = replace(model.encode_images([photo])[0], method="maskclip")
    with pytest.raises(InputError, match=r"'maskclip'.*'trusty'"):
        model.segment(image, model.encode_labels(labels_of("sky")))


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (500, 3)])
def test_tiny_images_and_strips_are_answered(build, size):
    model = build()
    found = model.segment(
        model.encode_images([Image.new("RGB", size, "red")])[0],
        model.encode_labels(labels_of("sky", "unicorn")),
    )
    assert found.labels.shape == (size[1], size[0])


def test_the_whole_canvas_is_whole_patches(build, photo):
    canvas = build(window=0, short_side=30).lay(photo)
    assert [side % 8 for side in canvas.pixels.shape[1:]] == [0, 0]
    assert len(canvas.boxes) == 1


def test_stride_is_the_papers_at_512_and_whole_patches_elsewhere():
    assert default_stride(512, 16) == 426
    assert default_stride(80, 8) == 64


def test_description_names_everything(build):
    described = build("released", trained_with={"setting": "inductive", "trusty_target": "strict"}).describe()
    expected = {"profile": "released", "trusty_target": "strict", "setting": "inductive", "calibration": 0.1}
    assert expected.items() <= described.items()
    json.dumps(described)


# --- the folder -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(backbone, network, clip_folder, tmp_path):
    config = TrustyConfig(
        backbone=str(clip_folder),
        backbone_hash=backbone.weight_hash,
        profile="fixed",
        setting="inductive",
        trusty_target="strict",
        trained=TRAINED,
        templates=("a picture of {}",),
        crop=32,
        sizes=network.sizes,
    )
    save_trusty(tmp_path / "model", network, config)
    return tmp_path / "model"


def test_a_saved_model_answers_the_same(build, folder, photo):
    before = build(templates=("a picture of {}",), short_side=32)
    after = load_trusty(folder)
    labels = labels_of("red thing", "unicorn", "sky")
    images = [m.encode_images([photo])[0] for m in (before, after)]
    found = [m.segment(i, m.encode_labels(labels)) for m, i in zip((before, after), images, strict=True)]
    assert torch.equal(found[0].labels, found[1].labels)
    assert torch.equal(found[0].scores, found[1].scores)


def test_the_folder_holds_the_trained_tensors_alone(folder, network):
    from safetensors.torch import load_file

    assert load_file(folder / "model.safetensors").keys() == network.state_dict().keys()
    assert not any("clip" in name for name in network.state_dict())
    assert "trusty target `strict`" in (folder / "README.md").read_text()


def test_only_inductive_models_are_calibrated(folder):
    assert load_trusty(folder, TrustyOptions(profile="released")).calibration == 0.1
    change(folder, "setting", "supervised")
    assert load_trusty(folder, TrustyOptions(profile="released")).calibration == 0.0
    assert load_trusty(folder, TrustyOptions(calibration=0.2)).calibration == 0.2


def change(folder, name, value):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if value is None:
        del config[name]
    else:
        config[name] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("trained", None, "field missing or of a wrong type"),
        ("trained", "sky", "expected a list of names"),
        ("sizes", {"width": 32}, "field missing or of a wrong type"),
        ("crop", "wide", "field missing or of a wrong type"),
        ("backbone_hash", "0" * 16, "trained on .* with weights 0000"),
        ("model_type", "tagalign", "expected a trusty model"),
        ("profile", "newest", "unknown profile 'newest'"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder, name, value, message):
    change(folder, name, value)
    with pytest.raises((ModelError, InputError), match=message):
        load_trusty(folder)


def test_sizes_of_another_kind_are_refused(folder):
    sizes = json.loads((folder / "config.json").read_text())["sizes"]
    for wrong in ({**sizes, "num_prompts": 3}, {**sizes, "dim": "16"}, {**sizes, "colour": 1}):
        change(folder, "sizes", wrong)
        with pytest.raises(ModelError):
            load_trusty(folder)


def test_truncated_weights_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="may be truncated"):
        load_trusty(folder)


def test_an_option_that_is_not_there_is_refused(folder):
    for name in ("background_rule", "refine"):
        with pytest.raises(InputError, match=f"'trusty' has no option '{name}'"):
            load_method(str(folder), **{name: "pamr"})


def test_names_can_be_given_when_the_folder_is_opened(folder, photo):
    model = load_trusty(folder, TrustyOptions(seen=("unicorn",)))
    found = model.segment(model.encode_images([photo])[0], model.encode_labels(labels_of("unicorn", "sky")))
    assert found.seen == (0,)


def test_a_folder_that_was_moved_still_opens(folder, tmp_path):
    shutil.move(folder, tmp_path / "moved")
    assert load_trusty(tmp_path / "moved").trained == TRAINED
