"""Directions of the head tables: gains paired by seed by hand, and which numbers make one hold or fail."""

from dataclasses import replace

import pytest

from tagalign.experiments.head.cells import CAPTIONS, FROZEN, OBJECTS
from tagalign.experiments.head.directions import DIRECTIONS, Direction, claims
from tagalign.experiments.head.tables import TABLES


def measured(row, numbers):
    return {replace(row, seed=seed).key: {"miou_objects": value} for seed, value in enumerate(numbers)}


DIRECTION = Direction(table="Table 7", says="up", better=OBJECTS, worse=CAPTIONS, reasons={"plain": "known"})


def test_a_gain_above_its_interval_holds():
    values = measured(OBJECTS, (35.0, 36.0, 37.0)) | measured(CAPTIONS, (33.0, 34.1, 34.9))
    claim = DIRECTION.claim("tiny", values, "x.md")
    # gains 2.0, 1.9, 2.1: deviation 0.1, Student's t for two degrees of freedom 4.303, over the root of 3: 0.248
    assert (claim.verdict, claim.interval, claim.ours) == ("holds", "+2.0 ± 0.2", "34.0 to 36.0 mIoU objects")
    assert (claim.seeds, claim.reason) == (3, "")


@pytest.mark.parametrize(
    ("objects", "encoder", "reason"),
    [
        ((36.0, 32.0, 37.0), "tiny", "within the spread of seeds"),
        ((30.0, 30.1, 30.2), "tiny", "below; why is not measured"),
        ((30.0, 30.1, 30.2), "plain", "known"),
    ],
)
def test_everything_else_fails_with_its_reason(objects, encoder, reason):
    values = measured(OBJECTS, objects) | measured(CAPTIONS, (33.0, 33.0, 33.0))
    claim = DIRECTION.claim(encoder, values, "x.md")
    assert (claim.verdict, claim.reason) == ("fails", reason)


def test_a_row_below_another_tells_what_was_measured_of_both():
    named, stands = ({"objects_named": a, "objects_stand_out": b} for a, b in ((61.0, 20.0), (58.0, 75.0)))
    lower, higher = (replace(cell, seed=0).key for cell in (OBJECTS, CAPTIONS))
    values = {lower: {"miou_objects": 30.0, **named}, higher: {"miou_objects": 33.0, **stands}}
    claim = DIRECTION.claim("tiny", values, "x.md")
    assert claim.reason == (
        "object pixels named right: 58 to 61; "
        "objects stand out from the background by an area under the ROC curve of 75 to 20"
    )
    within = {lower: {"miou_objects": 32.9, **named}, higher: {"miou_objects": 33.0, **stands}}
    assert DIRECTION.claim("tiny", within, "x.md").reason == "one seed, and no more than seeds do"


def test_a_failure_tells_the_rows_beside_it_in_the_same_numbers():
    beside = replace(DIRECTION, beside=(FROZEN, replace(CAPTIONS, batch_size=16)))
    values = measured(OBJECTS, (30.0, 30.1)) | measured(CAPTIONS, (33.0, 33.0))
    values |= {FROZEN.key: {"miou_objects": 28.0}} | measured(replace(CAPTIONS, batch_size=16), (37.0, 38.0))
    assert beside.claim("tiny", values, "x.md").reason == "in the same measure: frozen 28.0, captions 37.5"


@pytest.mark.parametrize(("objects", "verdict"), [(34.5, "holds"), (33.9, "fails"), (32.5, "fails")])
def test_one_seed_must_gain_more_than_seeds_do(objects, verdict):
    claim = DIRECTION.claim("tiny", measured(OBJECTS, (objects,)) | measured(CAPTIONS, (33.0,)), "x.md")
    assert (claim.verdict, claim.seeds) == (verdict, 1)
    assert claim.reason == ("" if verdict == "holds" else "one seed, and no more than seeds do")


def test_a_frozen_row_is_one_number_for_every_seed():
    values = measured(CAPTIONS, (30.0, 31.0)) | {FROZEN.key: {"miou_objects": 28.0}}
    assert replace(DIRECTION, better=CAPTIONS, worse=FROZEN).pairs(values) == [(30.0, 28.0), (31.0, 28.0)]


def test_what_is_not_measured_claims_nothing():
    assert DIRECTION.claim("tiny", measured(OBJECTS, (1.0,)), "x.md") is None
    assert claims("head-rows", {"tiny": {}}) == []


def test_directions_compare_cells_of_their_table():
    for table, directions in DIRECTIONS.items():
        for one in directions:
            assert {one.better, one.worse} <= {replace(cell, seed=0) for cell in TABLES[table]}
