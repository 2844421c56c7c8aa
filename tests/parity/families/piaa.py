"""PIAA's golden numbers, by the tensor parts of the library; settings are read from the case's own files."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from tagalign.ops.looks.bank import Bank, entropies, text_probs
from tagalign.ops.looks.gaussian import (
    GaussianFit,
    fit_gaussians,
    patch_maxima,
    photo_scores,
    second_choice,
)

ABSOLUTE = 1e-5
"""Golden README: probabilities, scores and entropies; the others relative to the largest value of the tensor."""
PROBABILITIES = {"text_probs", "entropy", "patch_max", "patch_scores", "cls_scores", "scores"}


def compute(folder: Path) -> dict[str, Tensor]:
    """Bank, fit, second bank, second fit and the scores of the test photos."""
    inputs = load_file(folder / "inputs.safetensors")
    config = json.loads((folder / "config.json").read_text())
    text, train = inputs["text"], inputs["train_patches"]
    probs = text_probs(train, text, scale=float(config["text_scale"]))
    made = {"text_probs": probs, "entropy": entropies(probs)}
    bank = _bank(train, text, config)
    first = fit_gaussians(bank.patches, bank.labels, bank.probs, F.normalize(text, dim=-1))
    index = bank.photos * train.shape[1] + bank.places
    made |= {"bank1.index": index, "bank1.label": bank.labels, **_classifier(first, "1")}
    made |= {"mean1": first.means, "precision1": first.precision}
    kept, labels, weights = second_choice(
        first.logits(bank.patches), by="deviation", temperature=float(config["temperature"])
    )
    chosen = torch.tensor(
        sorted(kept.nonzero()[:, 0].tolist(), key=lambda i: (int(labels[i]), int(index[i])))
    )
    second = fit_gaussians(bank.patches[chosen], labels[chosen], weights[chosen], F.normalize(text, dim=-1))
    made |= {"bank2.index": index[chosen], "bank2.label": labels[chosen], **_classifier(second, "2")}
    return made | _scores(second, inputs, config)


def _bank(train: Tensor, text: Tensor, config: dict) -> Bank:
    """As a folder is looked at: photo by photo, and cut to size on the way."""
    step = config["batch"] * config["batches_between_updates"]
    bank: Bank | None = None
    for number, photo in enumerate(train):
        own = Bank.of_photo(photo, text, photo=number, scale=float(config["text_scale"]), keep=config["k"])
        bank = own if bank is None else bank + own
        if number % step == step - 1:
            bank = bank.surest(config["k"])
    return bank.surest(config["k"])


def _classifier(fit: GaussianFit, number: str) -> dict[str, Tensor]:
    return {f"W{number}": fit.weights, f"b{number}": fit.bias}


def _scores(fit: GaussianFit, inputs: dict[str, Tensor], config: dict) -> dict[str, Tensor]:
    logits = fit.logits(F.normalize(inputs["test_patches"].double(), dim=-1))
    best = patch_maxima(logits, divisor=float(config["score_divisor"]))
    patch = (config["patch_scale"] * best).softmax(dim=-1)
    cls = text_probs(inputs["test_cls"], inputs["text"], scale=float(config["cls_scale"]))
    scores = photo_scores(patch, cls, class_weight=float(config["cls_weight"]))
    return {
        "gda_logits": logits,
        "patch_max": best,
        "patch_scores": patch,
        "cls_scores": cls,
        "scores": scores,
    }


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what the golden README allows; choices exactly."""
    difference = float((mine.double() - reference.double()).abs().max()) if mine.numel() else 0.0
    if name.startswith("bank"):
        return difference, 0.0
    return difference, ABSOLUTE if name in PROBABILITIES else ABSOLUTE * float(reference.abs().max())
