"""Options of a request: they act as those of ``tagalign.load``, over one encoder, and nothing else can be set by them."""

import asyncio
import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
from fastapi.testclient import TestClient

import tagalign
from tagalign.apps.server.answers import refer_response, segment_response, tag_response
from tagalign.apps.server.app import create_app
from tagalign.apps.server.batching import Batcher
from tagalign.apps.variants.rules import AT_START, settled_at_start
from tagalign.apps.variants.variants import CACHED_VARIANTS, Variants
from tagalign.data.tiny_world import TinyWorld
from tagalign.methods.table import DEFAULTS, METHODS
from tagalign.ops.masks import decode_rle
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import stub_model

LABELS = ["dog", "car", "grass", "sky"]


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return Image.fromarray(next(iter(TinyWorld(seed=3, split="test").take(1))).image)


@pytest.fixture(scope="module")
def file(scene: Image.Image) -> bytes:
    out = io.BytesIO()
    scene.save(out, format="PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def model() -> Model:
    return tagalign.load("tiny")


@pytest.fixture(scope="module")
def client(model: Model) -> Iterator[TestClient]:
    with TestClient(create_app(model), raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, verb: str, file: bytes, **fields: Any) -> Any:
    import base64

    asked = {"phrase": "the dog"} if verb == "refer" else {"labels": LABELS}
    if verb in {"caption", "ask"}:
        asked = {"question": "what is it?"} if verb == "ask" else {}
    return client.post(
        f"/v1/{verb}", json={"image_base64": base64.b64encode(file).decode(), **asked, **fields}
    )


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("tag", {"local_weight": 1.0, "threshold": "top:3"}),
        ("segment", {"background_rule": True, "background_threshold": 0.6}),
        ("segment", {"profile": "released", "short_side": 64}),
        ("refer", {"phrase_threshold": 0.9, "neutral": "a photo"}),
    ],
)
def test_a_request_is_answered_as_by_a_model_that_was_opened_so(
    client: TestClient, file: bytes, scene: Image.Image, verb: str, options: dict[str, Any]
) -> None:
    opened = tagalign.load("tiny", method=DEFAULTS[verb], **options)
    encoded = opened.encode_image(scene)
    expected: Any
    if verb == "tag":
        expected = tag_response(opened.tag(encoded, LABELS), None)
    elif verb == "segment":
        expected = segment_response(opened.segment(encoded, LABELS, photo=scene), "png", 0)
    else:
        expected = refer_response(opened.refer(encoded, "the dog"), "png")
    found = ask(client, verb, file, options=options).json()
    acted = found.pop("options")
    assert found == expected.model_dump(exclude={"options"})
    assert acted == {**options, **({"threshold": "top:3"} if "threshold" in options else {})}
    plain = ask(client, verb, file).json()
    assert plain != found
    assert "options" not in plain


def test_threshold_is_the_one_of_the_command_line(client: TestClient, file: bytes) -> None:
    assert len(ask(client, "tag", file, threshold="top:3").json()["chosen"]) == 3
    assert ask(client, "tag", file, threshold=0.25).json()["options"] == {"threshold": "absolute:0.25"}
    assert ask(client, "refer", file, threshold=0.9).json()["options"] == {"phrase_threshold": 0.9}
    masks = ask(client, "segment", file, threshold=0.6, options={"background-rule": True}).json()
    assert masks["options"] == {"background_rule": True, "background_threshold": 0.6}


def test_a_form_gives_options_in_lines(client: TestClient, file: bytes) -> None:
    files = {"image": ("a.png", file)}
    by_json = ask(client, "tag", file, options={"local_weight": 1.0, "threshold": "top:3"}).json()
    for lines in ("local_weight=1\n\nthreshold = top:3\n", ["local-weight=1.0", "threshold=top:3"]):
        by_form = client.post("/v1/tag", files=files, data={"labels": LABELS, "options": lines})
        assert by_form.json() == by_json
    by_field = client.post("/v1/tag", files=files, data={"labels": LABELS, "threshold": "top:3"})
    assert len(by_field.json()["chosen"]) == 3


