"""Values that were spilled come back to the last bit; what finds no room is told, and nothing of it is left."""

import shutil
from collections import namedtuple

import pytest
import torch

from tagalign.methods.piaa.method import PiaaImage
from tagalign.tasks.folder_look.spill import SpillFile
from tagalign.types import View

Usage = namedtuple("Usage", "total used free")


def image(seed: int, *, token: bool = True, dtype: torch.dtype = torch.float32) -> PiaaImage:
    """Of patches that are a slice of a larger tensor, as those of a batch are."""
    drawn = torch.Generator().manual_seed(seed)
    batch = torch.randn(2, 6, 4, generator=drawn).to(dtype)
    return PiaaImage(
        method="piaa",
        embed=torch.randn(4, generator=drawn),
        size=(20 + seed, 30),
        canvas=(24, 32),
        views=(View(embeds=batch[1], grid=(2, 3), box=(0, 0, 32, 24)),),
        token=torch.randn(4, generator=drawn) if token else None,
    )


def assert_same(found: PiaaImage, other: PiaaImage) -> None:
    facts = ("method", "size", "canvas")
    assert [getattr(found, name) for name in facts] == [getattr(other, name) for name in facts]
    assert (found.views[0].grid, found.views[0].box) == (other.views[0].grid, other.views[0].box)
    assert found.views[0].embeds.dtype == other.views[0].embeds.dtype
    assert torch.equal(found.views[0].embeds, other.views[0].embeds)
    assert torch.equal(found.embed, other.embed)
    assert (found.token is None) == (other.token is None)
    assert found.token is None or torch.equal(found.token, other.token)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_values_come_back_in_any_order(tmp_path, dtype):
    file = SpillFile(tmp_path)
    given = [image(i, token=i % 2 == 0, dtype=dtype) for i in range(4)]
    written = [file.write(one) for one in given]
    for i in (2, 0, 3, 1):
        assert_same(file.read(written[i]), given[i])
    # values that are built alike share what says how
    assert written[0].structure is written[2].structure
    file.close()


def test_a_full_disk_is_told_and_what_lay_there_is_still_read(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 1500))
    file = SpillFile(tmp_path, share=0.5)
    first = file.write(image(0))
    assert 2 * first.size <= 750 < 3 * first.size  # there is room for two
    assert file.write(image(1)) is not None
    assert file.write(image(2)) is None
    assert_same(file.read(first), image(0))
    file.close()


def test_the_file_has_no_name(tmp_path):
    file = SpillFile(tmp_path / "new")
    file.write(image(0))
    assert not list((tmp_path / "new").iterdir())
    file.close()
