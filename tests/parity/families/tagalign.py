"""TagAlign's golden numbers, computed by the library the way its users call it."""

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tagalign.backbones.families import FAMILIES
from tagalign.labels import Label, LabelSet
from tagalign.methods.dense.canvas import Canvas
from tagalign.methods.dense.encoding import BlendedImage
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.dense.options import TagAlignOptions
from tagalign.methods.dense.projector import Projector, pool
from tagalign.methods.dense.score_maps import cosine_maps
from tagalign.methods.labels import mean_of_templates
from tagalign.ops.grid import tokens_to_map
from tagalign.ops.losses import (
    RELEASED_PROB_FLOOR,
    contrastive_loss,
    inverse_temperature,
    log_frequencies,
    softmax_tag_loss,
    unit,
)
from tagalign.ops.refine.pamr import pamr
from tagalign.ops.windows import window_boxes
from tagalign.types import EncodedLabels

VALUE_TOLERANCE = 1e-5  # float32 sums in another order, relative to the largest value
GRADIENT_TOLERANCE = 1e-4  # one more chain of products
CLEAR_GAP = 1e-5  # labels must agree where the two best reference scores differ by more than rounding

Tensors = dict[str, Tensor]


def compute(folder: Path) -> Tensors:
    """Every tensor of the case, from its inputs and weights."""
    case = Case(folder)
    made: Tensors = {}
    for part in (dense, projector, losses, segmentation, refinement, slide, texts, training_step):
        made.update(part(case))
    return made


class Case:
    """What a case folder holds."""

    def __init__(self, folder: Path) -> None:
        self.inputs = _floats(folder / "inputs.safetensors")
        self.settings = json.loads((folder / "settings.json").read_text())
        config = json.loads((folder / "config.json").read_text())
        self.backbone = FAMILIES["clip"].build(config, _floats(folder / "weights.safetensors"))
        weights = _floats(folder / "projector.safetensors")
        blocks = sum(name.endswith(".gate") for name in weights)
        self.projector = Projector(
            width=weights["proj"].shape[0], dim=weights["proj"].shape[1], num_blocks=blocks
        )
        self.projector.load_state_dict(weights)

    def method(self, values: dict, *, order: str, clip_weight: float, background: bool) -> DenseMethod:
        """The released or the paper's profile with the settings of the case."""
        options = TagAlignOptions(
            profile="released" if order == "official" else "paper",
            clip_weight=clip_weight,
            background_rule=background,
            background_threshold=values["bg_thresh"] if background else None,
            sigmoid_scale=values["scale"],
            sigmoid_bias=values["bias"],
        )
        return DenseMethod(
            self.backbone, options, method="tagalign", mode="surgery", projector=self.projector
        )


def _floats(path: Path) -> Tensors:
    return {k: v.float() if v.dtype == torch.float16 else v for k, v in load_file(path).items()}


def dense(case: Case) -> Iterator[tuple[str, Tensor]]:
    """Section 1: dense features and CLIP's own image embedding."""
    clip = case.backbone
    for key in [k for k in case.inputs if k.startswith("dense.")]:
        image, place = case.inputs[key], key.removesuffix(".image")
        surgery = clip.encode_dense(image, mode="surgery")
        yield f"{place}.surgery_tokens", surgery.patches
        yield f"{place}.surgery_cls", surgery.cls
        yield f"{place}.surgery_embeds", clip.project(surgery.patches)
        yield f"{place}.cls_embed", clip.project(surgery.cls)
        yield f"{place}.plain_embeds", clip.project(clip.encode_dense(image, mode="clip").patches)
        yield f"{place}.maskclip_embeds", clip.project(clip.encode_dense(image, mode="maskclip").patches)
    native = clip.preprocessing.image_size
    yield (
        "clip.image_embeds",
        clip.project(clip.encode_dense(case.inputs[f"dense.{native}x{native}.image"]).cls),
    )


@torch.no_grad()
def projector(case: Case) -> Tensors:
    """Section 2."""
    x, trained = case.inputs["projector.input"], case.projector
    output = trained(x)
    closed = Projector(width=x.shape[1], dim=trained.proj.shape[1], num_blocks=len(trained.blocks))
    closed.load_state_dict({k: v * 0 if k.endswith(".gate") else v for k, v in trained.state_dict().items()})
    return {
        "projector.conv_out": trained.blocks(x),
        "projector.output": output,
        "projector.output_zero_gates": closed(x),
        "projector.pooled": pool(output),
    }


