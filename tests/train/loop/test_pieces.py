"""A batch in pieces: the gradient is that of the whole batch, noise is drawn once, and every trainer's weights stay."""

import pytest
import torch
from small_trainings import TRAININGS
from torch import nn

from tagalign.data.processes import Processes
from tagalign.testing.clip_folder import make_clip_folder
from tagalign.train.loop.pieces import forward_in_pieces, pieces_of
from tagalign.train.loop.plan import Hooks

CPU = torch.device("cpu")


def test_pieces_cover_every_row_once():
    assert pieces_of(7, 3) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert pieces_of(6, 3) == [slice(0, 3), slice(3, 6)]
    assert pieces_of(5, None) == pieces_of(5, 9) == [slice(0, 5)]
    assert pieces_of(0, 2) == [slice(0, 0)]


def between_rows(outputs):
    """A loss in which every row meets every other."""
    return (outputs @ outputs.T).softmax(dim=1).diagonal().log().sum()


def test_the_gradient_is_that_of_one_graph_over_all_pieces_though_noise_is_drawn():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)).double()
    rows, pieces = torch.randn(5, 4, dtype=torch.float64), pieces_of(5, 2)

    def forward(piece):
        return network(rows[piece])

    torch.manual_seed(1)
    between_rows(torch.cat([forward(piece) for piece in pieces])).backward()
    expected = [p.grad.clone() for p in network.parameters()]
    after = torch.rand(3)
    network.zero_grad()

    torch.manual_seed(1)
    leaf, carry_on = forward_in_pieces(forward, pieces, CPU)
    between_rows(leaf).backward()
    carry_on()
    for p, grad in zip(network.parameters(), expected, strict=True):
        # float64 sums of a few terms
        torch.testing.assert_close(p.grad, grad, rtol=1e-12, atol=1e-12)
    assert torch.equal(torch.rand(3), after), "what comes later draws as if nothing had been done twice"


def test_a_loss_of_nothing_leaves_the_network_alone():
    network = nn.Linear(2, 2)
    _, carry_on = forward_in_pieces(lambda piece: network(torch.ones(4, 2)[piece]), pieces_of(4, 1), CPU)
    carry_on()
    assert network.weight.grad is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    sizes = {"width": 16, "layers": 2, "dim": 8, "image_size": 16, "text_layers": 1}
    return make_clip_folder(tmp_path_factory.mktemp("small"), **sizes)


def trained(kind, folder, choice, **numbers):
    rows = []
    hooks = Hooks(progress=lambda step, steps, shown: rows.append(dict(shown)))
    module = TRAININGS[kind](folder, Processes(), hooks, choice, **numbers)
    return rows, torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize(
    ("kind", "choice", "numbers"),
    [
        ("trusty", "inductive", {}),
        ("trusty", "transductive", {}),
        ("trusty", "supervised", {}),
        ("trusty", "inductive", {"profile": "paper"}),
        ("tag2text", "fixed", {}),
        ("tag2text", "released", {}),
        ("tag2text", "momentum", {}),
    ],
)
def test_every_trainer_ends_alike_in_pieces(folder, kind, choice, numbers):
    rows, whole = trained(kind, folder, choice, **numbers)
    piece_rows, pieces = trained(
        kind, folder, choice, micro_batch=3, **numbers
    )  # 4 images: a piece of 3, one of 1
    for ours, theirs in zip(piece_rows, rows, strict=True):
        for name in theirs.keys() - {"images_per_s"}:
            # float32 sums over the batch in two parts: 1e-6 of their size, some digits lost in steps of Adam
            assert ours[name] == pytest.approx(theirs[name], rel=1e-4, abs=1e-6), name
    # Adam divides by the size of a gradient: the few that are rounding noise, and nothing else, may take another way
    assert ((pieces - whole).abs() > 1e-4).float().mean() < 0.01
