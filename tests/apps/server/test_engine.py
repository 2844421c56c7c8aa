"""Several batches at a time give the answers of one after the other."""

import asyncio
import io
import json
import threading
from collections.abc import Sequence

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the serve extra is not installed")
import tagalign
from tagalign.apps.server.answers import refer_response, segment_response, tag_response
from tagalign.apps.server.engine import READERS, Engine
from tagalign.apps.server.limits import Limits
from tagalign.apps.server.metrics import Metrics
from tagalign.data.tiny_world import TinyWorld
from tagalign.labels import LabelSet
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod, stub_model
from tagalign.types import EncodedLabels

LABELS = ("dog", "car", "grass", "sky")


def files(count: int) -> list[bytes]:
    out = []
    for scene in TinyWorld(seed=3, split="test").take(count):
        file = io.BytesIO()
        Image.fromarray(scene.image).save(file, format="PNG")
        out.append(file.getvalue())
    return out


def ask_all(
    model: Model, sources: Sequence[bytes], labels: Sequence[Sequence[str]], **limits: int
) -> list[dict]:
    """Tags, masks and a phrase of every picture, all asked at once."""

    async def ask() -> list[str]:
        engine = Engine(
            model, limits=Limits(timeout_s=600.0, **limits), metrics=Metrics(), fetch=None, search=None
        )
        await engine.start()
        questions = []
        for source, names in zip(sources, labels, strict=True):
            questions += [
                engine.ask(
                    source,
                    lambda e, _, n=names: tag_response(model.tag(e, engine.labels(n)), None),
                    verb="tag",
                ),
                engine.ask(
                    source,
                    lambda e, _, n=names: segment_response(model.segment(e, engine.labels(n)), "png", 0),
                    verb="segment",
                ),
                engine.ask(
                    source, lambda e, _: refer_response(model.refer(e, "the dog"), "rle"), verb="refer"
                ),
            ]
        answers = await asyncio.gather(*questions)
        await engine.close()
        return [answer.model_dump_json() for answer in answers]

    return [json.loads(answer) for answer in asyncio.run(ask())]


def test_four_workers_answer_like_one() -> None:
    model = tagalign.load("tiny", method="surgery")
    sources, labels = files(8), [LABELS[: 2 + i % 3] for i in range(8)]
    alone = ask_all(model, sources, labels, max_batch=1)
    together = ask_all(model, sources, labels, max_batch=1, workers=4)
    for ours, theirs in zip(together, alone, strict=True):
        if "tags" in theirs:
            assert scores(ours) == pytest.approx(scores(theirs), abs=1e-4)  # sums of more or fewer threads
        elif "shares" in theirs:
            assert ours["shares"] == pytest.approx(
                theirs["shares"], abs=0.005
            )  # a pixel where two labels are level
        else:
            assert ours["box"] == pytest.approx(theirs["box"], abs=1)
            assert ours["score"] == pytest.approx(theirs["score"], abs=1e-4)
    assert len({json.dumps(answer) for answer in alone}) > 16  # the pictures differ


def scores(answer: dict) -> dict[str, float]:
    return {tag["name"]: tag["score"] for tag in answer["tags"]}


def test_a_label_list_that_many_workers_want_is_encoded_once() -> None:
    method = SlowLabels(delay_s=0.01)
    ask_all(Model(method), files(1) * 8, [LABELS] * 8, max_batch=1, workers=4)
    assert method.encoded_labels == [LABELS]


class SlowLabels(StubMethod):
    """Time enough for another thread to begin the same."""

    def encode_labels(self, labels: LabelSet) -> EncodedLabels:
        asyncio.run(asyncio.sleep(0.05))
        return super().encode_labels(labels)


def test_addresses_that_wait_hold_up_no_upload() -> None:
    """As many as there are threads that read, all at a host that does not answer; the upload is answered before they are."""
    answers, (file,) = threading.Event(), files(1)

    def fetch(address: str) -> bytes:
        answers.wait()
        return file

    async def ask() -> list[str]:
        engine = Engine(
            stub_model(), limits=Limits(timeout_s=600.0), metrics=Metrics(), fetch=fetch, search=None
        )
        await engine.start()
        waiting = [
            asyncio.ensure_future(engine.ask(f"http://a/{i}", lambda e, _: "fetched", verb="tag"))
            for i in range(READERS)
        ]
        waiting.append(asyncio.ensure_future(engine.ask_together([lambda: fetch("")], [lambda e, _: "read"])))
        try:
            uploaded = await asyncio.wait_for(engine.ask(file, lambda e, _: "sent", verb="tag"), timeout=60)
            assert not any(one.done() for one in waiting)
        finally:
            answers.set()
            found = await asyncio.gather(*waiting)
            await engine.close()
        return [uploaded, *found]

    assert asyncio.run(ask()) == ["sent", *["fetched"] * READERS, ["read"]]
