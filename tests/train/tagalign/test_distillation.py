"""Distillation in training: a plain loop over a step, hard scores against the tag loss, and exact resuming."""

import math
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from tagalign.data.teacher_scores import TeacherScores
from tagalign.errors import InputError
from tagalign.ops.tag_rows import TagRows
from tagalign.tags.row_hashes import key_hash
from tagalign.train.loop.guards import StopRequest
from tagalign.train.loop.plan import Hooks
from tagalign.train.tagalign.aligner import Embeds
from tagalign.train.tagalign.distillation import ClassifierDistillation, Distilled, WordDistillation
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import train_tagalign

PLAN = TagAlignPlan(steps=4, batch_size=8, log_every=1, checkpoint_every=2)
ALL = {"contrastive": 1.0, "distillation": 1.0}


def scores_of(matrix, keys, names=("cat", "dog", "car", "red"), parts=(3, 1)):
    order = np.argsort([key_hash(key) for key in keys])
    matrix = matrix[order]
    return TeacherScores(
        names=tuple(names),
        parts=parts,
        hashes=np.array([key_hash(keys[i]) for i in order]),
        indptr=np.concatenate([[0], np.cumsum((matrix > 0).sum(axis=1))]).astype(np.int64),
        labels=np.nonzero(matrix)[1].astype(np.int32),
        scores=matrix[matrix > 0].astype(np.float32),
    )


@pytest.fixture
def teacher(pairs):
    return scores_of(np.random.default_rng(0).random((len(pairs), 4)), pairs.keys)


def hard_teacher(pairs):
    """A tagger that says exactly what the captions say."""
    matrix = np.zeros((len(pairs), 4))
    for i in range(len(pairs)):
        matrix[i, pairs.labels.row(i)] = 1
    return scores_of(matrix, pairs.keys, parts=(4,))


def train(backbone, pairs, teacher, *, student="classifiers", out_dir=None, hooks=Hooks(), **numbers):  # noqa: B008
    distilled = None if teacher is None else Distilled(teacher=teacher, student=student)
    data = TrainingPairs(pairs=pairs, vocabulary=numbers.pop("vocabulary", None), distilled=distilled)
    data = replace(data, held_out=numbers.pop("held_out", None))
    plan = replace(PLAN, **{"losses": ALL, **numbers})
    return train_tagalign(backbone, data, plan, out_dir=out_dir, hooks=hooks)


def weights(trained):
    return torch.cat([p.detach().flatten() for p in trained.projector.parameters()])


def embeds(rows):
    images = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    return Embeds(images=images, texts=None, tags=TagRows.from_lists([[]] * 3), teacher=rows)


ROWS = TagRows(
    images=torch.tensor([0, 0, 0, 2]),
    tags=torch.tensor([0, 2, 3, 1]),
    num_images=3,
    weights=torch.tensor([0.5, 0.25, 0.9, 0.4]),
)


def loop(logits, parts):
    """The loss of the docstring, one image, kind and label at a time."""
    total, start = 0.0, 0
    for length in parts:
        labels = range(start, start + length)
        for image in range(3):
            own = [
                (t, w)
                for i, t, w in zip(
                    ROWS.images.tolist(), ROWS.tags.tolist(), ROWS.weights.tolist(), strict=True
                )
                if i == image and t in labels
            ]
            norm = math.log(sum(math.exp(logits[image][k]) for k in labels))
            total -= sum(w / sum(v for _, v in own) * (logits[image][t] - norm) for t, w in own)
        start += length
    return total / 3 / len(parts)


