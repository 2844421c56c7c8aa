"""Text-aware propagation against a dense solver, plain loops, and laws of smoothing."""

import math
from dataclasses import replace

import pytest
import torch

from tagalign.ops.propagation import (
    RULES,
    Edges,
    PropagationRule,
    edge_weights,
    pooled,
    propagate,
    solve_exactly,
    solve_steps,
    strides,
    text_relation,
    trust,
)

NAMES = 4


@pytest.fixture
def scene():
    rng = torch.Generator().manual_seed(0)
    maps = 0.2 * torch.randn(NAMES, 5, 7, generator=rng)
    guide = torch.randn(3, 5, 7, generator=rng)
    return maps, guide, text_relation(torch.randn(NAMES, 6, generator=rng))


def parts(scene, rule):
    maps, guide, text = scene
    probs = (rule.scale * maps).softmax(dim=0)
    return trust(probs, text, rule.relation), edge_weights(guide, probs, text, rule)


def dense_matrix(own, edges):
    """The system written out, one edge at a time."""
    rows, cols = own.shape
    matrix = torch.diag(own.flatten().double())

    def edge(i, j, weight):
        for a, b in ((i, j), (j, i)):
            matrix[a, a] += weight
            matrix[a, b] -= weight

    for r in range(rows):
        for c in range(cols):
            if c:
                edge(r * cols + c, r * cols + c - 1, float(edges.horizontal[r, c - 1]))
            if r:
                edge(r * cols + c, (r - 1) * cols + c, float(edges.vertical[r - 1, c]))
    return matrix


@pytest.mark.parametrize("name", ["paper", "fixed"])
def test_the_solution_is_that_of_the_dense_system(scene, name):
    maps = scene[0]
    own, edges = parts(scene, RULES[name])
    right = (own * maps).double().flatten(1).T
    wanted = torch.linalg.solve(dense_matrix(own, edges), right).T.view_as(maps)
    torch.testing.assert_close(solve_exactly(maps, own, edges).double(), wanted, rtol=0, atol=1e-6)
    # as many steps as cells reach it too, from the other side of the code
    torch.testing.assert_close(solve_steps(maps, own, edges, 200).double(), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (8, 1), (2, 9), (9, 2)])
def test_strips_are_solved_too(size):
    rng = torch.Generator().manual_seed(1)
    own = torch.rand(size, generator=rng) + 0.1
    edges = Edges(
        horizontal=torch.rand(size[0], size[1] - 1, generator=rng),
        vertical=torch.rand(size[0] - 1, size[1], generator=rng),
    )
    maps = torch.randn(2, *size, generator=rng)
    right = (own * maps).double().flatten(1).T
    wanted = torch.linalg.solve(dense_matrix(own, edges), right).T.view_as(maps)
    torch.testing.assert_close(solve_exactly(maps, own, edges).double(), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", sorted(RULES))
def test_trust_and_edges_are_their_formulas(scene, name):
    maps, guide, text = scene
    rule = RULES[name]
    own, edges = parts(scene, rule)
    rows, cols = own.shape
    p = [[torch.softmax(rule.scale * maps[:, r, c], 0).tolist() for c in range(cols)] for r in range(rows)]
    luma = torch.tensor([0.299, 0.587, 0.114])
    grey = [[float(luma @ guide[:, r, c]) for c in range(cols)] for r in range(rows)]
    everybody = range(NAMES)

    def agree(a, b):
        pairs = (
            [(q, q) for q in everybody]
            if rule.relation == "diagonal"
            else [(i, j) for i in everybody for j in everybody]
        )
        return min(max(sum(a[i] * float(text[i, j]) * b[j] for i, j in pairs), 0), 1)

    sideways = [abs(grey[r][c] - grey[r][c - 1]) for r in range(rows) for c in range(1, cols)]
    mean = sum(sideways) / len(sideways)
    for r in range(rows):
        for c in range(cols):
            wanted = max(*p[r][c], 0.05) ** 2 * (1 + agree(p[r][c], p[r][c]))
            assert float(own[r, c]) == pytest.approx(wanted, rel=1e-5)
            if c:
                likeness = math.exp(-5 * abs(grey[r][c] - grey[r][c - 1]) / (mean + 1e-6))
                weight = likeness * (1 + agree(p[r][c], p[r][c - 1]))
                weight = min(1, weight) if rule.clamp_edges else weight
                assert float(edges.horizontal[r, c - 1]) == pytest.approx(weight, rel=1e-4)


def test_a_constant_map_stays(scene):
    _, guide, text = scene
    flat = torch.full((NAMES, 5, 7), 0.3)
    for rule in RULES.values():
        torch.testing.assert_close(propagate(flat, guide, text, rule), flat)


def test_values_stay_between_the_lowest_and_the_highest(scene):
    maps, guide, text = scene
    found = propagate(maps, guide, text, RULES["fixed"])
    assert (found.amin(dim=(1, 2)) >= maps.amin(dim=(1, 2)) - 1e-6).all()
    assert (found.amax(dim=(1, 2)) <= maps.amax(dim=(1, 2)) + 1e-6).all()


def test_the_order_of_names_changes_nothing(scene):
    maps, guide, text = scene
    order = torch.tensor([2, 0, 3, 1])
    for rule in RULES.values():
        found = propagate(maps[order], guide, text[order][:, order], rule)
        torch.testing.assert_close(found, propagate(maps, guide, text, rule)[order])


def test_a_plain_grey_picture_gives_no_nan():
    maps = torch.full((3, 40, 50), 0.2)
    for rule in RULES.values():
        found = propagate(maps, torch.zeros(3, 40, 50), text_relation(torch.eye(3)), replace(rule, grid=8))
        assert found.isfinite().all()
        torch.testing.assert_close(found, maps)


def test_strides_round_half_to_even_and_leftovers_are_dropped():
    assert strides((25, 35), 10) == (2, 4)
    assert strides((20, 26), 80) == (1, 1)
    # 3 x 5 at two cells a side: cells of 2 x 2 pixels (1.5 and 2.5 round to 2), the last row and column in none
    assert pooled(torch.arange(15.0).view(1, 3, 5), 2).tolist() == [[[3.0, 5.0]]]


def test_text_relation_rows_sum_to_one_and_prefer_themselves():
    found = text_relation(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(5))
    assert (found.diagonal() > 0.9).all()


def test_released_steps_are_a_number_and_not_the_solution(scene):
    maps, guide, text = scene
    short = PropagationRule(steps=2)
    assert not torch.allclose(
        propagate(maps, guide, text, short), propagate(maps, guide, text, RULES["fixed"])
    )
