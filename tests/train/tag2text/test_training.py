"""Tag2Text training: what is drawn, what each task does alone, bit-identical runs and exact resume."""

import dataclasses
import itertools
from random import Random

import pytest
import torch
from small_tag2text import NAMES, WORDS, as_method, new_data, new_model, weights

from tagalign.data.processes import Processes
from tagalign.data.tag2text.batches import batch_of_step, rows_of_step
from tagalign.errors import InputError
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.ops.tag2text_losses import rescaled_total
from tagalign.train.loop.checkpoints import read_state
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.log import read_metrics
from tagalign.train.loop.plan import Hooks
from tagalign.train.loop.schedule import set_rate
from tagalign.train.tag2text.losses import TaskLosses, Tasks
from tagalign.train.tag2text.plan import Tag2TextPlan, released_rate
from tagalign.train.tag2text.start import NewNetwork, new_method
from tagalign.train.tag2text.trainee import Tag2TextTrainee
from tagalign.train.tag2text.training import load_best, train_tag2text

FOUR = ("tagging", "captioning", "contrastive", "matching")


def task_losses(model, *, profile="fixed", **tasks):
    return TaskLosses(
        model=model,
        wordpieces=WORDS,
        names=NAMES,
        choice=TagChoice.of(len(NAMES), default=0.5),
        profile=load_profile(profile),
        tasks=Tasks(**tasks),
    )


def run(model, plan, *, out_dir=None, held_out=None, **hooks):
    method = as_method(model)
    return train_tag2text(method, new_data(), plan, out_dir=out_dir, held_out=held_out, hooks=Hooks(**hooks))


@pytest.mark.parametrize(("width", "deviation"), [(48, 0.08), (192, 0.04)])
def test_a_narrow_network_starts_with_larger_weights(width, deviation):
    """0.02 sqrt(768 / width): with BERT's own 0.02, captions of narrow networks do not follow their tags for long."""
    network = NewNetwork(image_encoder="tiny", image_size=64, layers=1, width=width, heads=4)
    method, sizes = new_method(network, names=NAMES, words=WORDS, profile="fixed", device="cpu")
    layer = method.model.text_decoder.bert.encoder.layer[0]
    for block in (layer.attention, layer.crossattention):
        assert block.self.query.weight.std().item() == pytest.approx(deviation, rel=0.05)
    assert sizes["tag_encoder"]["initializer_range"] == pytest.approx(deviation)


