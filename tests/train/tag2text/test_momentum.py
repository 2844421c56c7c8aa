"""The momentum encoder follows by its formula, the queue holds the latest, a stopped run ends like a whole one."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from small_tag2text import WORDS, as_method, new_data, new_model, weights

from tagalign.data.processes import Processes
from tagalign.data.tag2text.batches import batch_of_step
from tagalign.errors import InputError
from tagalign.methods.tag2text.text_layers import encode_text
from tagalign.ops.momentum_contrast import PairEmbeds
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.plan import Hooks
from tagalign.train.tag2text.losses import Tasks
from tagalign.train.tag2text.momentum import MomentumContrast, MomentumPlan
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.training import load_best, train_tag2text

PLAN = Tag2TextPlan(steps=7, batch_size=4, learning_rate=1e-2, warmup=1, checkpoint_every=3, log_every=4)
QUEUED = Tasks(momentum=MomentumPlan(queue=6, momentum=0.7))


def embeds(model, batch):
    """Of the plain model in evaluation mode."""
    part = model.aligned()
    ids, mask = WORDS.batch(batch.captions, first=WORDS.cls)
    texts = part.text_projection(encode_text(part.text, ids, mask)[:, 0])
    images = part.image_projection(batch.images[:, 0])
    return PairEmbeds(F.normalize(images, dim=-1), F.normalize(texts, dim=-1)), (ids, mask)


@torch.no_grad()
def test_copy_and_queue_equal_a_plain_loop():
    model = new_model().eval()
    contrast = MomentumContrast(model, MomentumPlan(queue=6, momentum=0.7, soft_targets=0.4), ramp=2)
    copy, seen = new_model().eval(), []
    for step in range(4):
        if step:  # the first step copies
            for name, value in copy.named_parameters():
                value.copy_(0.7 * value + 0.3 * dict(model.named_parameters())[name])
        batch = batch_of_step(new_data(), step, batch_size=4, seed=0)
        own, words = embeds(model, batch)
        taught, _ = embeds(copy, batch)
        latest = PairEmbeds(
            *(torch.cat([*[old[i] for old in seen]])[-6:] if seen else taught[i][:0] for i in (0, 1))
        )
        keys = PairEmbeds(*(torch.cat([now, old]) for now, old in zip(taught, latest, strict=True)))
        share, scale = 0.4 * min(1, step / 2), model.aligned().logit_scale
        expected = 0.0
        for queries, teacher, others in (
            (own.images, taught.images, keys.texts),
            (own.texts, taught.texts, keys.images),
        ):
            soft = (scale * teacher @ others.T).softmax(-1)
            found = (scale * queries @ others.T).log_softmax(-1)
            for n in range(4):
                expected -= ((1 - share) * found[n, n] + share * (soft[n] * found[n]).sum()) / 8
        loss = contrast.loss(own, batch.images, words, are_tokens=True, processes=Processes())
        assert loss.item() == pytest.approx(float(expected), rel=1e-5)
        seen.append(taught)
        assert len(contrast.queue.images) == min(6, 4 * (step + 1))
        for name, value in model.named_parameters():  # training goes on
            value.add_(
                0.05 * torch.randn(value.shape, generator=torch.Generator().manual_seed(step + len(name)))
            )


def test_a_trained_image_encoder_is_copied_and_no_cross_attention_is():
    model = new_model().eval()
    contrast = MomentumContrast(model, MomentumPlan(queue=4), ramp=1)
    batch = batch_of_step(new_data(), 0, batch_size=4, seed=0)
    own, words = embeds(model, batch)
    contrast.loss(own, torch.randn(4, 3, 8, 8), words, are_tokens=False, processes=Processes())
    names = [name.removeprefix("momentum/") for name in contrast.state()]
    assert any(name.startswith("image_encoder.") for name in names)
    assert not any("crossattention" in name for name in names)
    assert not any(p.requires_grad for p in contrast.towers.parameters())


def run(model, plan, *, tasks=QUEUED, out_dir=None, held_out=None, **hooks):
    return train_tag2text(
        as_method(model),
        new_data(),
        plan,
        tasks=tasks,
        out_dir=out_dir,
        held_out=held_out,
        hooks=Hooks(**hooks),
    )


def test_a_stopped_run_ends_like_a_whole_one(tmp_path):
    whole, plain, resumed = new_model(), new_model(), new_model(seed=7)
    run(whole, PLAN)
    run(plain, PLAN, tasks=Tasks())
    stop = StopRequest()

    def ask_after_three(step, _, numbers):
        stop.signal_number = 15 if step == 3 else 0

    run(new_model(), PLAN, out_dir=tmp_path, stop=stop, progress=ask_after_three)
    run(resumed, PLAN, out_dir=tmp_path)
    same = [torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items()]
    assert all(same)
    assert not all(torch.equal(value, weights(plain)[name]) for name, value in weights(whole).items())
    stored = read_state(tmp_path / "checkpoints/step-00000007.safetensors").state["trainee"]
    assert stored["momentum/queue/images"].shape == (6, 6)


def test_the_best_weights_are_those_of_the_model(tmp_path):
    model = new_model()
    run(model, dataclasses.replace(PLAN, validate_every=1), out_dir=tmp_path, held_out=new_data(4))
    assert load_best(as_method(model), tmp_path)


def test_a_run_from_before_goes_on_and_another_queue_does_not(tmp_path):
    assert "momentum" not in Tasks().deciding()
    run(new_model(), PLAN, out_dir=tmp_path)
    other = dataclasses.replace(QUEUED, momentum=MomentumPlan(queue=5, momentum=0.7))
    with pytest.raises(InputError, match="holds a run with tasks"):
        run(new_model(), PLAN, tasks=other, out_dir=tmp_path)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: MomentumPlan(queue=0), "at least 1 embedding, got 0"),
        (lambda: MomentumPlan(queue=1, momentum=1.5), r"momentum is a share in \[0, 1\], got 1.5"),
        (lambda: Tasks(weights={"tagging": 1.0}, momentum=MomentumPlan(queue=1)), "which is left out"),
    ],
)
def test_what_cannot_be_is_refused(call, match):
    with pytest.raises(InputError, match=match):
        call()
