"""Photos that are laid in threads, ahead of the encoder, against photos that are encoded as they are."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from tagalign.data.tiny_world import TinyWorld
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.protocols import Preparable
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import TagQuestion
from tagalign.tasks.photos.source import PhotoSource

SIZES = [(40, 40), (80, 40), (40, 80), (80, 40)]
LABELS = LabelSet(name="two", labels=(Label(name="dog"), Label(name="car")))


def pictures() -> list[Image.Image]:
    scenes = TinyWorld(seed=6, split="test").take(len(SIZES))
    return [Image.fromarray(scene.image).resize(size) for scene, size in zip(scenes, SIZES, strict=True)]


@pytest.mark.parametrize("mode", ["maskclip", "rcs"])
def test_laid_photos_are_encoded_as_photos_are(clip_folder: Path, mode: str) -> None:
    method = load_method(str(clip_folder), method=mode, device="cpu")
    assert isinstance(method, Preparable)
    photos = pictures()
    laid = [method.lay(photo) for photo in photos]
    assert [one.shape for one in laid] == [(3, *method.canvas_rule.canvas_size(p.size[::-1])) for p in photos]
    ahead = method.encode_pixels(laid, [photo.size[::-1] for photo in photos])
    for one, other in zip(ahead, method.encode_images(photos), strict=True):
        assert one.size == other.size
        for left, right in zip(one.views, other.views, strict=True):
            torch.testing.assert_close(left.embeds, right.embeds, rtol=0, atol=0)


def test_windows_of_photos_of_many_sizes_share_a_pass(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i, photo in enumerate(pictures()):
        photo.save(tmp_path / f"{i}.png")
    options = {"short_side": 40, "window": 40, "stride": 40}
    spec = JobSpec(
        question=TagQuestion(labels=LABELS),
        model=str(clip_folder),
        method="maskclip",
        options=options,
        device="cpu",
        batch_size=4,
    )
    job = spec.open()
    together: list[int] = []
    encode = job.method.encode_canvases
    monkeypatch.setattr(
        job.method, "encode_canvases", lambda canvases: (together.append(len(canvases)), encode(canvases))[1]
    )
    sources = [PhotoSource(path=str(tmp_path / f"{i}.png")) for i in range(len(SIZES))]
    answered = list(job.run(sources))
    assert together == [4]
    for one, photo in zip(answered, pictures(), strict=True):
        alone = job.method.tag(job.method.encode_images([photo])[0], job.labels)
        # float32 in batches of another size, times a scale of up to 100 before the softmax
        assert one.answer.scores == pytest.approx(alone.scores, abs=1e-4)
        assert one.image is None  # a photo of many megapixels does not wait beside its canvas
