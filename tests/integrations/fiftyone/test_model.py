"""The model as FiftyOne calls it: through ``apply_model`` and ``compute_embeddings`` of the package itself.

Its database is the only stand-in: samples lie in memory.
"""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.integrations.fiftyone.model import FiftyOneAnswers, FiftyOneSettings, photo_of
from tagalign.tasks.model import load

SIZES = ((64, 48), (48, 64), (80, 80), (64, 48), (20, 30))
"""Width and height: batches are ragged."""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    for i, (width, height) in enumerate(SIZES):
        pixels = np.random.default_rng(i).integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def fo() -> Any:
    return pytest.importorskip("fiftyone", reason="the fiftyone extra is not installed")


@pytest.fixture
def collection(fo: Any, paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    import fiftyone.core.collections as foc

    class InMemory(foc.SampleCollection):  # type: ignore[misc]
        media_type = "image"
        _dataset = SimpleNamespace(_is_frames=False)

        def __init__(self) -> None:
            self.samples = [fo.Sample(str(path)) for path in paths]

        def __iter__(self) -> Any:
            return iter(self.samples)

        def __len__(self) -> int:
            return len(self.samples)

        def select_fields(self, fields: Any = None) -> Any:
            return self

    monkeypatch.setattr(foc, "SaveContext", lambda samples: nullcontext(SimpleNamespace(save=lambda _: None)))
    return InMemory()


def apply(samples: Any, model: Any, **how: Any) -> None:
    import fiftyone.core.models as fom

    fom.apply_model(samples, model, label_field="t", skip_failures=False, progress=False, **how)


def settings(**given: Any) -> FiftyOneSettings:
    return FiftyOneSettings(labels="red_dog | cat: kitten", model="tiny", method="maskclip", **given)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_dataset_gets_every_output(collection: Any, batch_size: int | None, fo: Any) -> None:
    model = settings(outputs="classifications,segmentation,detections,heatmaps").open()
    apply(collection, model, batch_size=batch_size)
    direct = load("tiny", method="maskclip", background_rule=True)
    for sample, (width, height) in zip(collection, SIZES, strict=True):
        encoded = direct.encode_image(sample.filepath)
        found = direct.segment(encoded, ["red dog", "cat: kitten"])
        np.testing.assert_array_equal(sample["t_segmentation"].mask, found.labels.numpy())
        rebuilt = np.zeros((height, width), dtype=np.int64)
        for one in sample["t_detections"].detections:
            x, y, w, h = (np.array(one.bounding_box) * [width, height, width, height]).round().astype(int)
            rebuilt[y : y + h, x : x + w][one.mask] = {"red_dog": 1, "cat": 2}[one.label]
        np.testing.assert_array_equal(rebuilt, found.labels.numpy())
        heat = direct.heat_maps(encoded, ["red dog", "cat: kitten"])[0]
        # 256 steps
        np.testing.assert_allclose(sample["t_heat_red_dog"].map / 255, heat.numpy(), atol=0.5 / 255 + 1e-6)
        assert isinstance(sample["t_classifications"], fo.Classifications)
    assert model.mask_targets == {1: "red_dog", 2: "cat"}


def test_the_threshold_of_a_run_is_the_models_and_is_given_back(collection: Any) -> None:
    model = settings(outputs="classifications,segmentation").open()
    apply(collection, model, confidence_thresh=0.0)
    assert all(len(sample["t_classifications"].classifications) == 2 for sample in collection)
    apply(collection, model, confidence_thresh=1.0)
    assert not any(sample["t_classifications"].classifications for sample in collection)
    assert not any(sample["t_segmentation"].mask.any() for sample in collection)
    assert model.config.confidence_thresh is None


def test_one_output_is_one_label(collection: Any, fo: Any) -> None:
    apply(collection, settings(outputs="detections").open())
    assert all(isinstance(sample["t"], fo.Detections) for sample in collection)


def test_labels_come_from_a_field_of_the_samples(collection: Any, fo: Any) -> None:
    dog, cat = fo.Classification(label="dog"), fo.Classification(label="cat")
    car = fo.Detections(detections=[fo.Detection(label="car")])
    texts = ["a cat", ["dog", "car"], dog, car, fo.Classifications(classifications=[dog, cat])]
    for sample, text in zip(collection, texts, strict=True):
        sample["words"] = text
    model = FiftyOneSettings(model="tiny", method="maskclip").open()
    apply(collection, model, needs_fields={"labels": "words"}, confidence_thresh=0.0)
    found = [{one.label for one in sample["t"].classifications} for sample in collection]
    assert found == [{"a cat"}, {"dog", "car"}, {"dog"}, {"car"}, {"dog", "cat"}]


def test_embeddings_are_those_of_search(collection: Any, fo: Any) -> None:
    import fiftyone.core.models as fom

    model = FiftyOneSettings(model="tiny", method="clip").open()
    assert model.has_embeddings
    assert model.can_embed_prompts
    found = fom.compute_embeddings(collection, model, batch_size=2, progress=False)
    assert found.shape[0] == len(SIZES)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)  # float32
    text = model.embed_prompts(["a photo of a dog"])
    assert text.shape == (1, found.shape[1])
    np.testing.assert_array_equal(model.embed_prompt("a photo of a dog"), text[0])
    model_backbone = load("tiny", method="clip").implementation.backbone
    expected = torch.nn.functional.normalize(model_backbone.encode_text(["a photo of a dog"]).float(), dim=-1)
    np.testing.assert_allclose(text, expected.numpy(), atol=1e-6)


