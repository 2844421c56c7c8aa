"""Each part of the product on a GPU: images per second in a batch, against the bare encoder and the step-by-step way.

``benchmarks/gpu.sh`` gives every part a process and a time limit of its own. A part prints one JSON line when it is done;
``share_of_peak`` counts the products that PyTorch makes in one call (``FlopCounterMode``) over the stated peak,
measured by one large product where none is stated. ``--toy`` runs all parts at toy size on the CPU: it shows that the
script works, and its numbers mean nothing. Run: python benchmarks/gpu.py [--toy] [PART ...]
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import captioning
import tag_loss
import tagclip
import torch
from device_bench import FULL, TOY, Bench, Jobs, bare_pass
from peak import peak_of
from PIL import Image

from tagalign.data.batches import PixelBatch, PixelChunks
from tagalign.data.frozen_encoder import FrozenEncoder
from tagalign.methods.cls_seg.method import ClsSeg
from tagalign.methods.dense.method import DenseMethod
from tagalign.methods.piaa.learner import CompetingWords, bank_of_photo, classifiers_of
from tagalign.methods.piaa.method import Piaa, PiaaLabels
from tagalign.methods.piaa.profiles import PROFILES
from tagalign.methods.tag2text.captioning import Decoding, caption_batch
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.guidance import Guidance
from tagalign.methods.tagclip.method import TagClip
from tagalign.ops.tag_rows import TagRows
from tagalign.tags.vocabulary import TagVocabulary
from tagalign.train.loop.clock import StepClock
from tagalign.train.tagalign.plan import TagAlignPlan, TrainingPairs
from tagalign.train.tagalign.training import new_trainee


def encode(bench: Bench) -> dict[str, Any]:
    """Image embeddings."""
    pixels, encoder = bench.pixels(bench.size.batch), bench.backbone
    jobs: Jobs = {
        "bare": (bare_pass(bench, pixels), len(pixels)),
        "ours": (lambda: encoder.embed_images(pixels), len(pixels)),
        "steps": (lambda: [encoder.embed_images(one[None]) for one in pixels], len(pixels)),
    }
    return bench.row(jobs)


def segment(bench: Bench) -> dict[str, Any]:
    """Label maps of the dense method, from canvases: resizing a photo is work of the processor."""
    method = DenseMethod(bench.backbone, method="maskclip", mode="maskclip", resources=bench.resources)
    labels = method.encode_labels(bench.labels)
    canvases = [method.canvas_rule.lay(photo, method.preprocessing) for photo in bench.photos]
    stacked = torch.stack([canvas.pixels for canvas in canvases]).to(bench.device)

    def run(some: list[Any]) -> list[Any]:
        return [method.segment(image, labels) for image in method.encode_canvases(some)]

    jobs: Jobs = {
        "bare": (bare_pass(bench, stacked), len(canvases)),
        "ours": (lambda: run(canvases), len(canvases)),
        "steps": (lambda: [run([canvas]) for canvas in canvases], len(canvases)),
    }
    return bench.row(jobs)


def tagclip_(bench: Bench) -> dict[str, Any]:
    """TagCLIP's tags, crops of all images together, against one class and one crop at a time."""
    method = TagClip(bench.backbone, resources=bench.resources)
    labels = method.encode_labels(bench.labels)
    stacked = torch.stack([method.lay(photo) for photo in bench.photos]).to(bench.device)

    def one_by_one() -> None:
        for photo in bench.photos:
            method.tag(method.encode_images([photo])[0], labels)

    jobs: Jobs = {
        "bare": (bare_pass(bench, stacked), len(bench.photos)),
        "ours": (
            lambda: method.tag_batch(method.encode_images(bench.photos), labels),
            len(bench.photos),
        ),
        "one_by_one": (one_by_one, len(bench.photos)),
    }
    if bench.size is FULL:  # it is written for twelve layers
        wide = tagclip.labels_for(bench.backbone)
        jobs["steps"] = (lambda: tagclip.step_by_step(bench.backbone, bench.photos[0], wide), 1)
    else:
        jobs["steps"] = jobs["one_by_one"]
    return bench.row(jobs)


