"""Photos decoded smaller than they are: what is decoded, masks as large as the photo, and runs that are never mixed."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.backbones.preprocess import open_image
from tagalign.cli.main import main
from tagalign.errors import InputError
from tagalign.methods.load import load_method
from tagalign.tags.label_sets import load_label_set
from tagalign.tasks.photos.full_size import at_full_size, enlarge
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import AskedTags, SegmentQuestion, TagQuestion
from tagalign.tasks.photos.run import answer_run, open_run
from tagalign.tasks.photos.sinks import TagParquet
from tagalign.types import Segmentation, Tagging

LABELS = load_label_set("dog,cat,grass", templates="1")


def picture(size=(640, 400), mode="RGB"):
    """Smooth, so that every scale of the decoder shows the same."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    colours = np.stack([255 * x, 255 * y, 128 + 100 * np.sin(6 * x)], -1).astype(np.uint8)
    return Image.fromarray(colours).convert(mode)


def encoded(image, kind="JPEG", **more):
    file = io.BytesIO()
    image.save(file, kind, **more)
    return Image.open(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(("least", "decoded"), [(400, 400), (200, 200), (120, 200), (100, 100), (40, 50)])
def test_a_jpeg_is_never_decoded_below_what_is_seen(mode, progressive, least, decoded):
    image = picture(mode=mode)
    found = open_image(
        encoded(image, quality=95, progressive=progressive),
        seen=lambda size: (least, least * size[1] // size[0]),
    )
    assert (found.mode, found.height, found.width) == ("RGB", decoded, decoded * 640 // 400)
    assert found.info.get("full_size") == (None if decoded == 400 else (400, 640))
    whole = open_image(encoded(image, quality=95, progressive=progressive)).resize(found.size)
    # a smooth picture: what is left is the coding of JPEG, a few of 255
    assert np.abs(np.asarray(found, float) - np.asarray(whole, float)).mean() < 2


@pytest.mark.parametrize("turn", range(1, 9))
def test_sizes_are_those_of_the_upright_photo(turn):
    exif = Image.Exif()
    exif[274] = turn
    asked = []
    found = open_image(
        encoded(picture(), exif=exif), seen=lambda size: asked.append(size) or (size[0] // 4, size[1] // 4)
    )
    upright = (640, 400) if turn >= 5 else (400, 640)
    assert asked == [upright]
    assert found.info["full_size"] == upright
    assert (found.height, found.width) == (upright[0] // 4, upright[1] // 4)
    whole = open_image(encoded(picture(), exif=exif)).resize(found.size)
    assert np.abs(np.asarray(found, float) - np.asarray(whole, float)).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_other_formats_are_decoded_whole(kind):
    found = open_image(encoded(picture(), kind), seen=lambda size: (10, 10))
    assert found.size == (640, 400)
    assert "full_size" not in found.info


def test_each_pixel_is_that_of_the_nearest_decoded_one():
    small = torch.arange(12).reshape(3, 4)
    large = enlarge(small, (7, 9))
    for y in range(7):
        for x in range(9):
            # centres of pixels; the half is exact in float64
            assert large[y, x] == small[int((y + 0.5) * 3 / 7), int((x + 0.5) * 4 / 9)]
    assert torch.equal(enlarge(small, (3, 4)), small)
    whole = at_full_size(Segmentation(labels=small, names=("a",) * 12, scores=small / 12), (7, 9))
    assert torch.equal(whole.labels, large)
    assert torch.equal(whole.scores, large / 12)
    assert at_full_size("a dog", (7, 9)) == "a dog"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    picture((720, 480)).save(folder / "large.jpg", quality=95)
    picture((90, 80)).save(folder / "small.jpg")
    picture((720, 480)).save(folder / "large.png")
    return folder


def answers(folder, question, **more):
    job = JobSpec(
        question=question, model="tiny", method="clip", device="cpu", fast_decode=True, **more
    ).open()
    return {one.source.path.rpartition("/")[2]: one for one in job.run(Inputs(items=[str(folder)]))}


def test_masks_are_as_large_as_the_photos_and_hardly_others(photos):
    found = answers(photos, SegmentQuestion(labels=LABELS), disagreement="flip")
    for name, size in {"large.jpg": (480, 720), "small.jpg": (80, 90), "large.png": (480, 720)}.items():
        assert found[name].size == size
        assert found[name].answer.labels.shape == found[name].second.labels.shape == size
    assert found["large.jpg"].image.height < 480
    assert found["large.png"].image.height == 480
    same = found["large.jpg"].answer.labels == found["large.png"].answer.labels
    # edges move by a decoded pixel, and by what JPEG changes of a smooth picture
    assert same.float().mean() > 0.95


def test_what_was_decoded_is_large_enough_for_all_that_answer(photos):
    first = answers(photos, SegmentQuestion(labels=LABELS), options={"short_side": 112})
    assert first["large.jpg"].image.height == 240  # 120 would be more than 112, and less than twice that
    both = answers(photos, TagQuestion(labels=LABELS), disagreement="maskclip")
    assert isinstance(both["large.jpg"].answer, Tagging)
    assert both["large.jpg"].size == (480, 720)


def test_a_run_does_not_go_on_with_the_other_way_of_decoding(photos, tmp_path):
    spec = {"question": TagQuestion(labels=LABELS), "model": "tiny", "method": "clip", "device": "cpu"}
    fast = JobSpec(**spec, fast_decode=True).open()
    run = open_run(fast.describe(), Inputs(items=[str(photos)]), tmp_path, TagParquet())
    assert sum(1 for _ in answer_run(run, fast, TagParquet())) == 3
    whole = JobSpec(**spec).open()
    assert "fast_decode" not in whole.describe()
    with pytest.raises(InputError, match="results of another run: fast_decode: True there, none now"):
        open_run(whole.describe(), Inputs(items=[str(photos)]), tmp_path, TagParquet())


@pytest.mark.parametrize("method", ["clip", "tagclip", "clip-cls"])
def test_a_method_says_the_size_that_it_lays(method):
    opened = load_method("tiny", method=method, device="cpu")
    for size in ((30, 400), (97, 61), (480, 720)):
        image = Image.new("RGB", (size[1], size[0]))
        laid = opened.lay(image) if method != "clip" else opened.canvas_rule.lay(image, opened.preprocessing)
        pixels = laid.pixels if method == "clip" else laid
        assert opened.seen_size(size) == tuple(pixels.shape[1:])


def test_a_method_that_does_not_say_what_it_needs_is_refused():
    question = TagQuestion(labels=LABELS)
    with pytest.raises(InputError, match="--fast-decode: method 'own' does not say"):
        JobSpec(question=question, fast_decode=True).asking(
            AskedTags(question, SimpleNamespace(method="own"))
        )


@pytest.mark.parametrize("flag", [("--overlay",), ("--heat-maps",), ("--regions", "auto")])
def test_what_needs_every_pixel_is_refused(flag, capsys):
    command = ["segment", "photo.jpg", "--labels", "dog", "--model", "tiny", "--fast-decode", *flag]
    assert main(command) == 2
    assert f"{flag[0]} needs every pixel of the photo" in capsys.readouterr().err