@pytest.mark.parametrize("parts", [(3, 1), (4,)])
def test_classifiers_have_the_loss_of_a_plain_loop(parts):
    term, given = ClassifierDistillation(5, parts), embeds(ROWS)
    assert term(given).item() == pytest.approx(sum(loop(torch.zeros(3, 4).tolist(), parts) for _ in [0]))
    torch.nn.init.normal_(term.classifier.weight)
    torch.nn.init.normal_(term.classifier.bias)
    logits = [
        [sum(w * z for w, z in zip(row, image, strict=True)) + b for row, b in zip(*own, strict=True)]
        for own in [(term.classifier.weight.tolist(), term.classifier.bias.tolist())]
        for image in given.images.tolist()
    ]
    assert term(given).item() == pytest.approx(loop(logits, parts), rel=1e-5)  # float32 sums


@pytest.mark.parametrize("parts", [(3, 1), (4,)])
def test_words_have_the_loss_of_a_plain_loop(parts):
    words, given = torch.randn(4, 5, generator=torch.Generator().manual_seed(1)), embeds(ROWS)
    unit = torch.nn.functional.normalize
    logits = (unit(given.images, dim=1) @ unit(words, dim=1).T / 0.07).tolist()
    term = WordDistillation(words, parts, temperature=0.07)
    assert term(given).item() == pytest.approx(loop(logits, parts), rel=1e-5)


def test_scores_of_0_and_1_train_like_hard_tags(backbone, pairs, vocabulary):
    hard = train(backbone, pairs, None, vocabulary=vocabulary, losses={"tag": 1.0}, loss="softmax")
    soft = train(backbone, pairs, hard_teacher(pairs), student="words", losses={"distillation": 1.0})
    assert torch.equal(weights(hard), weights(soft))
    assert hard.config.logit_scale == soft.config.logit_scale


@pytest.mark.parametrize("student", ["classifiers", "words"])
def test_a_teacher_changes_what_is_learned_and_its_weight_what_it_counts(backbone, pairs, teacher, student):
    without = train(backbone, pairs, None, losses={"contrastive": 1.0})
    runs = [
        train(
            backbone, pairs, teacher, student=student, losses={"contrastive": 1.0, "distillation": w}, steps=2
        )
        for w in (1.0, 2.0)
    ]
    assert not torch.equal(weights(runs[0]), weights(without))
    assert not torch.equal(weights(runs[0]), weights(runs[1]))
    assert runs[0].numbers["loss"] == pytest.approx(
        runs[0].numbers["contrastive"] + runs[0].numbers["distillation"]
    )


@pytest.mark.parametrize("student", ["classifiers", "words"])
def test_a_stopped_run_ends_with_the_same_bits(backbone, pairs, teacher, student, tmp_path):
    whole = train(backbone, pairs, teacher, student=student)
    stop = StopRequest()

    def ask(step, steps, numbers):
        stop.signal_number = signal.SIGTERM if step == 2 else stop.signal_number

    run = {"student": student, "out_dir": tmp_path}
    assert not train(backbone, pairs, teacher, hooks=Hooks(stop=stop, progress=ask), **run).is_finished
    assert torch.equal(weights(train(backbone, pairs, teacher, **run)), weights(whole))
    with pytest.raises(InputError, match="teacher"):
        train(backbone, pairs, hard_teacher(pairs), **run)
    assert f"4 labels of a frozen tagger, into {student}" in (tmp_path / "README.md").read_text()


def test_micro_batches_and_held_out_pairs_know_the_teacher(backbone, pairs, teacher):
    whole = train(backbone, pairs, teacher, held_out=pairs, steps=2)
    pieces = train(backbone, pairs, teacher, micro_batch=3, steps=2)
    # float32 sums in another order; Adam divides small gradients by their size, so 1e-7 may become 1e-5
    torch.testing.assert_close(weights(pieces), weights(whole), rtol=1e-3, atol=2e-5)


def test_refusals(backbone, pairs, teacher):
    with pytest.raises(InputError, match="needs scores of a tagger"):
        train(backbone, pairs, None)
    with pytest.raises(InputError, match="joined by key, and these pairs have none"):
        train(backbone, replace(pairs, keys=()), teacher)
    with pytest.raises(InputError, match="classifiers alone tie no image to a word"):
        train(backbone, pairs, teacher, losses={"distillation": 1.0})