def cls_seg(bench: Bench) -> dict[str, Any]:
    """Class activation maps of the tags that were found, against one image at a time."""
    method = ClsSeg(bench.backbone, resources=bench.resources)
    labels = method.encode_labels(bench.labels)
    stacked = torch.stack([method.lay(photo) for photo in bench.photos]).to(bench.device)

    def run(photos: list[Image.Image]) -> list[Any]:
        return method.segment_batch(method.encode_images(photos), labels, photos)

    jobs: Jobs = {
        "bare": (bare_pass(bench, stacked), len(bench.photos)),
        "ours": (lambda: run(bench.photos), len(bench.photos)),
        "steps": (lambda: [run([photo]) for photo in bench.photos], len(bench.photos)),
    }
    return bench.row(jobs)


def piaa(bench: Bench) -> dict[str, Any]:
    """Masks with classifiers that were fitted to the patches of the same photos."""
    method = Piaa(bench.backbone, resources=bench.resources)
    encoded, sizes = method.by_text.encode_labels(bench.labels), method.bank_sizes(bench.size.labels)
    images = method.encode_images(bench.photos)
    words = CompetingWords.of(encoded)
    banks = [bank_of_photo(image.views[0].embeds, words, i, sizes) for i, image in enumerate(images)]
    bank = sum(banks[1:], banks[0])
    fitted = classifiers_of(bank, encoded, PROFILES["fixed"], temperature=0.01)
    labels = PiaaLabels(
        method=method.method,
        label_set=bench.labels,
        embeds=encoded.embeds,
        owners=encoded.owners,
        background=encoded.background,
        negatives=encoded.negatives,
        groups=tuple(fitted),
    )
    rule = method.by_text.canvas_rule
    canvases = [rule.lay(photo, method.by_text.preprocessing) for photo in bench.photos]
    stacked = torch.stack([canvas.pixels for canvas in canvases]).to(bench.device)

    def run(photos: list[Image.Image]) -> list[Any]:
        return [method.segment(image, labels) for image in method.encode_images(photos)]

    jobs: Jobs = {
        "bare": (bare_pass(bench, stacked), len(bench.photos)),
        "ours": (lambda: run(bench.photos), len(bench.photos)),
        "steps": (lambda: [run([photo]) for photo in bench.photos], len(bench.photos)),
    }
    return bench.row(jobs)


def tag_loss_of(bench: Bench, tags: int) -> dict[str, Any]:
    """Forward and backward of the balanced softmax over a long tag list, in chunks and at once."""
    batch, device = bench.size.loss_batch, bench.device.type
    chunked = tag_loss.case("chunked", batch, tags, bench.size.repeats, device)
    fits = tag_loss.fits("plain", batch, tags, device)
    plain = tag_loss.case("plain", batch, tags, bench.size.repeats, device) if fits else None
    if chunked is None:
        raise RuntimeError("even the chunked loss does not fit")
    flop = 3 * 2 * batch * tags * tag_loss.DIM  # logits, and both products of their gradient for the images
    return {
        "tags": tags,
        "ours_per_s": round(batch / chunked["seconds"], 1),
        "plain_per_s": plain and round(batch / plain["seconds"], 1),
        "peak_mb": round(chunked["peak_bytes"] / 1e6, 1),
        "plain_peak_mb": plain and round(plain["peak_bytes"] / 1e6, 1),
        "tflops": round(flop / chunked["seconds"] / 1e12, 4),
    }


