"""What shares a pass of the encoder, whom a label list waits for, how many are kept, and that nobody encodes for others."""

import threading
from typing import Any

import pytest
import torch
from PIL import Image

import tagalign
from tagalign.apps.variants.variants import CACHED_LABEL_LISTS, Variant, Variants
from tagalign.errors import InputError
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import stub_model

SIZES = [(64, 64), (128, 96), (96, 128), (160, 120), (126, 94)]
"""The fourth is the second enlarged, the last fills as many patches as the second."""


def photo(size: tuple[int, int]) -> Image.Image:
    return Image.effect_noise(size, 60).convert("RGB")


def variant_of(model: Model) -> Variant:
    return Variants(model, before=lambda: None).own


@pytest.mark.parametrize(
    ("method", "options", "verb"),
    [
        ("naclip", {}, "segment"),
        ("naclip", {"window": 48, "stride": 24}, "segment"),
        ("clip-cls", {}, "tag"),
        ("tagclip", {}, "tag"),
    ],
)
def test_photos_of_one_shape_go_through_the_encoder_in_one_pass(method, options, verb, monkeypatch):
    model = tagalign.load("tiny", method=method, batch_size=64, **options)
    encoder = variant_of(model).encoder(verb)
    backbone = model.implementation.backbone
    passes: list[tuple[int, ...]] = []
    embed = backbone.embed_patches
    monkeypatch.setattr(
        backbone,
        "embed_patches",
        lambda pixels, **how: (passes.append(pixels.shape), embed(pixels, **how))[1],
    )
    shapes: dict[tuple[int, ...], list[Image.Image]] = {}
    for size in SIZES:
        image = photo(size)
        shapes.setdefault(encoder.shape(image), []).append(image)
    assert len(shapes) < len(set(SIZES))  # photos of several sizes do share
    for images in shapes.values():
        passes.clear()
        encoder(images)
        # a method may cut a pass to what a processor's cache holds, but never mixes sizes of pixels within a shape
        assert len({shape[2:] for shape in passes}) == 1
    pixels = []
    for images in shapes.values():
        passes.clear()
        encoder(images[:1])
        pixels.append(passes[0][2:])
    assert len(set(pixels)) == len(pixels)  # other shapes are other passes


def test_together_they_are_what_they_are_alone():
    model = tagalign.load("tiny", method="naclip", window=48, stride=24)
    images = [photo(size) for size in SIZES[:2]]
    for together, image in zip(variant_of(model).encoder("segment")(images), images, strict=True):
        torch.testing.assert_close(together.embed, model.encode_image(image).embed, atol=1e-5, rtol=1e-4)


def test_a_verb_is_encoded_by_what_answers_it_alone(monkeypatch):
    model = tagalign.load("tiny")
    variant, methods = variant_of(model), model.implementation.methods
    tag, segment, refer = (variant.encoder(verb) for verb in ("tag", "segment", "refer"))
    assert tag != segment
    assert (refer == segment) == (methods["refer"] is methods["segment"])
    assert len({tag, variant.encoder("tag")}) == 1
    asked: list[str] = []
    for method in set(methods.values()):
        own = method.encode_images
        monkeypatch.setattr(
            method,
            "encode_images",
            lambda images, m=method, own=own: (asked.append(m.method), own(images))[1],
        )
    (encoded,) = tag([photo((64, 64))])
    model.tag(encoded, ["dog", "car"])
    assert asked == [methods["tag"].method]


def test_labels_are_read_ahead_for_what_answers(monkeypatch):
    model = tagalign.load("tiny")
    variant, tagger = variant_of(model), model.implementation.methods["tag"]
    variant.encoder("tag").read_ahead(["dog", "car"])

    def again(labels: Any) -> Any:
        raise AssertionError("labels are encoded twice")

    monkeypatch.setattr(tagger, "encode_labels", again)
    (encoded,) = variant.encoder("tag")([photo((64, 64))])
    assert model.tag(encoded, variant.labels(["dog", "car"])).names == ("dog", "car")


def test_a_list_waits_for_its_own_encoding_and_for_no_other(monkeypatch):
    model = tagalign.load("tiny", method="clip")
    go, begun, asked = threading.Event(), threading.Event(), []
    encode = model.encode_labels

    def wait(labels: Any) -> Any:
        if labels.labels[0].name == "dog":
            asked.append(labels)
            begun.set()
            assert go.wait(60)
        return encode(labels)

    monkeypatch.setattr(model, "encode_labels", wait)
    variant = variant_of(model)
    threads = [threading.Thread(target=variant.labels, args=(["dog"],)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    assert variant.holds(["dog"])
    assert variant.labels(["car"]).names == ("car",)  # though the other is not done
    go.set()
    for thread in threads:
        thread.join(60)
    assert len(asked) == 1


def test_a_list_that_cannot_be_used_takes_no_room():
    variant = variant_of(tagalign.load("tiny", method="clip"))
    variant.labels(["dog"])
    for _ in range(2):
        with pytest.raises(InputError):
            variant.labels(["", "dog"])
    assert not variant.holds(["", "dog"])
    assert variant.holds(["dog"])


def test_two_hundred_label_lists_leave_the_last_ones() -> None:
    own = variant_of(stub_model())
    for i in range(200):
        own.labels([f"thing {i}"])
    assert sum(own.holds([f"thing {i}"]) for i in range(200)) == CACHED_LABEL_LISTS
    assert own.holds(["thing 199"])
