import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.errors import InputError
from tagalign.export import drawing
from tagalign.export.overlay import edges, heat_overlay, overlay, percent, referring_overlay
from tagalign.types import Referring, Segmentation

SIDE = 400  # above the size under which photos are enlarged


def grey_photo(width: int = SIDE, height: int = SIDE) -> Image.Image:
    return Image.new("RGB", (width, height), (100, 100, 100))


def halves(names: tuple[str, ...] = ("dog", "grass"), size: tuple[int, int] = (SIDE, SIDE)) -> Segmentation:
    labels = torch.zeros(size, dtype=torch.int64)
    labels[:, size[1] // 2 :] = 1
    return Segmentation(labels=labels, names=names, scores=torch.ones(size))


def margin_of(picture: Image.Image) -> int:
    return (picture.width - SIDE) // 2


def test_regions_are_mixed_with_the_colour_of_their_label() -> None:
    picture = overlay(grey_photo(), halves(), opacity=0.5)
    margin = margin_of(picture)
    for label, x in ((0, SIDE // 4), (1, 3 * SIDE // 4)):
        expected = [round(0.5 * 100 + 0.5 * channel) for channel in drawing.label_color(label)]
        # one step of rounding
        assert np.abs(np.subtract(picture.getpixel((margin + x, margin + 50)), expected)).max() <= 1


def test_background_and_names_left_out_keep_the_photo() -> None:
    background = overlay(grey_photo(), halves(("background", "grass")))
    only = overlay(grey_photo(), halves(), only=frozenset({"grass"}))
    for picture in (background, only):
        assert picture.getpixel((margin_of(picture) + 20, margin_of(picture) + 20)) == (100, 100, 100)


def test_the_legend_lies_below_the_photo_and_grows_with_the_labels() -> None:
    few = overlay(grey_photo(), halves())
    size = (SIDE, SIDE)
    many = Segmentation(
        labels=torch.arange(SIDE * SIDE).view(size) // 4000,
        names=tuple(f"name {i}" for i in range(40)),
        scores=torch.ones(size),
    )
    more = overlay(grey_photo(), many)
    assert few.width == more.width
    assert SIDE < few.height < more.height
    bottom = np.asarray(few)[SIDE + margin_of(few) + 2 :]
    assert (bottom == drawing.label_color(0)).all(-1).any()
    assert (bottom == drawing.label_color(1)).all(-1).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (80, 80)])
def test_any_size_gives_a_picture_wide_enough_for_its_legend(size: tuple[int, int]) -> None:
    height, width = size
    segmentation = Segmentation(
        labels=torch.zeros(size, dtype=torch.int64), names=("a name that is long",), scores=torch.ones(size)
    )
    picture = overlay(grey_photo(width, height), segmentation)
    assert picture.width >= 384


def test_results_of_another_image_are_refused() -> None:
    with pytest.raises(InputError, match=r"the image is 300 x 400 pixels .* its result 400 x 400"):
        overlay(grey_photo(400, 300), halves())
    with pytest.raises(InputError, match="its result 5 x 5"):
        heat_overlay(grey_photo(), torch.zeros(5, 5), "dog")


def test_heat_is_dark_at_zero_and_bright_at_one() -> None:
    heat = torch.zeros(SIDE, SIDE)
    heat[:, SIDE // 2 :] = 1
    picture = heat_overlay(grey_photo(), heat, "dog", opacity=1.0)
    left, right = (picture.getpixel((margin_of(picture) + x, 100)) for x in (20, SIDE - 20))
    assert left == tuple(drawing.HEAT_STOPS[0])
    assert right == tuple(drawing.HEAT_STOPS[-1])


def test_heat_brightens_steadily_and_survives_nan() -> None:
    colors = drawing.heat_colors(np.linspace(0, 1, 64)[None]).astype(float)
    luminance = colors @ [0.299, 0.587, 0.114]  # ITU-R BT.601
    assert (np.diff(luminance[0]) > 0).all()
    assert (drawing.heat_colors(np.array([[np.nan]])) == drawing.heat_colors(np.zeros((1, 1)))).all()


def test_a_phrase_shows_its_region_and_box() -> None:
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[100:200, 150:300] = True
    found = Referring(
        phrase="the dog", mask=mask, box=(150, 100, 300, 200), score=0.8, heat=torch.zeros(SIDE, SIDE)
    )
    picture = referring_overlay(grey_photo(), found)
    margin = margin_of(picture)
    assert picture.getpixel((margin + 20, margin + 20)) == (100, 100, 100)
    assert picture.getpixel((margin + 220, margin + 150)) != (100, 100, 100)
    assert picture.getpixel((margin + 150, margin + 150)) == drawing.INK


def test_a_phrase_without_a_region_is_drawn_without_a_box() -> None:
    empty = torch.zeros(SIDE, SIDE)
    nothing = Referring(phrase="a unicorn", mask=empty.bool(), box=None, score=0.1, heat=empty)
    picture = referring_overlay(grey_photo(), nothing)
    photo = np.asarray(picture)[margin_of(picture) :][:SIDE, margin_of(picture) :][:, :SIDE]
    assert (photo == 100).all()


def test_edges_lie_between_labels() -> None:
    labels = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    np.testing.assert_array_equal(edges(labels), [[0, 1, 0], [1, 1, 1], [0, 0, 0]])


def test_the_first_two_hundred_colours_differ() -> None:
    assert len({drawing.label_color(i) for i in range(200)}) == 200


@pytest.mark.filterwarnings("ignore:no font on this machine")  # which letters have one is the machine's
def test_long_words_are_cut_to_fit_and_any_letters_are_drawn() -> None:
    assert drawing.shorten("short", 14, 300) == "short"
    cut = drawing.shorten("a very long label " * 9, 14, 100)
    assert cut.endswith("…")
    assert drawing.text_width(cut, 14) <= 100
    assert overlay(grey_photo(), halves(("狗", "🐶"))).height > SIDE


def test_shares_are_written_for_people() -> None:
    assert [percent(share) for share in (0.0, 0.001, 0.344, 1.0)] == ["0 %", "<1 %", "34 %", "100 %"]


def test_a_box_without_an_inside_is_drawn() -> None:
    line = torch.zeros(SIDE, SIDE)
    line[1:3, 2:6] = 1
    found = Referring(phrase="a line", mask=line.bool(), box=(2, 1, 6, 3), score=0.8, heat=line)
    picture = referring_overlay(grey_photo(), found)
    margin = margin_of(picture)
    assert picture.getpixel((margin + 2, margin + 1)) == drawing.INK
