import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from tagalign.export.label_studio import brush_rle, labelling_config, task, write_label_studio

from .blobs import NAMES, annotated


def read_brush(code: list[int]) -> np.ndarray:
    """A plain reader of the bit stream, after its description: one value at a time."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    number, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < number:
        same, length = take(1), take(sizes[take(2)]) + 1
        values += [take(word)] * length if same else [take(word) for _ in range(length)]
    return np.array(values)


@pytest.mark.parametrize("seed", range(3))
def test_brush_strokes_are_the_mask_in_four_channels(seed: int) -> None:
    mask = (annotated(seed).segmentation.labels == 1).numpy()
    expected = np.repeat(mask.reshape(-1) * 255, 4)
    np.testing.assert_array_equal(read_brush(brush_rle(mask)), expected)


@pytest.mark.parametrize("mask", [torch.zeros(300, 300), torch.ones(300, 300), torch.ones(1, 1)])
def test_runs_longer_than_a_run_holds(mask: torch.Tensor) -> None:
    array = mask.bool().numpy()
    np.testing.assert_array_equal(read_brush(brush_rle(array)), np.repeat(array.reshape(-1) * 255, 4))


def test_label_studios_own_reader_agrees() -> None:
    brush = pytest.importorskip(
        "label_studio_sdk.converter.brush", reason="label-studio-sdk is not installed"
    )
    mask = (annotated(1).segmentation.labels == 2).numpy()
    np.testing.assert_array_equal(brush.decode_rle(brush_rle(mask)), np.repeat(mask.reshape(-1) * 255, 4))


def test_tasks_hold_masks_and_choices(tmp_path: Path) -> None:
    assert write_label_studio(tmp_path / "t.json", [annotated(0), annotated(1)], image_url="/data/?d=") == 2
    tasks = json.loads((tmp_path / "t.json").read_text())
    assert tasks[1] == json.loads(json.dumps(task(annotated(1), image_url="/data/?d=")))
    assert tasks[0]["data"]["image"] == "/data/?d=photo 0.jpg"
    *masks, choices = tasks[0]["predictions"][0]["result"]
    assert [row["value"]["brushlabels"] for row in masks] == [["cat"], ["dog & <co>"], ["tree"]]
    assert (masks[0]["original_width"], masks[0]["original_height"]) == (80, 60)
    assert choices["value"] == {"choices": ["cat", "tree"]}


def test_the_setting_names_every_label_and_ours_match_it() -> None:
    config = ElementTree.fromstring(labelling_config(NAMES))
    assert [label.get("value") for label in config.iter("Label")] == list(NAMES[1:])
    controls = {control.get("name") for control in config.iter() if control.get("toName")}
    results = task(annotated(0))["predictions"][0]["result"]
    assert {row["from_name"] for row in results} == controls