@pytest.mark.parametrize(
    ("verb", "fields", "message"),
    [
        ("tag", {"options": {"local_wieght": 1}}, "did you mean 'local_weight'?"),
        ("tag", {"options": {"local_weight": "much"}}, "'local_weight' takes a number, got 'much'"),
        ("tag", {"options": {"local_weight": True}}, "takes a number"),
        ("tag", {"options": {"local_weight": 7}}, "from 0 to 1"),
        ("tag", {"options": {"local_weight": 10**400}}, "options: "),
        ("tag", {"options": {"min_votes": "nan"}}, "a whole number"),
        ("tag", {"options": {"max_patches": 10**6}}, "at most 4096"),
        ("tag", {"options": {"look": "/etc/passwd"}}, "'look' is settled when the server is started"),
        ("tag", {"options": {"threshold": 0.3}, "threshold": 0.4}, "given twice"),
        ("tag", {"threshold": "some"}, "threshold"),
        ("tag", {"threshold": "calibrated:2"}, "from 0 to 1"),
        ("segment", {"options": {"threshold": 0.3}}, "acts for tag, not for segment"),
        ("segment", {"threshold": 0.3}, "background rule, which is off"),
        ("segment", {"options": {"refine": "pamr:steps=1000000"}}, "a name alone"),
        ("segment", {"options": {"refine": "blur"}}, "none, crf, pamr or tlp"),
        ("segment", {"options": {"short_side": 5000}}, "at most 1024"),
        ("segment", {"options": {"window": 8}}, "at least 64"),
        ("segment", {"options": {"window": 64, "stride": 2}}, "a third"),
        ("segment", {"options": {"stride": 32}}, "windows"),
        ("segment", {"options": {"sigmoid_bias": "-inf"}}, "finite"),
        ("refer", {"options": {"phrase_templates": ["a photo"]}}, "{}"),
        ("caption", {"options": {"num_beams": 2}}, "cannot caption; these can: tag2text"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_line(
    client: TestClient, file: bytes, verb: str, fields: dict[str, Any], message: str
) -> None:
    answer = ask(client, verb, file, **fields)
    assert answer.status_code == 422, answer.text
    text = answer.json()["error"]["message"]
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize("lines", ["local_weight", "=1", "threshold=1\nthreshold=2"])
def test_lines_that_are_none_are_refused(client: TestClient, file: bytes, lines: str) -> None:
    files = {"image": ("a.png", file)}
    answer = client.post("/v1/tag", files=files, data={"labels": LABELS, "options": lines})
    assert answer.status_code == 422


def test_a_method_that_takes_none_with_a_request_says_so(file: bytes) -> None:
    with TestClient(create_app(stub_model())) as client:
        answer = ask(client, "tag", file, options={"threshold": 0.3})
    assert answer.status_code == 422
    assert "method 'stub' takes none with a question" in answer.json()["error"]["message"]


def test_no_request_sets_what_names_a_file_or_a_model() -> None:
    for name, entry in METHODS.items():
        fixed = settled_at_start(entry.options)
        names = {field.name for field in dataclasses.fields(entry.options)}
        assert names & {"look", "companion", "mode", "segmenter"} <= fixed, name
        # written out, so that an option that is new is thought about here
        assert fixed <= {"look", "companion", "mode", "segmenter", *AT_START}, name


def test_variants_share_the_encoder_and_the_oldest_leaves(model: Model) -> None:
    variants = Variants(model, before=lambda: None)
    first = variants.find("tag", {"local_weight": 0.0})
    assert first.model.implementation.backbone is model.implementation.methods["tag"].backbone  # type: ignore[attr-defined]
    assert variants.find("tag", {"local_weight": "0"}) is first
    for i in range(CACHED_VARIANTS - 1):
        variants.find("tag", {"local_weight": (i + 1) / 10})
    assert variants.find("tag", {"local_weight": 0.0}) is first  # used again: the next oldest leaves
    variants.find("tag", {"local_weight": 0.95})
    assert variants.find("tag", {"local_weight": 0.0}) is first
    for i in range(CACHED_VARIANTS):
        variants.find("tag", {"candidate_share": i / 10})
    assert variants.find("tag", {"local_weight": 0.0}) is not first


def test_only_equal_options_share_a_batch() -> None:
    batches: list[tuple[str, int]] = []

    def encoder(name: str) -> Any:
        def encode(images: Any) -> list[str]:
            batches.append((name, len(images)))
            return [name for _ in images]

        return encode

    async def run() -> list[Any]:
        own, other = encoder("own"), encoder("other")
        batcher = Batcher(own, max_batch=8, max_wait_s=0.02, max_queue=16)
        await batcher.start()
        asked = [batcher.submit(Image.new("L", (4, 4)), lambda e, _: e, one) for one in (None, other) * 3]
        answers = await asyncio.gather(*asked)
        await batcher.close()
        return answers

    assert asyncio.run(run()) == ["own", "other"] * 3
    assert batches == [("own", 3), ("other", 3)]


@pytest.fixture(scope="module")
def writer() -> Iterator[TestClient]:
    with TestClient(
        create_app(tagalign.load("tiny", method="tag2text")), raise_server_exceptions=False
    ) as one:
        yield one


@pytest.mark.parametrize(
    ("verb", "fields", "options"),
    [
        (
            "caption",
            {"options": {"num_beams": 1, "prompt": "there is "}},
            {"num_beams": 1, "prompt": "there is "},
        ),
        (
            "caption",
            {"options": {"top_p": 0.999, "seed": 3, "max_tokens": 14}},
            {"top_p": 0.999, "seed": 3, "max_tokens": 14},
        ),
        ("caption", {"tags": ["dog"], "both": True, "threshold": "top:3"}, {"threshold": "top:3"}),
        ("ask", {"use_tags": False, "options": {"num_beams": 2}}, {"num_beams": 2}),
    ],
)
def test_sentences_take_options_too(
    writer: TestClient,
    file: bytes,
    scene: Image.Image,
    verb: str,
    fields: dict[str, Any],
    options: dict[str, Any],
) -> None:
    opened = tagalign.load("tiny", method="tag2text", **options)
    image = opened.encode_image(scene)
    found = ask(writer, verb, file, **fields).json()
    if verb == "caption":
        expected = opened.caption(image, tags=fields.get("tags"), both=fields.get("both", False))
        assert (found["caption"], list(found["tags"])) == (expected.text, list(expected.tags))
    else:
        assert found["answer"] == opened.answer(image, "what is it?", use_tags=False)
    assert found["options"] == options


@pytest.mark.parametrize(
    ("verb", "fields", "message"),
    [
        ("caption", {"options": {"num_beam": 2}}, "did you mean 'num_beams'?"),
        ("caption", {"options": {"num_beams": 100}}, "at most 8"),
        ("caption", {"options": {"max_tokens": 1000}}, "at most 128"),
        ("caption", {"options": {"max_tokens": 100}}, "at most 96 tokens"),
        ("caption", {"options": {"min_tokens": 50}}, "at most max_tokens"),
        ("caption", {"options": {"seed": 2**70}}, "seed"),
        ("caption", {"options": {"top_p": 2}}, "top_p"),
        ("caption", {"options": {"prompt": "a " * 60}}, "caption tokens"),
        ("caption", {"both": True}, "give tags too"),
        ("ask", {"options": {"seed": 3}}, "acts for caption, not for ask"),
        ("segment", {"options": {"num_beams": 2}}, "cannot segment"),
    ],
)
def test_sentences_that_cannot_be_are_refused_in_one_line(
    writer: TestClient, file: bytes, verb: str, fields: dict[str, Any], message: str
) -> None:
    answer = ask(writer, verb, file, **fields)
    assert answer.status_code == 422, answer.text
    text = answer.json()["error"]["message"]
    assert message in text
    assert "\n" not in text


def test_a_gated_method_takes_those_of_both_its_parts(file: bytes, scene: Image.Image) -> None:
    options = {"gate": "soft", "sharpness": 2.0, "dense_short_side": 96, "local_weight": 0.8}
    with TestClient(create_app(tagalign.load("tiny", method="gated"))) as client:
        found = ask(client, "segment", file, options=options).json()
    opened = tagalign.load("tiny", method="gated", **options)
    expected = segment_response(opened.segment(opened.encode_image(scene), LABELS, photo=scene), "png", 0)
    assert found.pop("options") == options
    assert found == expected.model_dump(exclude={"options"})


def test_instances_come_beside_the_masks(
    client: TestClient, model: Model, file: bytes, scene: Image.Image
) -> None:
    found = ask(client, "segment", file, instances=True).json()
    whole = model.segment(model.encode_image(scene), LABELS, photo=scene, instances=True)
    assert whole.instances
    assert [(one["name"], one["box"], one["area"]) for one in found["instances"]] == [
        (one.name, list(one.box), one.area) for one in whole.instances
    ]
    first = found["instances"][0]["segmentation"]
    assert torch.equal(decode_rle(first["counts"].encode(), tuple(first["size"])), whole.instances[0].mask)
    assert found["mask_png"]
    fewer = ask(client, "segment", file, instances=True, min_area=10**5).json()
    assert (fewer["instances"], fewer["regions"]) == ([], None)


def test_too_many_labels_are_refused_with_options_too(client: TestClient, file: bytes) -> None:
    answer = ask(
        client, "tag", file, labels=[f"thing {i}" for i in range(5000)], options={"local_weight": 0.1}
    )
    assert answer.status_code == 413
    assert "at most 1000" in answer.json()["error"]["message"]