def test_an_epoch_visits_every_image_once_in_a_new_order():
    epochs = [
        list(itertools.chain(*(rows_of_step(e * 5 + i, count=10, batch_size=2, seed=3) for i in range(5))))
        for e in range(3)
    ]
    assert all(sorted(rows) == list(range(10)) for rows in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    with pytest.raises(InputError, match="has 10 images, a batch needs 11"):
        rows_of_step(0, count=10, batch_size=11, seed=0)


def test_a_batch_holds_cleaned_captions_with_their_own_tags():
    batch = batch_of_step(new_data(), 3, batch_size=4, seed=1)
    again = batch_of_step(new_data(), 3, batch_size=4, seed=1)
    assert batch.captions == again.captions
    for caption, ids in zip(batch.captions, batch.caption_tags, strict=True):
        assert "." not in caption
        assert caption == caption.lower()
        assert set(ids) == {i for i, name in enumerate(NAMES) if name in caption}
    assert all(
        set(one) <= set(every) for one, every in zip(batch.caption_tags, batch.image_tags, strict=True)
    )


@pytest.mark.parametrize("task", [*FOUR, "answering"])
def test_every_task_acts_alone(task):
    model = new_model()
    losses = task_losses(model, weights={task: 2.0})
    found = losses(batch_of_step(new_data(), 0, batch_size=4, seed=0), Random(0))
    assert list(found) == [task]
    total = losses.total(found)
    assert total.item() == pytest.approx(2 * found[task].item())
    total.backward()
    touched = {
        n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0
    }
    expected = {
        "tagging": {"tag_head", "tag_encoder"},
        "captioning": {"tag_encoder", "text_decoder"},
        "answering": {"tag_encoder", "text_decoder"},
        "contrastive": {"alignment"},
        # its cross-attention is the decoder's, and named there
        "matching": {"alignment", "text_decoder"},
    }
    assert touched == expected[task]


def guidance_of(losses, batch, seed, logits=None):
    return [g.tags for g in losses._guidance(batch.caption_tags, logits, Random(seed), own=batch.own)]


def test_tags_are_shuffled_except_in_the_released_profile():
    batch = batch_of_step(new_data(), 0, batch_size=5, seed=0)
    fixed, released = task_losses(new_model()), task_losses(new_model(), profile="released")
    orders = {tuple(guidance_of(fixed, batch, seed)) for seed in range(8)}
    assert len(orders) > 1
    assert len({tuple(map(frozenset, order)) for order in orders}) == 1
    expected = [tuple(NAMES[i] for i in ids) for ids in batch.caption_tags]
    assert guidance_of(released, batch, 0) == expected


def test_recognised_tags_guide_the_given_share():
    data = new_data(1000)
    batch = batch_of_step(data, 0, batch_size=1000, seed=0)
    logits = torch.full((1000, 5), -9.0)
    logits[:, 4] = 9.0
    losses = task_losses(new_model(), recognised_share=0.3)
    tags = guidance_of(losses, batch, 0, logits)
    parsed_train_alone = sum(ids == (4,) for ids in batch.caption_tags)
    share = (sum(t == ("train",) for t in tags) - 0.7 * parsed_train_alone) / (
        1000 - 0.7 * parsed_train_alone
    )
    # 1000 draws: three standard deviations are .045
    assert share == pytest.approx(0.3, abs=0.05)
    assert guidance_of(task_losses(new_model(), use_tags=False), batch, 0) == [()] * 1000


def test_the_released_profile_rescales_the_tagging_loss():
    model = new_model().eval()
    batch = batch_of_step(new_data(), 0, batch_size=4, seed=0)
    losses = task_losses(model, profile="released", weights={"tagging": 1.0, "captioning": 1.0})
    found = losses(batch, Random(0))
    assert losses.total(found).item() == pytest.approx(2 * found["captioning"].item(), rel=1e-6)
    assert losses.total(found).item() == pytest.approx(
        rescaled_total(found["captioning"], found["tagging"]).item()
    )
    fixed = task_losses(model, weights={"tagging": 1.0})(batch, Random(0))
    assert fixed["tagging"].item() == pytest.approx(found["tagging"].item() / 4, rel=1e-5)


def test_the_prompt_is_written_and_not_learned():
    model = new_model().eval()
    batch = batch_of_step(new_data(), 0, batch_size=4, seed=0)
    losses = task_losses(model, weights={"captioning": 1.0})
    seen = []
    original = model.caption_logits
    model.caption_logits = lambda ids, *rest: (seen.append(ids), original(ids, *rest))[1]
    losses(batch, Random(0))
    prompt = [WORDS.dec, *WORDS.row("a picture of ")]
    assert all(row[: len(prompt)].tolist() == prompt for row in seen[0])


def test_training_lowers_every_loss_and_leaves_frozen_tokens_alone():
    model, data = new_model(), new_data()
    tokens = data.tokens.clone()
    plan = Tag2TextPlan(steps=60, batch_size=5, learning_rate=5e-3, warmup=5, log_every=1)
    seen = []
    hooks = Hooks(progress=lambda step, _, n: seen.append(dict(n)))
    train_tag2text(as_method(model), data, plan, hooks=hooks)
    for task in ("tagging", "captioning", "contrastive"):
        first, last = (sum(row[task] for row in rows) / 5 for rows in (seen[:5], seen[-5:]))
        assert last < first, task
    assert torch.equal(data.tokens, tokens)


PLAN = Tag2TextPlan(steps=8, batch_size=4, learning_rate=1e-3, warmup=2, checkpoint_every=3, log_every=4)


def test_two_runs_are_bit_identical_and_a_stopped_one_ends_alike(tmp_path):
    whole, again, resumed = new_model(), new_model(), new_model()
    run(whole, PLAN)
    run(again, PLAN, out_dir=tmp_path / "again")
    stop = StopRequest()

    def ask_after_four(step, _, numbers):
        stop.signal_number = 15 if step == 4 else 0

    first = run(resumed, PLAN, out_dir=tmp_path / "stopped", stop=stop, progress=ask_after_four)
    assert (first.steps, first.is_finished) == (5, False)
    fresh = new_model(seed=7)  # its weights must not matter
    last = run(fresh, PLAN, out_dir=tmp_path / "stopped")
    assert (last.steps, last.is_finished) == (8, True)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(again)[name]), name
        assert torch.equal(value, weights(fresh)[name]), name
    logged = [
        [row["step"] for row in read_metrics(tmp_path / name / "metrics.jsonl")]
        for name in ("again", "stopped")
    ]
    assert logged == [[4, 8], [4, 5, 8]]  # a stop is logged too


def test_a_run_with_other_settings_is_not_continued(tmp_path):
    run(new_model(), PLAN, out_dir=tmp_path)
    with pytest.raises(InputError, match=r"learning_rate = 0\.001, now it is 0\.5"):
        run(new_model(), dataclasses.replace(PLAN, learning_rate=0.5), out_dir=tmp_path)


@pytest.mark.parametrize(("profile", "decays"), [("fixed", False), ("paper", False), ("released", True)])
def test_biases_and_norms_decay_in_the_released_profile_alone(profile, decays):
    model = new_model()
    plan = dataclasses.replace(PLAN, profile=profile)
    trainee = Tag2TextTrainee(as_method(model), new_data(), plan, Tasks(), processes=Processes())
    decayed = {id(p) for g in trainee.new_optimiser().param_groups if g["weight_decay"] for p in g["params"]}
    thin = [p for p in model.own_parameters().values() if p.ndim == 1]
    assert {id(p) in decayed for p in thin} == {decays}