def test_it_is_a_model_for_images(fo: Any) -> None:
    import fiftyone.core.models as fom

    model = settings().open()
    assert isinstance(model, fom.Model)
    assert (model.media_type, model.ragged_batches, model.transforms, model.has_logits) == (
        "image",
        False,
        None,
        False,
    )
    with model as entered:
        assert entered is model


# --- without FiftyOne ------------------------------------------------------------------------------------------------


def test_a_model_without_labels_predicts_nothing() -> None:
    answers = FiftyOneAnswers(FiftyOneSettings(model="tiny", method="maskclip"))
    with pytest.raises(InputError, match="opened without labels"):
        answers.predict(np.zeros((8, 8, 3), dtype=np.uint8))


def test_a_method_without_vectors_says_so() -> None:
    answers = FiftyOneAnswers(FiftyOneSettings(labels="dog", model="tiny", method="tagclip"))
    assert not answers.has_embeddings
    with pytest.raises(InputError, match="no vectors of photos"):
        answers.embed_prompts(["a dog"])


def test_the_vectors_of_the_last_prediction() -> None:
    answers = FiftyOneAnswers(FiftyOneSettings(labels="dog", model="tiny", method="clip"))
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        answers.embed(pixels), answers.embed_all([pixels, pixels])[1], atol=1e-5
    )  # batches
    answers._last = [photo_of(pixels)]
    np.testing.assert_array_equal(answers.get_embeddings(), answers.embed_all([pixels]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"outputs": "captions"}, "outputs: expected classifications"),
        ({"outputs": ""}, "outputs: expected"),
        ({"min_area": -3}, "min_area"),
        ({"names": "horse=Pferd"}, "none of the labels"),
        ({"options": "x"}, "name=value"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FiftyOneAnswers(FiftyOneSettings(labels="dog", model="tiny", method="maskclip", **given))


def test_an_unknown_field_is_refused() -> None:
    answers = FiftyOneAnswers(FiftyOneSettings(labels="dog", model="tiny", method="maskclip"))
    with pytest.raises(InputError, match="prompts"):
        answers.needs_fields = {"prompts": "words"}
    answers.needs_fields = {"labels": "words"}
    with pytest.raises(InputError, match="no sample was given"):
        answers.predict(np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="no field 'words'"):
        answers.predict(np.zeros((8, 8, 3), dtype=np.uint8), sample={})
    with pytest.raises(InputError, match="holds no label"):
        answers.predict(np.zeros((8, 8, 3), dtype=np.uint8), sample={"words": []})


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 3), (6, 5, 4)])
def test_photos_of_every_layout_are_read(shape: tuple[int, ...]) -> None:
    assert photo_of(np.zeros(shape, dtype=np.uint8)).size == (5, 6)


@pytest.mark.parametrize(
    "pixels", [np.zeros((6, 5, 3)), np.zeros((6, 5, 2), np.uint8), np.zeros(6, np.uint8)]
)
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match="expected a photo as uint8"):
        photo_of(pixels)
