"""Rows of an evaluation: a torn end costs itself alone, another evaluation's rows are refused, embeddings keep every bit."""

import json

import pytest
import torch

from tagalign.errors import DataError, InputError
from tagalign.evaluate.rows import RowStore, evaluation_mark, pack_embeds, read_rows, unpack_embeds

ROWS = [{"i": 2, "key": "ü"}, {"i": 0, "key": "b"}]


def test_rows_come_back_and_later_ones_count(tmp_path):
    store = RowStore(tmp_path, "m")
    store.add(ROWS)
    store.add([{"i": 0, "key": "again"}])
    assert RowStore(tmp_path, "m").rows == store.rows == {2: ROWS[0], 0: {"i": 0, "key": "again"}}
    assert read_rows(tmp_path) == [{"i": 0, "key": "again"}, ROWS[0]]


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_the_torn_end_of_a_killed_run_is_measured_again(tmp_path, cut):
    RowStore(tmp_path, "m").add(ROWS)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    store = RowStore(tmp_path, "m")
    assert store.rows == {2: ROWS[0]}
    store.add([ROWS[1]])
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][1:] == ROWS


def test_several_processes_write_files_of_their_own_and_see_all(tmp_path):
    first, second = (RowStore(tmp_path, "m", shard=(i, 2)) for i in range(2))
    first.add([ROWS[0]])
    second.add([ROWS[1]])
    assert set(first.rows) == {2}
    first.refresh()
    assert set(first.rows) == {0, 2}
    assert len(list(tmp_path.glob("rows-*-of-2.jsonl"))) == 2


def test_rows_of_another_evaluation_are_refused(tmp_path):
    RowStore(tmp_path, "m").add(ROWS)
    with pytest.raises(InputError, match="belongs to another evaluation"):
        RowStore(tmp_path, "other")


@pytest.mark.parametrize("line", ["{broken\n", "[1]\n"])
def test_damage_in_the_middle_is_called_damage(tmp_path, line):
    RowStore(tmp_path, "m")
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write(line + '{"i": 1}\n')
    with pytest.raises(DataError, match="damaged"):
        RowStore(tmp_path, "m")


def test_no_rows_are_missed(tmp_path):
    with pytest.raises(DataError, match=r"no rows\.jsonl"):
        read_rows(tmp_path)


def test_without_a_folder_rows_stay_in_memory(tmp_path):
    store = RowStore(None, "m")
    store.add(ROWS)
    assert set(store.rows) == {0, 2}
    assert list(tmp_path.iterdir()) == []


def test_a_mark_knows_values_and_not_their_order():
    assert evaluation_mark({"a": 1, "b": [2]}) == evaluation_mark({"b": [2], "a": 1})
    assert evaluation_mark({"a": 1}) != evaluation_mark({"a": 2})


def test_embeddings_keep_every_bit_through_json():
    embeds = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(unpack_embeds(json.loads(json.dumps(pack_embeds(embeds.T)))), embeds.T)
    assert unpack_embeds(pack_embeds(torch.zeros(0, 4))).shape == (0, 4)
