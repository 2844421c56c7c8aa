from types import SimpleNamespace

import pytest
import torch

from tagalign.tasks.photos.embeds import photo_embed, read_embeds, write_embeds


def test_vectors_come_back_at_unit_length(tmp_path):
    write_embeds(tmp_path / "part.npy", [torch.tensor([3.0, 4.0]), torch.tensor([0.0, 2.0])])
    found = read_embeds(tmp_path / "part.npy", 2)
    # float16 keeps three digits
    assert found.tolist() == [pytest.approx([0.6, 0.8], abs=1e-3), [0.0, 1.0]]
    assert read_embeds(tmp_path / "part.npy", 3) is None
    assert read_embeds(tmp_path / "none.npy", 2) is None


@pytest.mark.parametrize("embeds", [[], [None], [torch.ones(2), None], [torch.ones(2), torch.ones(3)]])
def test_a_part_without_a_vector_for_each_photo_has_no_file(tmp_path, embeds):
    path = tmp_path / "part.npy"
    path.write_text("of an earlier part")
    write_embeds(path, embeds)
    assert not path.exists()


def test_a_damaged_file_is_none(tmp_path):
    (tmp_path / "part.npy").write_bytes(b"\x93NUMPY broken")
    assert read_embeds(tmp_path / "part.npy", 1) is None


def test_only_what_has_a_vector_gives_one():
    assert photo_embed(SimpleNamespace(embed=torch.ones(2))).tolist() == [1, 1]
    assert photo_embed(SimpleNamespace()) is None