def train(bench: Bench) -> dict[str, Any]:
    """A step of TagAlign from pixels on the device to new weights, against the encoder alone and image by image."""
    size, encoder = bench.size, bench.backbone
    side = encoder.preprocessing.image_size
    pixels = torch.randint(0, 256, (size.train_batch, 3, side, side), dtype=torch.uint8, device=bench.device)
    captions = encoder.tokenizer([f"a photo of number {i}" for i in range(size.train_batch)]).to(bench.device)
    rows = torch.arange(size.train_batch, device=bench.device)
    tags = TagRows(images=rows, tags=rows % size.train_tags, num_images=size.train_batch)
    whole = PixelChunks(chunks=(PixelBatch(pixels=pixels, caption_ids=captions, tags=tags),))
    names = [("object", f"tag {i}", size.train_tags - i) for i in range(size.train_tags)]
    encode_batch = FrozenEncoder(encoder, mode="maskclip", precision=bench.precision)
    data = TrainingPairs(
        pairs=[],
        encode=encode_batch,
        vocabulary=TagVocabulary.of(names),
        tag_embeds=torch.randn(size.train_tags, encoder.embed_dim),
    )
    plan = TagAlignPlan(steps=1, batch_size=size.train_batch, mode="maskclip", precision=bench.precision)
    trainee = new_trainee(encoder, data, plan, tag_loss_world(bench))
    optimiser, clock = trainee.new_optimiser(), StepClock(bench.device)

    def step() -> None:
        trainee.step(0, whole, clock)
        optimiser.step()
        optimiser.zero_grad()
        clock.report()

    def one_by_one() -> None:
        for one in pixels.split(1):
            encode_batch(
                PixelChunks(chunks=(PixelBatch(pixels=one, tags=NO_TAGS, caption_ids=captions[:1]),))
            )
        step()

    jobs: Jobs = {
        "bare": (bare_pass(bench, bench.pixels(size.train_batch)), size.train_batch),
        "ours": (step, size.train_batch),
        "steps": (one_by_one, size.train_batch),
    }
    return bench.row(jobs)


NO_TAGS = TagRows.from_lists([[]])


def tag_loss_world(bench: Bench) -> Any:
    """One process on the device."""
    from tagalign.data.processes import Processes

    return Processes(device=bench.device)


def caption(bench: Bench) -> dict[str, Any]:
    """Guided captions from image tokens, a batch against one at a time and against the encoder of their photos."""
    model, words, tokens, width = captioning.new_model(bench.size.caption)
    model.to(bench.device)
    count, length = bench.size.batch, bench.size.tokens
    images = torch.randn(count, tokens, width, device=bench.device)
    guidance = [Guidance(tags=captioning.TAGS[: 2 + i % 5]) for i in range(count)]
    decoding = Decoding(num_beams=3, length=CaptionLength(minimum=length, maximum=length))

    def run(first: int, last: int) -> list[str]:
        return caption_batch(
            model, words, images[first:last], guidance[first:last], decoding=decoding, mask_padding=True
        )

    jobs: Jobs = {
        "bare": (bare_pass(bench, bench.pixels(count)), count),
        "ours": (lambda: run(0, count), count),
        "steps": (lambda: [run(i, i + 1) for i in range(count)], count),
    }
    return bench.row(jobs)


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "encode": encode,
    "segment": segment,
    "tagclip": tagclip_,
    "cls-seg": cls_seg,
    "piaa": piaa,
    "tag-loss-1e5": lambda bench: tag_loss_of(bench, bench.size.loss_tags[0]),
    "tag-loss-1e6": lambda bench: tag_loss_of(bench, bench.size.loss_tags[1]),
    "train": train,
    "caption": caption,
}


def main() -> int:
    """One line a part; 1 where a part failed, whose line says why."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--toy", action="store_true", help="toy sizes, on a CPU too")
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    torch.backends.cuda.matmul.allow_tf32 = True
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(TOY if given.toy else FULL, Path(folder))
        peak = peak_of(bench.device, side=bench.size.peak_side)
        for part in given.parts or PARTS:
            head = {
                "part": part,
                "batch": bench.size.batch,
                "precision": bench.precision,
                "toy": given.toy,
                **peak,
            }
            try:
                row = PARTS[part](bench)
                row["share_of_peak"] = round(row["tflops"] / float(str(peak["peak_tflops"])), 4)
            except Exception as error:  # one part must not lose the others
                failed, row = True, {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(head | row), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
