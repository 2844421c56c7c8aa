"""Train the packaged Tag2Text of drawn scenes: pre-training on alt text, fine-tuning on captions and questions.

python runs/tag2text_tiny.py OUT                      # train into OUT, print what it can do as JSON
cp -r OUT/model src/tagalign/methods/tag2text/tiny    # ship it
Expected: about 8 minutes of one core, 1 GB of memory, 2 MB. A stopped run goes on. See docs/results/tag2text.md.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import tag2text_measure as measure
from tag2text_tables import ALL, LENGTH, Bench, baselines, tag_weights, threshold_curve
from tag2text_world import WORDS

from tagalign.methods.tag2text.folder import load_tag2text, save_tag2text
from tagalign.train.tag2text.losses import Tasks
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.training import train_tag2text

CARD = """---
license: apache-2.0
tags: [tag2text, toy]
---
# Tiny Tag2Text

Tags, captions, search and answers for the drawn scenes of `tagalign.data.tiny_world`, on top of the frozen tiny CLIP
(weights `{backbone}`). **Never use it on photos.** Trained by `runs/tag2text_tiny.py`: {pretrain} steps on alt text,
{finetune} on captions and questions, batch {batch}, {scenes} scenes, seed {seed}.

| on {test} test scenes | percent |
|---|--:|
| tagging, mAP | {map:.1f} |
| captions, CIDEr | {cider:.1f} |
| text and image recall@1 | {text:.1f}, {image:.1f} |
| answers right | {exact:.1f} |
| a caption names an object it is told to name: in the scene, not in it | {present:.1f}, {absent:.1f} |
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for the model, checkpoints and cached tokens")
    parser.add_argument("--train", type=int, default=1200, help="training scenes")
    parser.add_argument("--test", type=int, default=120, help="test scenes")
    parser.add_argument("--held-out", type=int, default=120, help="scenes for the thresholds")
    parser.add_argument(
        "--steps", type=int, nargs=2, default=(300, 1500), help="of pre-training and fine-tuning"
    )
    parser.add_argument("--batch", type=int, default=16, help="images per step")
    parser.add_argument(
        "--recognised-share",
        type=float,
        default=0.1,
        help="of fine-tuning; 0 guides by the caption's own tags alone",
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights and order")
    parser.add_argument("--judge-only", action="store_true", help="measure OUT/model, trained before")
    args = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    bench = Bench(
        args.out,
        train=args.train,
        test=args.test,
        held_out=args.held_out,
        steps=tuple(args.steps),
        batch=args.batch,
    )
    if args.judge_only:
        print(json.dumps(judge(bench, args.out / "model") | more(bench, args.out / "model"), indent=1))
        return
    method, sizes = bench.new_method("shared", args.seed)
    for stage, steps, weights in (
        ("alt", args.steps[0], ALL),
        ("captions", args.steps[1], {**ALL, "captioning": 2.0, "matching": 1.0, "answering": 1.0}),
    ):
        fine = stage == "captions"
        train_tag2text(
            method,
            bench.train.data(stage),
            Tag2TextPlan(
                steps=steps,
                batch_size=args.batch,
                learning_rate=2e-3,
                warmup=steps // 10,
                clip_norm=1.0,
                checkpoint_every=100,
                seed=args.seed + 1000 * fine,
            ),
            tasks=Tasks(
                weights=weights, recognised_share=args.recognised_share if fine else 0.0, all_captions=fine
            ),
            out_dir=args.out / stage,
        )
        method.choice = measure.calibrate(method, bench.held_out)
        print(f"{stage}: {time.process_time() - started:.0f} s of one core", file=sys.stderr, flush=True)
    save = {
        "sizes": sizes,
        "tags": WORDS.names,
        "wordpieces": bench.wordpieces,
        "preprocessing": bench.backbone.preprocessing,
        "choice": method.choice,
        "length": LENGTH,
        "half": True,
    }
    save_tag2text(args.out / "model", method.model, **save)
    numbers = judge(bench, args.out / "model")
    settings = {name: value for name, value in vars(args).items() if name not in ("out", "judge_only")}
    card = make_card(args, bench.backbone.weight_hash, numbers)
    save_tag2text(
        args.out / "model", method.model, **save, card=card, settings={**settings, "numbers": numbers}
    )
    print(json.dumps(numbers, indent=1))


def make_card(args: argparse.Namespace, backbone: str, numbers: dict) -> str:
    """The model card."""
    return CARD.format(
        backbone=backbone,
        pretrain=args.steps[0],
        finetune=args.steps[1],
        batch=args.batch,
        scenes=args.train,
        seed=args.seed,
        test=args.test,
        map=numbers["tagging"]["map"],
        cider=numbers["captions"]["cider"],
        text=numbers["retrieval_matched"]["text_recall@1"],
        image=numbers["retrieval_matched"]["image_recall@1"],
        exact=numbers["answers"]["exact"],
        present=numbers["control"]["present"],
        absent=numbers["control"]["absent"],
    )


def judge(bench: Bench, folder: Path) -> dict:
    """What the stored (float16) model can do on the test scenes."""
    method = load_tag2text(folder)
    images = measure.encode(method, bench.test)
    texts = measure.caption_all(method, images)
    return {
        "tagging": measure.tagging(method, images, bench.test),
        "captions": measure.captioning(texts, bench.test),
        "retrieval": measure.retrieval(method, images, bench.test, tag_weight=0.3, match=False),
        "retrieval_matched": measure.retrieval(method, images, bench.test, tag_weight=0.3, match=True),
        "answers": measure.answering(method, images, bench.test, use_tags=True),
        "control": measure.control(method, images, bench.test),
        "examples": [
            {"scene": scene.captions[0], "caption": text}
            for scene, text in list(zip(bench.test.scenes, texts, strict=True))[:10]
        ],
    }


def more(bench: Bench, folder: Path) -> dict:
    """What the same model does otherwise: other thresholds, no tags in ranking, no tags beside the question, CLIP's tags."""
    method = load_tag2text(folder)
    images = measure.encode(method, bench.test)
    return {
        "clip_tagging": baselines(bench),
        "curve": threshold_curve(bench, method),
        "tag_weights_held_out": tag_weights(bench, method),
        "retrieval_no_tags": measure.retrieval(method, images, bench.test, tag_weight=0, match=False),
        "retrieval_no_tags_matched": measure.retrieval(method, images, bench.test, tag_weight=0, match=True),
        "captions_without_tags": measure.captioning(
            measure.caption_all(method, images, [()] * len(images)), bench.test
        ),
        "answers_no_tags": measure.answering(method, images, bench.test, use_tags=False),
    }


if __name__ == "__main__":
    main()
