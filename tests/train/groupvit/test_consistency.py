"""Mask consistency in training: a step against a plain loop over pairs, off by default, and exact resuming.

Holds ``train/groupvit/trainee.py``, ``train/groupvit/tower.py``.
"""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from tagalign.data.feature_pairs import FeaturePairs, MemoryStore
from tagalign.errors import InputError
from tagalign.ops.group_losses import mask_consistency_loss
from tagalign.ops.tag_rows import TagRows
from tagalign.tags.vocabulary import TagLabels, TagVocabulary
from tagalign.train.groupvit.consistency import ConsistencyPlan, MaskConsistency
from tagalign.train.groupvit.tower import GroupTower, pixel_pairs
from tagalign.train.groupvit.training import GroupVitPlan, train_groupvit
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.plan import Hooks
from tagalign.train.tagalign.plan import TrainingPairs

PLAN = GroupVitPlan(steps=4, batch_size=4, warmup=1, log_every=1, checkpoint_every=2)
VOCABULARY = TagVocabulary.of([("object", "dog", 4), ("object", "cat", 4), ("attribute", "red", 8)])
DEPTHS = {1: (1, 1), 2: (1, 1, 1)}


def new_tower(dim, groupings=1):
    torch.manual_seed(0)
    groups = (4, 2)[:groupings]
    return GroupTower(
        image_size=16, patch_size=8, dim=dim, width=16, depths=DEPTHS[groupings], groups=groups, heads=2
    )


@pytest.fixture
def data(backbone):
    generator = torch.Generator().manual_seed(0)
    tags = [[0, 2], [1, 2]] * 4  # all share "red", which is no object
    indptr = np.arange(9, dtype=np.int64) * 2
    pairs = FeaturePairs(
        store=MemoryStore(features=torch.zeros(8, 1, 4).half(), grid=(1, 1)),
        images=np.arange(8),
        texts=torch.randn(8, backbone.embed_dim, generator=generator),
        labels=TagLabels(indptr, np.array(tags, dtype=np.int32).flatten()),
        keys=[str(i) for i in range(8)],
    )
    return TrainingPairs(
        pairs=pixel_pairs(torch.randn(8, 3, 16, 16, generator=generator), pairs), vocabulary=VOCABULARY
    )


def train(backbone, data, consistency, *, out_dir=None, hooks=Hooks(), **numbers):  # noqa: B008
    tower = new_tower(backbone.embed_dim)
    plan = replace(PLAN, consistency=consistency, **numbers)
    trained = train_groupvit(backbone, data, tower, plan, out_dir=out_dir, hooks=hooks)
    return trained, torch.cat([p.detach().flatten() for p in tower.parameters()])


@pytest.mark.parametrize("groupings", [1, 2])
def test_the_loss_of_a_step_is_that_of_a_plain_loop(groupings):
    tower = new_tower(5, groupings).eval()  # no noise: the loop runs the tower once more
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(4, 3, 16, 16, generator=generator)
    entities = torch.randn(2, 5, generator=generator)
    tags = TagRows.from_lists([[3, 7], [0, 4], [3, 4, 7], [0]])  # 0 and 7 name no thing
    consistency = MaskConsistency(tower, ConsistencyPlan(), entities, [3, 4])
    found = consistency.loss(tower.bind(pixels), pixels, tags)

    grouping, seen = tower.vision.encoder.stages[0].downsample, []
    hook = grouping.assign.register_forward_pre_hook(lambda module, given: seen.append(given))
    for i in range(4):
        tower(pixels[i : i + 1])
    hook.remove()
    terms = []
    for first, second, entity in [(0, 2, 0), (1, 2, 1), (2, 0, 0)]:
        logits = []
        for image in (first, second):
            query, key = grouping.assign.q_proj(seen[image][0][0]), grouping.assign.k_proj(seen[second][1][0])
            logits.append(torch.stack([torch.stack([(q * k).sum() / 4 for k in key]) for q in query]))
        relevance = None
        if groupings == 1:
            made = grouping.forward(
                *[
                    part
                    for part in tower.vision.encoder.stages[0].split_x(
                        tower.vision.encoder.stages[0].layers[0](
                            torch.cat(
                                [
                                    tower.vision.embeddings(pixels[first : first + 1]),
                                    tower.vision.encoder.stages[0].group_token,
                                ],
                                dim=1,
                            ),
                            attention_mask=None,
                        )
                    )
                ]
            )[0]
            groups = tower.head(tower.vision.layernorm(made))[0]
            relevance = torch.cosine_similarity(groups, entities[entity][None], dim=1)[None]
        terms.append(mask_consistency_loss(logits[0][None], logits[1][None], relevance=relevance))
    expected = torch.stack(terms).mean()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)  # float32, other batches
    parameters = list(tower.parameters())
    for one, other in zip(
        torch.autograd.grad(found, parameters, allow_unused=True),
        torch.autograd.grad(expected, parameters, allow_unused=True),
        strict=True,
    ):
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_binding_gives_the_embeddings_of_the_tower_and_the_assignment_it_made():
    tower = new_tower(5, 2).eval()
    pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    bound = tower.bind(pixels)
    assert torch.equal(bound.images, tower(pixels)[:, :, 0, 0])
    hidden = tower.vision.embeddings(pixels)
    first = tower.vision.encoder(hidden, output_attentions=True, return_dict=True).attentions[0]
    torch.testing.assert_close(tower.group_logits(bound.queries, bound.keys).softmax(dim=1), first)


