"""TrustyCLIP's tensors of a golden folder, computed with the library as its users call it."""

import json
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from tagalign.backbones.families import FAMILIES
from tagalign.backbones.preprocess import Preprocessing
from tagalign.evaluate.segmentation import Confusion
from tagalign.methods.trusty.combine import Weighting, combine_scores
from tagalign.methods.trusty.network import MaskLogits, TrustyNetwork, TrustySizes
from tagalign.methods.trusty.prompts import DeepPrompts, PromptedFeatures
from tagalign.ops.grid import map_to_tokens
from tagalign.ops.mask_losses import MaskLossWeights, segmentation_losses
from tagalign.train.trusty.targets import hide_labels, mask_labels, pseudo_labels, trusty_target

FEATURE_TOLERANCE = 1e-5  # golden README: features, logits, scores, gradients, absolute
LOSS_TOLERANCE = 1e-5  # golden README: losses, relative, plus LOSS_FLOOR
LOSS_FLOOR = 1e-6
METRIC_TOLERANCE = 1e-12  # golden README: float64 ratios of integer counts
EXACT = ("masked_labels", "pseudo_labels", "trusty_target", "confusion", "argmax")  # integers

Tensors = dict[str, Tensor]


class Case:
    """The contents of one golden folder."""

    def __init__(self, folder: Path) -> None:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.settings: dict[str, Any] = config["settings"]
        self.inputs = load_file(folder / "inputs.safetensors")
        self.weights = load_file(folder / "weights.safetensors")
        self.names = set(load_file(folder / "outputs.safetensors"))
        self.seen: list[int] = self.settings["seen"]
        self.unseen: list[int] = self.settings["unseen"]
        # no tokenizer: the embeddings of the names come with the case
        self.clip = FAMILIES["clip"].build(
            config["clip"],
            self.part("clip"),
            preprocessing=Preprocessing(image_size=self.settings["clip_image_size"]),
        )
        self.network = self._network("prompt")
        self.loss_weights = MaskLossWeights(
            **{name: float(weight) for name, weight in self.settings["loss_weights"].items()},
            focal_alpha=self.settings["focal"]["alpha"],
            focal_gamma=self.settings["focal"]["gamma"],
            dice_smooth=self.settings["dice_smooth"],
        )

    def part(self, prefix: str) -> Tensors:
        return {
            k.removeprefix(f"{prefix}."): v for k, v in self.weights.items() if k.startswith(f"{prefix}.")
        }

    def _network(self, prompts: str) -> TrustyNetwork:
        tokens, head = self.weights[f"{prompts}.tokens"], self.part("head")
        network = TrustyNetwork(
            TrustySizes(
                width=tokens.shape[2],
                dim=self.settings["head_dim"],
                patch_size=self.settings["patch_size"],
                depth=tokens.shape[0],
                num_prompts=tokens.shape[1],
                num_heads=self.settings["head_heads"],
                num_layers=self.settings["head_layers"],
                hidden=head["layers.0.ffn_in.weight"].shape[0],
                class_embedding_times=2,
            )
        )
        network.prompt.load_state_dict(self.part(prompts))
        network.head.load_state_dict(head)
        for module in network.head.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = self.settings["layer_norm_eps_head"]
        network.prompt.norm.eps = self.settings["prompt_norm_eps"]
        return network.eval()


def compute(folder: Path) -> Tensors:
    """Every tensor of a case folder, by the name it has there."""
    case = Case(folder)
    features = _encoder(case)
    found = {**_features(case, features), **_head(case, features), **_combination(case), **_losses(case)}
    found |= _pseudo(case) | _metrics(case) | _step(case)
    # a case folder holds the gradients of some weights; the others have nothing to be compared with
    return {k: v for k, v in found.items() if k in case.names or not k.startswith("G.grad.")}


def _encoder(case: Case) -> PromptedFeatures:
    with torch.no_grad():
        return case.network.encode(case.clip, case.inputs["A.images"])


def _features(case: Case, features: PromptedFeatures) -> Tensors:
    part = DeepPrompts(
        case.clip.width,
        patch_size=case.clip.patch_size,
        depth=len(case.weights["prompt_part.tokens"]),
        num_prompts=case.weights["prompt_part.tokens"].shape[1],
    ).eval()
    part.load_state_dict(case.part("prompt_part"))
    part.norm.eps = case.settings["prompt_norm_eps"]
    with torch.no_grad():
        partly = part(case.clip, case.inputs["A.images"], class_embedding_times=2)
    return {
        "A.patch": features.patches,
        "A.cls": features.cls,
        "A.patch_part": partly.patches,
        "A.cls_part": partly.cls,
    }


@torch.no_grad()
def _head(case: Case, features: PromptedFeatures) -> Tensors:
    head, text, cls = case.network.head, case.inputs["B.text"], features.cls
    tokens = map_to_tokens(features.patches)
    rows = head.token_rows(text)
    grid = case.network.masks(features, text)
    seen_only = case.network.masks(features, text[case.seen])
    without = case.network.masks(features, text, drop_token=True)
    full = grid.resized((case.settings["input_resolution"],) * 2)
    calibration = case.settings["calibration"]
    scores = {
        weighting: combine_scores(
            full.classes, full.trusty, case.seen, weighting=weighting, calibration=calibration
        )
        for weighting in ("both", "none")
    }
    return {
        "B.relation": head.relate(rows, cls),
        "B.learner": head.learn(rows, cls, tokens),
        "B.grid_logits": _joined(grid),
        "B.seen_only_grid_logits": _joined(seen_only),
        "B.no_trusty_grid_logits": _joined(without),
        "B.class_logits": full.classes,
        "B.trusty_logits": _joined(full)[:, -1:],
        "B.eval_scores": scores["both"],
        "B.eval_scores_unweighted": scores["none"],
    }


