"""Lines of answers: in order, one error a line, a bounded number under way, nothing left when the reader goes."""

import asyncio
import json

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")

from tagalign.apps.server.streaming import answer_lines
from tagalign.errors import ImageError


def test_lines_come_in_order_with_errors_in_their_place():
    under_way, most = 0, 0

    async def ask(source):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001 * (5 - source))  # later ones are done sooner
        under_way -= 1
        if source == 2:
            raise ImageError("no image")
        return json.dumps({"square": source**2})

    async def read():
        return [json.loads(line) async for line in answer_lines(range(5), ask, ahead=3)]

    lines = asyncio.run(read())
    assert [line["image"] for line in lines] == [0, 1, 2, 3, 4]
    assert [line.get("square") for line in lines] == [0, 1, None, 9, 16]
    assert lines[2]["error"] == {"type": "ImageError", "message": "no image"}
    assert most <= 3


def test_a_reader_that_goes_leaves_nothing_under_way():
    given_up = []

    async def ask(source):
        try:
            await asyncio.sleep(0 if source == 0 else 60)
        except asyncio.CancelledError:
            given_up.append(source)
            raise
        return '{"done":true}'

    async def read():
        lines = answer_lines(range(9), ask, ahead=3)
        first = await anext(lines)
        await asyncio.sleep(0.01)
        await lines.aclose()
        await asyncio.sleep(0.01)
        return first

    assert json.loads(asyncio.run(read())) == {"image": 0, "done": True}
    assert given_up == [1, 2]
