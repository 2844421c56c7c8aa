"""Milliseconds per image of guided captions at batch 1 and batch 16, decoder passes, one JSON line.

``--size base`` is the release's text shape (12 layers, 768) with random weights; ``tiny`` the packaged model's. Image
encoding is left out: it is the same work at any batch size. ``--clock cpu`` counts processor time (all threads) instead of
wall time, for machines that do other work too.
"""

import argparse
import json
import time
from typing import Any

import torch

from tagalign.methods.tag2text import generation
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.captioning import Decoding, caption_batch
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.guidance import Guidance
from tagalign.methods.tag2text.wordpieces import Wordpieces

SIZES = {"base": (12, 768, 12, 1024, 145), "tiny": (2, 96, 4, 192, 101)}
TAGS = ("dog", "frisbee", "grass", "green grass", "man", "play")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--beams", type=int, default=3)
    parser.add_argument(
        "--tokens", type=int, default=20, help="length of every caption, so that both do equal work"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.perf_counter if args.clock == "wall" else time.process_time
    model, words, tokens, image_width = new_model(args.size)
    images = torch.randn(args.batch, tokens, image_width)
    guidance = [Guidance(tags=TAGS[: 2 + i % 5]) for i in range(args.batch)]
    decoding = Decoding(num_beams=args.beams, length=CaptionLength(minimum=args.tokens, maximum=args.tokens))

    def caption(first: int, last: int) -> list[str]:
        return caption_batch(
            model, words, images[first:last], guidance[first:last], decoding=decoding, mask_padding=True
        )

    timed: dict[str, list[float]] = {"single": [], "batch": []}
    for _ in range(args.repeats):  # in turns, so that other load hits both alike
        started = clock()
        alone = [caption(i, i + 1)[0] for i in range(args.batch)]
        timed["single"].append((clock() - started) / args.batch)
        started = clock()
        together = caption(0, args.batch)
        timed["batch"].append((clock() - started) / args.batch)
    single, batch = (1000 * min(timed[name]) for name in ("single", "batch"))
    row = {
        "benchmark": "captioning",
        "size": args.size,
        "batch": args.batch,
        "beams": args.beams,
        "tokens": args.tokens,
        "threads": args.threads,
        "clock": args.clock,
        "ms_per_image_at_1": round(single, 2),
        f"ms_per_image_at_{args.batch}": round(batch, 2),
        "faster": round(single / batch, 2),
        "same_captions": alone == together,
        "decoder_passes": count_passes(lambda: caption(0, args.batch)),
    }
    print(json.dumps(row))


def new_model(size: str) -> tuple[Any, Wordpieces, int, int]:
    """Random text parts of a name in ``SIZES``, their words, and the number and width of image tokens."""
    layers, width, heads, image_width, tokens = SIZES[size]
    words = Wordpieces.from_texts(["a picture of | the on", *TAGS])
    text = {
        "vocab_size": 30524 if size == "base" else len(words),
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
    }
    vit = {"image_size": 16, "patch_size": 16, "hidden_size": image_width, "num_hidden_layers": 1}
    model = build_tag2text(
        num_tags=10,
        image_encoder={"kind": "vit", "config": {**vit, "num_attention_heads": 4, "intermediate_size": 8}},
        tag_encoder={**text, "encoder_hidden_size": image_width},
        text_decoder={**text, "encoder_hidden_size": width},
    ).eval()
    return model, words, tokens, image_width


def count_passes(call) -> int:
    """Decoder passes of one call: the prompt once, then one per new token, whatever the batch."""
    passes = 0
    original = generation.decode_step

    def counted(*arguments):
        nonlocal passes
        passes += 1
        return original(*arguments)

    generation.decode_step = counted
    try:
        call()
    finally:
        generation.decode_step = original
    return passes


if __name__ == "__main__":
    main()