def _joined(logits: MaskLogits) -> Tensor:
    return logits.classes if logits.trusty is None else torch.cat([logits.classes, logits.trusty], dim=1)


def _combination(case: Case) -> Tensors:
    classes, trusty = case.inputs["C.class_logits"], case.inputs["C.trusty_logits"]
    seen = case.inputs["C.seen"].tolist()
    found = {}
    for weighting in get_args(Weighting):
        name = "unweighted" if weighting == "none" else weighting
        for suffix, calibration in {"calib": case.settings["calibration"], "nocalib": 0.0}.items():
            found[f"C.{name}_{suffix}"] = combine_scores(
                classes, trusty, seen, weighting=weighting, calibration=calibration
            )
    found["C.eq12_corrected"] = combine_scores(classes, trusty, seen, weighting="both", calibration=0.0)
    for name in ("both_calib", "unweighted_calib", "eq12_corrected"):
        found[f"C.argmax.{name}"] = found[f"C.{name}"].argmax(dim=1)
    return found


def _losses(case: Case) -> Tensors:
    found: Tensors = {}
    for name in sorted(
        k.removesuffix(".labels") for k in case.inputs if k.startswith("D.") and k.endswith(".labels")
    ):
        classes = case.inputs[f"{name}.class_logits"].requires_grad_()
        trusty = case.inputs[f"{name}.trusty_logits"].requires_grad_()
        labels = case.inputs[f"{name}.labels"]
        masked = mask_labels(labels, case.seen)
        target = trusty_target(labels, case.seen, case.unseen, kind="paper")
        losses = segmentation_losses(classes, trusty, masked, target, weights=case.loss_weights)
        sum(losses.values(), torch.tensor(0.0)).backward()
        found |= {f"{name}.masked_labels": masked, f"{name}.trusty_target": target.long()}
        found |= {f"{name}.loss_{k}": v.detach() for k, v in losses.items()}
        found |= {f"{name}.grad_class": _grad(classes), f"{name}.grad_trusty": _grad(trusty)}
    return found


def _grad(x: Tensor) -> Tensor:
    return torch.zeros_like(x) if x.grad is None else x.grad


def _pseudo(case: Case) -> Tensors:
    labels, logits = case.inputs["E.labels"], case.inputs["E.class_logits"]
    hidden = hide_labels(labels, case.seen, case.unseen, kind="paper")
    pseudo = pseudo_labels(logits, hidden, case.unseen)
    losses = segmentation_losses(logits, None, pseudo, weights=case.loss_weights)
    return {
        "E.masked_labels": hidden,
        "E.pseudo_labels": pseudo,
        "E.loss_mask": losses["mask"],
        "E.loss_dice": losses["dice"],
    }


def _metrics(case: Case) -> Tensors:
    found: Tensors = {}
    for name in sorted({".".join(k.split(".")[:2]) for k in case.inputs if k.startswith("F.")}):
        confusion = Confusion(case.settings["num_classes"], ignore=case.settings["ignore_index"])
        for prediction, labels in zip(
            case.inputs[f"{name}.prediction"], case.inputs[f"{name}.labels"], strict=True
        ):
            confusion.update(prediction, labels)
        scores = {
            "pacc": confusion.pixel_accuracy(),
            "macc": confusion.mean_accuracy(),
            "miou": confusion.miou(),
            "miou_seen": confusion.miou_seen(case.seen),
            "miou_unseen": confusion.miou_unseen(case.seen),
            "hiou": confusion.hiou(case.seen),
        }
        found |= {f"{name}.{k}": torch.tensor(v, dtype=torch.float64) for k, v in scores.items()}
        found |= {f"{name}.confusion": confusion.matrix, f"{name}.iou": confusion.iou()}
    return found


def _step(case: Case) -> Tensors:
    """One training step, dropout off: losses and the gradient of every trained tensor."""
    labels = case.inputs["G.labels"]
    case.network.zero_grad()
    logits = case.network(case.clip, case.inputs["A.images"], case.inputs["B.text"][case.seen])
    losses = segmentation_losses(
        logits.classes,
        logits.trusty,
        mask_labels(labels, case.seen),
        trusty_target(labels, case.seen, case.unseen, kind="paper"),
        weights=case.loss_weights,
    )
    total = sum(losses.values(), torch.tensor(0.0))
    total.backward()
    grads = {f"G.grad.{k}": v.grad for k, v in case.network.named_parameters() if v.grad is not None}
    return {f"G.loss_{k}": v.detach() for k, v in losses.items()} | {"G.total": total.detach()} | grads


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest absolute difference and what is allowed; NaN in the same places counts as equal (an absent class)."""
    if mine.shape != reference.shape:
        return float("inf"), 0.0
    parts = name.split(".")
    if parts[-1] in EXACT or "argmax" in parts:
        return _largest(mine, reference), 0.0
    if parts[0] == "F":
        return _largest(mine, reference), METRIC_TOLERANCE
    if parts[-1].startswith("loss_") or name == "G.total":
        return _largest(mine, reference), LOSS_TOLERANCE * float(reference.abs()) + LOSS_FLOOR
    return _largest(mine, reference), FEATURE_TOLERANCE


def _largest(mine: Tensor, reference: Tensor) -> float:
    a, b = mine.double(), reference.double()
    if not torch.equal(a.isnan(), b.isnan()):
        return float("inf")
    return float((a - b).nan_to_num().abs().max()) if a.numel() else 0.0