def losses(case: Case) -> Iterator[tuple[str, Tensor]]:
    """Section 3: values and gradients at every scale."""
    given = {k.removeprefix("loss."): v for k, v in case.inputs.items() if k.startswith("loss.")}
    tags, counts = given["tags"].bool(), given["tag_count"]
    double = {k: given[k].double() for k in ("image_emb", "text_emb", "tag_emb", "logit_scale")}
    prior = log_frequencies(counts.double())
    for i in range(len(given["logit_scale"])):
        yield from _loss(f"loss.infonce.{i}", given, i, lambda x, t, s: contrastive_loss(x, t, logit_scale=s))
        for name, values, floor, log_prior in (
            ("tag", given, RELEASED_PROB_FLOOR, None),
            ("balanced", double, None, prior),
            ("balanced_clamped", double, RELEASED_PROB_FLOOR, prior),
        ):

            def tag_loss(x, _, s, values=values, floor=floor, log_prior=log_prior):
                return softmax_tag_loss(
                    x, values["tag_emb"], tags, logit_scale=s, log_prior=log_prior, prob_floor=floor
                )

            yield from _loss(f"loss.{name}.{i}", values, i, tag_loss)


def _loss(name: str, values: Tensors, index: int, loss) -> Iterator[tuple[str, Tensor]]:
    image = values["image_emb"].clone().requires_grad_()
    text = values["text_emb"].clone().requires_grad_()
    scale = values["logit_scale"][index].clone().requires_grad_()
    value = loss(image, text, inverse_temperature(scale))
    grads = torch.autograd.grad(value, (image, text, scale), allow_unused=True)
    yield f"{name}.value", value.detach()
    for key, grad in zip(("grad_image_emb", "grad_text_emb", "grad_logit_scale"), grads, strict=True):
        if grad is not None:
            yield f"{name}.{key}", grad


def _labels(text_embeds: Tensor) -> EncodedLabels:
    names = tuple(Label(name=str(i)) for i in range(len(text_embeds)))
    return EncodedLabels(
        method="tagalign",
        label_set=LabelSet(name="golden", labels=names),
        embeds=unit(text_embeds),
        owners=torch.arange(len(names)),
        background=text_embeds[:0],
    )


def segmentation(case: Case) -> Iterator[tuple[str, Tensor]]:
    """Section 4: one whole view; official and paper order."""
    values, labels = case.settings["segment"], _labels(case.inputs["segment.text_emb"])
    pixels = case.inputs["segment.image"]
    size = tuple(pixels.shape[2:])
    canvas = [Canvas(pixels=p, size=size, boxes=((0, 0, size[1], size[0]),)) for p in pixels]
    runs = [("official", weight) for weight in values["clip_w"]] + [("paper", 0.0)]
    for order, weight in runs:
        method = case.method(values, order=order, clip_weight=weight, background=False)
        images = method.encode_canvases(canvas)
        name = f"{order}.clip_w{weight}"
        if order == "official":
            yield (
                f"segment.mask_lowres.clip_w{weight}",
                _stack(images, partial(_lowres, labels=labels, method=method)),
            )
        if weight:
            yield "segment.sim_lowres", _stack(images, lambda x: cosine_maps(x.aligned.views[0], labels))
            yield "segment.clip_sim_lowres", _stack(images, lambda x: cosine_maps(x.frozen.views[0], labels))
        yield (
            f"segment.mask_up.{name}",
            _stack(images, partial(method.heat_maps, labels=labels, size=size)),
        )
        for rule in ("nobg", "bg"):
            run = case.method(values, order=order, clip_weight=weight, background=rule == "bg")
            found = [run.segment(image, labels).labels for image in run.encode_canvases(canvas)]
            yield f"segment.labels.{name}.{rule}", torch.stack(found)


def _stack(images, function) -> Tensor:
    return torch.stack([function(x) for x in images])


def _lowres(image, labels: EncodedLabels, method: DenseMethod) -> Tensor:
    def probability(encoded) -> Tensor:
        return method.rule.probability(cosine_maps(encoded.views[0], labels))

    if not isinstance(image, BlendedImage):
        return probability(image)
    return (1 - method.clip_weight) * probability(image.aligned) + method.clip_weight * probability(
        image.frozen
    )


def refinement(case: Case) -> Tensors:
    """Section 5: PAMR at image size, and as TCL calls it at mask size."""
    image, masks = case.inputs["pamr.image"], case.inputs["pamr.mask"]
    options = {
        "num_iterations": case.settings["pamr"]["iterations"],
        "dilations": case.settings["pamr"]["dilations"],
    }
    small = torch.nn.functional.interpolate(image, size=masks.shape[2:], mode="bilinear", align_corners=True)
    return {"pamr.full_res": pamr(image, masks, **options), "pamr.tcl_call": pamr(small, masks, **options)}


