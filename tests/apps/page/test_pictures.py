import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tagalign.apps.page import pictures, words
from tagalign.apps.page.downloads import write_files
from tagalign.apps.page.studio import Studio
from tagalign.tasks.model import Model
from tagalign.testing.stub_method import StubMethod
from tagalign.types import Caption, Referring, Tagging


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4000, 3000), (1024, 768)), ((640, 480), (640, 480)), ((80, 80), (320, 320)), ((1, 1), (320, 320))],
)
def test_photos_get_the_size_of_a_screen(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert pictures.on_screen(Image.new("RGB", size)).size == expected


def test_a_phrase_is_a_mask_and_a_box_at_the_size_of_the_screen() -> None:
    mask = torch.zeros(1000, 2048, dtype=torch.bool)
    mask[100:200, 400:1000] = True
    found = Referring(phrase="a bar", mask=mask, box=(400, 100, 1000, 200), score=0.5, heat=mask.float())
    (image, ((area, title), (box, _))), colors = pictures.annotated_phrase(
        Image.new("RGB", (2048, 1000)), found
    )
    assert (image.size, box) == ((1024, 500), (200, 50, 500, 100))
    assert (area > 0).sum() == pytest.approx(300 * 50, rel=0.05)  # a row more or less by resizing
    assert title in colors
    nothing = Referring(phrase="a bar", mask=~mask, box=None, score=0.1, heat=mask.float())
    assert pictures.annotated_phrase(Image.new("RGB", (2048, 1000)), nothing)[0][1] == []
    assert "Nothing found" in words.phrase_note(nothing)


def test_names_that_people_type_are_escaped() -> None:
    name = "<script>alert(1)</script>"
    bars = words.tag_bars(Tagging(names=(name,), scores=(0.5,), chosen=(0,)))
    for html in (bars, words.heat_scale(name), words.caption_text(Caption(text=name, tags={name: 0.5}))):
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_a_guiding_tag_outside_the_list_has_no_number() -> None:
    html = words.caption_text(Caption(text="a dog", tags={"dog": 0.5, "frisbee": float("nan")}))
    assert "guided by: dog 0.50, frisbee</p>" in html


def test_long_lists_are_cut_and_counted() -> None:
    names = tuple(f"n{i}" for i in range(30))
    bars = words.tag_bars(Tagging(names=names, scores=(0.5,) * 30, chosen=(0,)))
    assert bars.count('role="img"') == words.SHOWN_TAGS
    assert f"and {30 - words.SHOWN_TAGS} more" in bars


def test_downloads_hold_what_is_on_the_screen(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    view = Studio(lambda name: Model(StubMethod()), ["stub"]).look(tmp_path / "a.png", "dog, cat", "stub")
    mask, values = write_files(view, {"method": "stub"}, tmp_path)
    with Image.open(mask) as image:
        np.testing.assert_array_equal(np.asarray(image), view.segmentation.labels)
    data = json.loads(Path(values).read_text())
    assert data["scores"] == {"dog": 1.0, "cat": 0.5}
    assert data["shares"] == {"dog": 0.5, "cat": 0.5}
    assert (data["photo"], data["size"], data["model"]) == ("a.png", [6, 8], {"method": "stub"})
