import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from tagalign.export.label_studio import address_of, brush_rle, labelling_config, task, write_label_studio

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
    assert tasks[0]["data"]["image"] == "/data/?d=photo%200.jpg"
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


NAMES_OF_FILES = (
    "a#1.jpg", "a&b=c.jpg", "a+b.jpg", "50%.jpg", "%41.jpg", "a b.jpg", "a?b.jpg", "日本/写真 1.jpg", "é;x.jpg", "\"a'.jpg",
)  # fmt: skip


class Files(BaseHTTPRequestHandler):
    """Label Studio's door to local files: reads ``d`` of the query as every web server does."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(parse_qs(urlsplit(self.path).query)["d"][0])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"photo")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def test_label_studios_own_client_asks_for_the_files_we_mean(tmp_path: Path) -> None:
    io = pytest.importorskip(
        "label_studio_sdk._extensions.label_studio_tools.core.utils.io",
        reason="label-studio-sdk is not installed",
    )
    Files.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in NAMES_OF_FILES:
            address = task(annotated(0, name), image_url="/data/local-files/?d=")["data"]["image"]
            host = f"http://127.0.0.1:{server.server_port}"
            io.get_local_path(
                address,
                hostname=host,
                access_token="key",
                cache_dir=str(tmp_path),
                image_dir=str(tmp_path),
            )
        server.shutdown()
    assert Files.asked == list(NAMES_OF_FILES)


def test_names_that_are_not_utf_8_keep_their_bytes() -> None:
    assert address_of(os.fsdecode(b"caf\xe9.png")) == "caf%E9.png"