def slide(case: Case) -> Iterator[tuple[str, Tensor]]:
    """Section 6: merged windows with a background channel first."""
    values = case.settings["slide"]
    labels = _labels(case.inputs["segment.text_emb"][: values["num_texts"]])
    pixels = case.inputs["slide.image"]
    size = tuple(pixels.shape[2:])
    boxes = tuple(window_boxes(size, crop=values["crop"], stride=values["stride"]))
    method = case.method(values, order="official", clip_weight=values["clip_w"], background=True)
    images = method.encode_canvases([Canvas(pixels=p, size=size, boxes=boxes) for p in pixels])
    merged = [method.heat_maps(image, labels, size=size) for image in images]
    background = torch.full((1, *size), values["bg_thresh"])
    yield "slide.merged", torch.stack([torch.cat([background, maps]) for maps in merged])
    yield "slide.labels", torch.stack([method.segment(image, labels).labels for image in images])


def texts(case: Case) -> Tensors:
    """Section 7: template means in both conventions."""
    ids = case.inputs["text.input_ids"].long()
    prompts = case.backbone.encode_ids(ids.flatten(0, 1)).unflatten(0, ids.shape[:2])
    return {
        "text.prompt_embeds": prompts,
        "text.class_mean_unnormalised": prompts.mean(dim=1),
        "text.class_embeds_raw_mean": mean_of_templates(prompts, mean="raw"),
        "text.class_embeds_clip_convention": mean_of_templates(prompts, mean="unit"),
    }


def training_step(case: Case) -> Tensors:
    """Section 8: both losses of one batch and the gradients of their sum."""
    native = case.backbone.preprocessing.image_size
    features = case.backbone.encode_dense(case.inputs[f"dense.{native}x{native}.image"], mode="surgery")
    captions = case.backbone.encode_ids(case.inputs["text.input_ids"][0, 0:2].long())
    trained = case.projector
    log_scales = [
        torch.tensor(math.log(1 / case.settings["train"]["temperature"]), requires_grad=True) for _ in "ab"
    ]
    z = pool(trained(tokens_to_map(features.patches, features.grid)))
    contrast = contrastive_loss(z, captions, logit_scale=inverse_temperature(log_scales[0]))
    tag = softmax_tag_loss(
        z,
        case.inputs["loss.tag_emb"],
        case.inputs["loss.tags"][1:3].bool(),
        logit_scale=inverse_temperature(log_scales[1]),
        prob_floor=RELEASED_PROB_FLOOR,
    )
    gates = [block.gate for block in trained.blocks]
    wanted = [trained.proj, trained.ln_post.weight, trained.blocks[0].conv.bias, *log_scales, *gates]
    proj, ln, bias, scale0, scale1, *gate_grads = torch.autograd.grad(contrast + tag, wanted)
    return {
        "train.cl_loss": contrast.detach(),
        "train.tag_loss": tag.detach(),
        "train.grad_gates": torch.stack(gate_grads),
        "train.grad_proj": proj,
        "train.grad_ln_post_weight": ln,
        "train.grad_block0_conv_bias": bias,
        "train.grad_logit_scales": torch.stack([scale0, scale1]),
    }


def compare(name: str, mine: Tensor, reference: Tensor, folder: Path) -> tuple[float, float]:
    """Difference and tolerance as the golden README defines them."""
    if ".labels" in name:
        return _clear_disagreements(name, mine, reference, folder), 0.0
    difference = float((mine.double() - reference.double()).abs().max())
    largest = float(reference.double().abs().max())
    if ".grad" in name:
        return (difference, 0.0) if largest == 0 else (difference / largest, GRADIENT_TOLERANCE)
    return difference / max(1.0, largest), VALUE_TOLERANCE


def _clear_disagreements(name: str, mine: Tensor, reference: Tensor, folder: Path) -> float:
    """Pixels with another label although the two best reference scores differ clearly."""
    outputs = load_file(folder / "outputs.safetensors")
    if name.startswith("slide"):
        scores = outputs["slide.merged"]
    else:
        scores = outputs[name.replace(".labels.", ".mask_up.").rpartition(".")[0]]
        if name.endswith(".bg"):
            level = json.loads((folder / "settings.json").read_text())["segment"]["bg_thresh"]
            scores = torch.cat([torch.full_like(scores[:, :1], level), scores], dim=1)
    best = scores.topk(2, dim=1).values
    clear = best[:, 0] - best[:, 1] > CLEAR_GAP
    return float(((mine != reference.long()) & clear).sum())