@pytest.mark.parametrize("profile", ["fixed", "released"])
def test_the_image_tower_learns_at_its_share_of_the_rate(profile):
    model = new_model()
    plan = dataclasses.replace(PLAN, profile=profile, tower_rate_share=0.25)
    trainee = Tag2TextTrainee(as_method(model), new_data(), plan, Tasks(), processes=Processes())
    optimiser = trainee.new_optimiser()
    set_rate(optimiser, 0.4)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    tower = {id(p) for p in model.image_encoder.parameters()}
    assert len(rates) == len(model.own_parameters())
    assert {rates[one] for one in tower} == {0.1}
    assert {rate for one, rate in rates.items() if one not in tower} == {0.4}


def test_runs_from_before_the_tower_had_a_rate_of_its_own_go_on():
    assert "tower_rate_share" not in PLAN.deciding()
    assert dataclasses.replace(PLAN, tower_rate_share=0.5).deciding()["tower_rate_share"] == 0.5


def test_a_frozen_tower_has_no_rate():
    model = new_model()
    model.image_encoder.external = True
    plan = dataclasses.replace(PLAN, tower_rate_share=0.5)
    with pytest.raises(
        InputError, match=r"tower_rate_share 0\.5 slows the image tower, but this one is frozen"
    ):
        Tag2TextTrainee(as_method(model), new_data(), plan, Tasks(), processes=Processes())


def test_held_out_losses_choose_the_best_weights_and_change_none(tmp_path):
    plan = dataclasses.replace(PLAN, learning_rate=3e-2, validate_every=1)
    model, plain = new_model(), new_model()
    run(model, plan, out_dir=tmp_path, held_out=new_data(4))
    run(plain, plan)
    assert all(torch.equal(value, weights(plain)[name]) for name, value in weights(model).items())
    rows = read_metrics(tmp_path / "metrics.jsonl")
    losses = [row["validation_held_out_loss"] for row in rows if "validation_held_out_loss" in row]
    best = min(range(8), key=losses.__getitem__)
    assert len(losses) == 8
    assert best < 7  # otherwise the last weights would do too
    assert read_state(tmp_path / "checkpoints/best.safetensors").step == best + 1
    again = new_model()
    run(
        again,
        dataclasses.replace(plan, schedule="linear", steps=8, checkpoint_every=best + 1),
        out_dir=tmp_path / "b",
    )
    assert load_best(as_method(model), tmp_path)
    stored = read_state(tmp_path / f"b/checkpoints/step-{best + 1:08d}.safetensors").state["trainee"]
    assert all(torch.equal(weights(model)[name], value) for name, value in stored.items())
    assert not load_best(as_method(model), tmp_path / "b")


def test_a_single_held_out_image_has_no_losses(tmp_path):
    run(new_model(), dataclasses.replace(PLAN, steps=1), out_dir=tmp_path, held_out=new_data(1))
    assert not (tmp_path / "checkpoints/best.safetensors").exists()


def test_released_rates():
    rate = [released_rate(1e-4, step, steps_per_epoch=5000, warmup=3000) for step in (0, 1500, 3000, 4999)]
    assert rate == pytest.approx([5e-7, 5e-7 + 0.5 * (1e-4 - 5e-7), 1e-4, 1e-4])
    later = [released_rate(1e-4, e * 5000, steps_per_epoch=5000, warmup=3000) for e in (1, 2, 100)]
    assert later == pytest.approx([0.9e-4, 0.81e-4, 5e-7])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: Tasks(weights={"tags": 1.0}), "unknown task 'tags'"),
        (lambda: Tasks(weights={"tagging": 0.0}), "one above"),
        (lambda: Tasks(recognised_share=1.5), r"lies in \[0, 1\], got 1.5"),
        (lambda: Tag2TextPlan(steps=0), "steps must be at least 1, got 0"),
        (lambda: Tag2TextPlan(steps=1, batch_size=1), "batch_size must be at least 2, got 1"),
        (lambda: Tag2TextPlan(steps=1, warmup=-1), "warmup must be at least 0, got -1"),
        (lambda: Tag2TextPlan(steps=1, tower_rate_share=0.0), "above 0 and at most 1, got 0"),
        (lambda: Tag2TextPlan(steps=1, tower_rate_share=2.0), "above 0 and at most 1, got 2"),
        (lambda: NewNetwork(image_encoder="tiny", width=10, heads=4), "width 10 cannot be shared by 4 heads"),
        (lambda: NewNetwork(image_encoder="tiny", layers=0), "layers must be at least 1, got 0"),
        (lambda: dataclasses.replace(new_data(), questions=[[]]), "1 lists of questions"),
    ],
)
def test_refuses_what_cannot_be(call, match):
    with pytest.raises(InputError, match=match):
        call()
