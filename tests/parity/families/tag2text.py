"""Tag2Text's tensors of a golden folder, computed with the library as its users call it."""

import json
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from tagalign.data.tag2text.records import clean_caption, multi_hot, read_records
from tagalign.evaluate.tagging import average_precisions, precision_recall
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.folder import load_parameters
from tagalign.methods.tag2text.generation import CaptionLength, beam_search
from tagalign.methods.tag2text.guidance import Guidance, recognised_tags, tag_rows
from tagalign.methods.tag2text.model import Tag2Text
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.methods.tag2text.wordpieces import SEPARATOR, Wordpieces
from tagalign.ops.tag2text_losses import (
    asymmetric_sum_loss,
    caption_targets,
    language_model_loss,
    rescaled_total,
)

LOSS_TOLERANCE = 1e-5  # golden README, A: loss relative, gradient absolute
STATE_TOLERANCE = 1e-4  # golden README, B, C, G losses: absolute; logits reach about 40 in float32
GRAD_TOLERANCE = 1e-4  # golden README, G gradients: absolute plus relative
METRIC_TOLERANCE = 1e-10  # golden README, E: float64 ratios
NAMES = {"visual.": "image_encoder.model.", "label_embed.": "tag_head.label_embed.", "fc.": "tag_head.fc."}

Tensors = dict[str, Tensor]