def test_a_batch_in_which_nothing_is_shared_adds_nothing():
    tower = new_tower(5)
    pixels = torch.randn(2, 3, 16, 16)
    consistency = MaskConsistency(tower, ConsistencyPlan(), torch.randn(2, 5), [0, 1])
    loss = consistency.loss(tower.bind(pixels), pixels, TagRows.from_lists([[0], [1]]))
    loss.backward()
    assert loss.item() == 0


def test_the_copy_follows_by_its_share():
    tower, images = new_tower(5), torch.randn(2, 3, 16, 16)
    consistency = MaskConsistency(tower, ConsistencyPlan(momentum=0.75), torch.randn(2, 5), [0, 1])
    rows = TagRows.from_lists([[0], [0]])
    consistency.loss(tower.bind(images), images, rows)
    before = [p.detach().clone() for p in tower.parameters()]
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter += 1
    consistency.loss(tower.bind(images), images, rows)
    for old, copy in zip(before, consistency.following.parameters(), strict=True):
        torch.testing.assert_close(copy, old + 0.25)


def test_off_by_default_and_what_it_weighs_when_on(backbone, data):
    plain, without = train(backbone, data, None, steps=2)
    assert "consistency" not in plain.numbers
    trained, with_it = train(backbone, data, ConsistencyPlan(weight=3.0), steps=2)
    parts = trained.numbers
    assert parts["loss"] == pytest.approx(parts["tag"] + parts["contrastive"] + 3 * parts["consistency"])
    assert parts["consistency"] > 0
    assert not torch.equal(without, with_it)


def test_a_stopped_run_ends_with_the_same_bits(backbone, data, tmp_path):
    consistency = ConsistencyPlan(momentum=0.5)
    _, whole = train(backbone, data, consistency)
    stop = StopRequest()

    def ask(step, steps, numbers):
        stop.signal_number = signal.SIGTERM if step == 2 else stop.signal_number

    stopped, _ = train(backbone, data, consistency, out_dir=tmp_path, hooks=Hooks(stop=stop, progress=ask))
    assert not stopped.is_finished
    _, parts = train(backbone, data, consistency, out_dir=tmp_path)
    assert torch.equal(parts, whole)
    with pytest.raises(InputError, match="holds a run with consistency"):
        train(backbone, data, ConsistencyPlan(momentum=0.9), out_dir=tmp_path)


def test_refusals(backbone, data):
    with pytest.raises(InputError, match="weight must be above 0, got 0"):
        ConsistencyPlan(weight=0.0)
    with pytest.raises(InputError, match=r"momentum must lie in \[0, 1\), got 1"):
        ConsistencyPlan(momentum=1.0)
    for cost in ({"micro_batch": 2}, {"compile_network": True}):
        with pytest.raises(InputError, match="mask consistency needs the whole batch in one pass"):
            replace(PLAN, consistency=ConsistencyPlan(), **cost)
    with pytest.raises(InputError, match="share an object; give tags"):
        train(backbone, replace(data, vocabulary=None), ConsistencyPlan(), losses={"contrastive": 1.0})
