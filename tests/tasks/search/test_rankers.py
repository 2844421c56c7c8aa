"""Photos as a ranker sees them: many in one pass, each as if it were alone.

Holds ``tasks/search/indexing.py`` too.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from small_tag2text import as_method, new_model

from tagalign.data.tiny_world import TinyWorld
from tagalign.labels import Label, LabelSet
from tagalign.methods.load import load_method
from tagalign.methods.protocols import Method
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.source import PhotoSource
from tagalign.tasks.search.indexing import IndexQuestion
from tagalign.tasks.search.rankers import DenseRanker, ranker_for

SIZES = [(32, 40), (40, 32), (32, 40), (48, 48), (32, 40), (40, 32)]
"""Three sizes, mixed."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    scenes = TinyWorld(seed=5, split="test").take(len(SIZES))
    for i, (scene, size) in enumerate(zip(scenes, SIZES, strict=True)):
        Image.fromarray(scene.image).resize(size).save(folder / f"{i}.png")
    return sorted(folder.iterdir())


def opened(photos: list[Path]) -> list[Image.Image]:
    return [Image.open(photo).convert("RGB") for photo in photos]


@pytest.fixture
def method(clip_folder: Path) -> Method:
    return load_method(str(clip_folder), method="clip", device="cpu")


@pytest.fixture
def passes(method: DenseRanker, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos went into each pass of the image encoder."""
    sizes: list[int] = []
    embed = method.backbone.embed_images

    def noted(pixels: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pixels))
        return embed(pixels)

    monkeypatch.setattr(method.backbone, "embed_images", noted)
    return sizes


def test_photos_share_passes_and_each_has_the_embedding_it_has_alone(
    method: Method, photos: list[Path], passes: list[int]
) -> None:
    ranker = ranker_for(method)
    together = ranker.embed_photos(opened(photos))
    assert passes == [3, 2, 1]  # those of one shape
    for photo, found in zip(opened(photos), together, strict=True):
        pixels = ranker.lay(photo)
        alone = F.normalize(method.backbone.embed_images(pixels[None])[0], dim=-1)
        # float32 through some layers, in batches of another size
        torch.testing.assert_close(found.embed, alone, rtol=0, atol=1e-6)
    alike = [0, 2, 4]  # of one shape
    laid = ranker.embed_laid([ranker.lay(opened(photos)[i]) for i in alike], [SIZES[i] for i in alike])
    expected = [together[i].embed for i in alike]
    torch.testing.assert_close([one.embed for one in laid], expected, rtol=0, atol=0)


def test_photos_that_are_squashed_to_one_square_share_one_pass(
    method: Method, photos: list[Path], passes: list[int]
) -> None:
    method.preprocessing = replace(method.preprocessing, squash=True)
    assert len(ranker_for(method).embed_photos(opened(photos))) == len(SIZES)
    assert passes == [len(SIZES)]


@pytest.mark.parametrize(("batch_size", "expected"), [(1, [1] * 6), (2, [2, 1, 2, 1]), (8, [3, 2, 1])])
def test_a_run_encodes_as_many_photos_in_a_pass_as_it_is_told(
    clip_folder: Path,
    photos: list[Path],
    batch_size: int,
    expected: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = JobSpec(
        question=IndexQuestion(), model=str(clip_folder), method="clip", device="cpu", batch_size=batch_size
    )
    job = spec.open()
    sizes: list[int] = []
    embed = job.method.backbone.embed_images
    monkeypatch.setattr(
        job.method.backbone, "embed_images", lambda pixels: (sizes.append(len(pixels)), embed(pixels))[1]
    )
    answered = list(job.run([PhotoSource(path=str(photo)) for photo in photos]))
    assert sizes == expected
    assert [one.source.path for one in answered] == [str(photo) for photo in photos]
    for one, photo in zip(answered, opened(photos), strict=True):
        (alone,) = job.asked.ranker.embed_photos([photo])
        torch.testing.assert_close(one.answer.embed, alone.embed, rtol=0, atol=1e-6)
        assert one.size == (photo.height, photo.width)


def test_tags_are_looked_for_beside_the_whole_photo(
    method: Method, photos: list[Path], passes: list[int]
) -> None:
    labels = LabelSet(name="two", labels=(Label(name="dog"), Label(name="red")))
    ranker = ranker_for(method, labels)
    assert not ranker.lays_ahead
    found = ranker.embed_photos(opened(photos))
    plain = ranker_for(method).embed_photos(opened(photos))
    torch.testing.assert_close([one.embed for one in found], [one.embed for one in plain], rtol=0, atol=0)
    encoded = method.encode_images(opened(photos))
    tagged = [method.tag(image, ranker.labels) for image in encoded]
    assert [set(one.tags) for one in found] == [set(tagging.chosen) for tagging in tagged]


def test_tag2text_is_laid_ahead_too(photos: list[Path]) -> None:
    method = as_method(new_model())
    ranker = ranker_for(method)
    assert ranker.lays_ahead
    together = ranker.embed_laid([ranker.lay(photo) for photo in opened(photos)], SIZES)
    for photo, found in zip(opened(photos), together, strict=True):
        (alone,) = ranker.embed_photos([photo])
        torch.testing.assert_close(found.embed, alone.embed, rtol=0, atol=1e-6)
        assert found.tags == pytest.approx(alone.tags, abs=1e-6)


def test_no_photos_have_no_embeddings(method: Method) -> None:
    assert ranker_for(method).embed_photos([]) == []