class Case:
    """The contents of one golden folder."""

    def __init__(self, folder: Path) -> None:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.config, self.settings = config, config["settings"]
        self.cases: dict[str, Any] = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
        self.inputs = load_file(folder / "inputs.safetensors")
        self.outputs = load_file(folder / "outputs.safetensors")
        self.tags = (folder / "tags.txt").read_text(encoding="utf-8").splitlines()
        self.wordpieces = Wordpieces.from_file(folder / "vocab.txt")
        self.model = self._model(load_file(folder / "weights.safetensors"))

    def _model(self, weights: Tensors) -> Tag2Text:
        recognition = self.config["recognition"]
        model = build_tag2text(
            num_tags=len(self.tags),
            image_encoder={"kind": "swin", "config": self.config["swin"]},
            tag_encoder=self.config["tag_encoder"],
            text_decoder=self.config["text_decoder"],
            tag_head={
                "num_heads": recognition["num_attention_heads"],
                "num_layers": recognition["num_layers"],
            },
        )
        own = {our_name(k): v for k, v in weights.items() if not k.startswith(TIED)}
        load_parameters(model, own, where="golden weights")
        return model.eval()

    def rows(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Joined tags as the release tokenises them: padded and cut to the full length."""
        length = self.settings["max_tag_tokens"]
        return self.wordpieces.batch(texts, first=self.wordpieces.enc, max_tokens=length, pad_to=length)

    @cached_property
    def tokens(self) -> Tensor:
        return self.model.image_encoder(self.inputs["images"]).detach()


# the output layer of the decoder is its embedding, its bias the bias: they stand twice in the golden file
TIED = ("text_decoder.cls.predictions.decoder.",)


def our_name(name: str) -> str:
    for theirs, ours in NAMES.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def compute(folder: Path) -> Tensors:
    """Every tensor of a case folder, by the name it has there."""
    case = Case(folder)
    found = _losses(case)
    with torch.no_grad():
        found |= _recognition(case) | _text(case) | _captions(case)
    return found | _metrics(case) | _choice(case) | _objective(case) | _records(case)


def _losses(case: Case) -> Tensors:
    found: Tensors = {}
    for name in sorted(
        k.removesuffix(".logits") for k in case.inputs if k.startswith("A.") and k.endswith("logits")
    ):
        logits = case.inputs[f"{name}.logits"].clone().requires_grad_()
        loss = asymmetric_sum_loss(
            logits, case.inputs[f"{name}.targets"], **{k: float(v) for k, v in _asymmetric(case).items()}
        )
        (gradient,) = torch.autograd.grad(loss, logits)
        found |= {f"{name}.loss": loss.detach(), f"{name}.grad": gradient}
    return found


def _asymmetric(case: Case) -> dict[str, float]:
    values = case.settings["asl"]
    return {
        "gamma_negative": values["gamma_neg"],
        "gamma_positive": values["gamma_pos"],
        "clip": values["clip"],
        "prob_floor": values["eps"],
    }


def _recognition(case: Case) -> Tensors:
    head = case.model.tag_head
    return {
        "B.image_tokens": case.tokens,
        "B.label_states": head.states(case.tokens, case.model.tag_encoder),
        "B.tag_logits": case.model.tag_logits(case.tokens),
    }


def _train_rows(case: Case) -> tuple[Tensor, Tensor]:
    ids = [row.nonzero()[:, 0].tolist() for row in case.inputs["C.multi_hot"]]
    return case.rows([SEPARATOR.join(case.tags[i] for i in row) for row in ids])


def _caption_rows(case: Case) -> tuple[Tensor, Tensor]:
    longest = case.settings["max_caption_tokens"]
    return case.wordpieces.batch(case.cases["C"]["captions"], first=case.wordpieces.dec, max_tokens=longest)


def _text(case: Case) -> Tensors:
    tag_ids, tag_mask = _train_rows(case)
    ids, mask = _caption_rows(case)
    states = case.model.tag_states(tag_ids, tag_mask, case.tokens[: len(tag_ids)])
    logits = case.model.caption_logits(ids, mask, states, None)
    targets = caption_targets(ids, mask, skipped=case.settings["prompt_length"])
    strings = case.rows(case.cases["C"]["tokenizer_strings"])
    smoothing = case.settings["label_smoothing"]
    return {
        "C.tag_states": states,
        "C.logits": logits,
        "C.caption_labels": targets,
        "C.loss_lm": language_model_loss(logits, targets, label_smoothing=smoothing),
        "C.tokenized_tag_ids": strings[0],
        "C.tokenized_tag_mask": strings[1].long(),
    }


def _released_choice(case: Case) -> TagChoice:
    return TagChoice(
        thresholds=case.inputs["F.thresholds"],
        deleted=multi_hot(case.inputs["F.deleted"].tolist(), len(case.tags)),
    )


def _captions(case: Case) -> Tensors:
    choice, logits = _released_choice(case), case.model.tag_logits(case.tokens)
    recognised = [
        Guidance(tags=tuple(recognised_tags(row, choice.chosen(row), case.tags, sure_first=False)))
        for row in logits
    ]
    given = [
        Guidance(tags=tuple(text.split(SEPARATOR)) if text else ()) for text in case.cases["D"]["user_tags"]
    ]
    found: Tensors = {}
    for prefix, guidance in (("", recognised), ("user_", given)):
        length = case.settings["max_tag_tokens"]
        ids, mask = tag_rows(guidance, case.wordpieces, max_tokens=length, pad_to=length)
        states = case.model.tag_states(ids, mask, case.tokens)
        for name, beams in (("greedy", 1), (f"beam{case.settings['num_beams']}", case.settings["num_beams"])):
            found |= _caption_ids(case, f"D.{prefix}{name}", states, beams)
    return found


def _caption_ids(case: Case, name: str, states: Tensor, num_beams: int) -> Tensors:
    prompt = [case.wordpieces.dec, *case.wordpieces.row(case.settings["prompt"])]
    length = CaptionLength(minimum=case.settings["min_length"], maximum=case.settings["max_length"])
    rows = beam_search(
        case.model.text_decoder,
        states,
        None,
        prompt,
        end=case.wordpieces.sep,
        num_beams=num_beams,
        length=length,
    )
    reference = case.outputs.get(f"{name}.ids")
    width = max(map(len, rows)) if reference is None else max(reference.shape[1], *map(len, rows))
    ids, mask = case.wordpieces.pad_rows(rows, pad_to=width)
    return {f"{name}.ids": ids.masked_fill(~mask, 0), f"{name}.lengths": mask.sum(dim=1)}


def _metrics(case: Case) -> Tensors:
    scores, targets = case.inputs["E.scores"], case.inputs["E.targets"]
    chosen = scores > float(case.inputs["E.threshold"])
    ap = _released_ap(scores, targets)
    precision, recall = _per_class(chosen, targets)
    names, labels = case.cases["E"]["class_names_dup"], case.cases["E"]["labels_by_name_dup"]
    repeated = torch.tensor([[int(name in row) for name in names] for row in labels])
    repeated_ap = _released_ap(scores, repeated)
    return {
        "E.ap": ap,
        "E.map": ap.mean(),
        "E.precision_per_class": precision,
        "E.recall_per_class": recall,
        "E.precision": precision.mean(),
        "E.recall": recall.mean(),
        "E.dup.ap": repeated_ap,
        "E.dup.map": repeated_ap.mean(),
    }


def _released_ap(scores: Tensor, targets: Tensor) -> Tensor:
    # the release divides by (positives + 1e-8), ours by the positives; a class without any counts 0 there
    positives = (targets == 1).sum(dim=0).double()
    return average_precisions(scores, targets).nan_to_num(0.0) * positives / (positives + 1e-8)


def _per_class(chosen: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    classes = [
        precision_recall(chosen[:, [k]], targets[:, [k]], average="micro") for k in range(chosen.shape[1])
    ]
    given, present = chosen.sum(dim=0).double(), (targets == 1).sum(dim=0).double()
    # the release adds 1e-9 to both denominators
    precision = torch.tensor([c.precision for c in classes], dtype=torch.float64) * given / (given + 1e-9)
    recall = torch.tensor([c.recall for c in classes], dtype=torch.float64) * present / (present + 1e-9)
    return precision, recall


def _choice(case: Case) -> Tensors:
    released = _released_choice(case)
    synthetic = TagChoice(thresholds=case.inputs["F.synthetic.thresholds"], deleted=released.deleted)
    with torch.no_grad():
        logits = case.model.tag_logits(case.tokens)
    return {
        "F.multi_hot": released.chosen(logits).long(),
        "F.synthetic.multi_hot": synthetic.chosen(case.inputs["F.synthetic.logits"]).long(),
    }


def _objective(case: Case) -> Tensors:
    """The step of the release: both losses, the total, and the gradients of the weights that the folder holds."""
    tag_ids, tag_mask = _train_rows(case)
    ids, mask = _caption_rows(case)
    tokens = case.model.image_encoder(case.inputs["images"][: len(ids)])
    tagging = asymmetric_sum_loss(
        case.model.tag_logits(tokens), case.inputs["C.multi_hot"], **_asymmetric(case)
    )
    states = case.model.tag_states(tag_ids, tag_mask, tokens)
    targets = caption_targets(ids, mask, skipped=case.settings["prompt_length"])
    language = language_model_loss(
        case.model.caption_logits(ids, mask, states, None),
        targets,
        label_smoothing=case.settings["label_smoothing"],
    )
    total = rescaled_total(language, tagging)
    total.backward()
    own = case.model.own_parameters()
    grads = [k for k in case.outputs if k.startswith("G.grad.")]
    found = {k: own[our_name(k.removeprefix("G.grad."))].grad for k in grads}
    losses = {"G.loss_lm": language, "G.loss_tag": tagging, "G.total": total}
    return {k: v.detach() for k, v in losses.items()} | {k: v for k, v in found.items() if v is not None}


def _records(case: Case) -> Tensors:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.json"
        path.write_text(json.dumps(case.cases["H"]["annotations"]), encoding="utf-8")
        records = read_records(path, num_tags=len(case.tags))
        expected = case.cases["H"]["expected"]
        parsed, union = [], []
        for row in expected:
            record = records[row["record"]]
            if clean_caption(record.captions[row["caption_index"]]) != row["caption"]:
                raise ValueError(f"caption {row} was cleaned to another text")
            parsed.append(multi_hot(record.tags[row["caption_index"]], len(case.tags)).long())
            missing = torch.full((len(case.tags),), -1)
            ids = record.union_tags
            union.append(missing if ids is None else multi_hot(ids, len(case.tags)).long())
    return {"H.parse_multi_hot": torch.stack(parsed), "H.union_multi_hot": torch.stack(union)}


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Largest difference and what is allowed; gradients are judged element by element, scaled to one tolerance."""
    if mine.shape != reference.shape:
        return float("inf"), 0.0
    difference = (mine.double() - reference.double()).abs()
    largest = float(difference.max()) if difference.numel() else 0.0
    if not reference.is_floating_point():
        return largest, 0.0  # ids, masks, multi-hot rows: exact
    if name.startswith("A."):
        relative = float(reference.abs()) if name.endswith(".loss") else 1.0
        return largest, LOSS_TOLERANCE * relative
    if name.startswith("E."):
        return largest, METRIC_TOLERANCE
    if name.startswith("G.grad."):
        return float((difference / (1 + reference.double().abs())).max()), GRAD_TOLERANCE
    return largest, STATE_TOLERANCE
