"""Tag2Text's tables on the tiny world: train each row, measure it, keep the numbers in OUT/results.json.

python runs/tag2text_tables.py OUT                 # all rows; those in results.json already are left alone
python runs/tag2text_tables.py OUT --rows with-0   # one of them
Expected: about 20 minutes of one core after runs/tiny_clip/train.sh tiny; 1 GB of memory. See docs/results/tag2text.md.
"""

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import tag2text_measure as measure
from tag2text_world import WORDS, make_split, sizes_for, wordpieces_of

from tagalign.atomic import atomic_write
from tagalign.backbones.load import load_backbone
from tagalign.cli.shared.run_record import git_commit
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.captioning import Decoding
from tagalign.methods.tag2text.folder import load_tag2text, save_tag2text
from tagalign.methods.tag2text.generation import CaptionLength
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.profiles import load_profile
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.train.tag2text.losses import Tasks
from tagalign.train.tag2text.plan import Tag2TextPlan
from tagalign.train.tag2text.training import train_tag2text

LENGTH = CaptionLength(minimum=10, maximum=40)  # 8 ended captions at their first object
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TAG_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)
ALL = {"tagging": 1.0, "captioning": 1.0, "contrastive": 1.0}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: how it is pre-trained and fine-tuned.

    Attributes:
        head: tag head.
        pretrain: task weights on alt text; empty for none.
        finetune: task weights on captions; empty for none.
        use_tags: guidance.
        recognised_share: of fine-tuning.
        share: of the scenes that are trained on.
        start: row whose pre-trained model is taken instead of an own one.
    """

    head: str = "shared"
    pretrain: dict[str, float]
    finetune: dict[str, float]
    use_tags: bool = True
    recognised_share: float = 0.5
    share: float = 1.0
    start: str | None = None


FINE = {**ALL, "matching": 1.0}
NO_TAGS = {"captioning": 1.0, "contrastive": 1.0}
ROWS: dict[str, Row] = {
    "with": Row(pretrain=ALL, finetune=FINE),
    "without": Row(pretrain=NO_TAGS, finetune={**NO_TAGS, "matching": 1.0}, use_tags=False),
    "tagging-alone": Row(pretrain={"tagging": 1.0}, finetune={"tagging": 1.0}),
    "no-pretraining": Row(pretrain={}, finetune=FINE),
    "quarter-data": Row(pretrain=ALL, finetune=FINE, share=0.25),
    "head-own": Row(pretrain=ALL, finetune=FINE, head="own"),
    "head-linear": Row(pretrain=ALL, finetune=FINE, head="linear"),
    "parsed": Row(pretrain=ALL, finetune=FINE, recognised_share=0.0, start="with"),
    "recognised": Row(pretrain=ALL, finetune=FINE, recognised_share=1.0, start="with"),
    "answers-with-tags": Row(pretrain=ALL, finetune={"tagging": 1.0, "answering": 1.0}, start="with"),
    "answers-without-tags": Row(pretrain=ALL, finetune={"answering": 1.0}, use_tags=False, start="with"),
}
THREE_SEEDS = ("with", "without", "answers-with-tags", "answers-without-tags")


class Bench:
    """Data and settings shared by all rows."""

    def __init__(
        self, out: Path, *, train: int, test: int, held_out: int, steps: tuple[int, int], batch: int
    ):
        self.out, self.steps, self.batch = out, steps, batch
        cache = out / "cache"
        self.train = make_split("train", train, cache=cache)
        self.test = make_split("test", test, cache=cache)
        self.held_out = make_split("held-out", held_out, cache=cache)
        self.backbone = load_backbone("tiny")
        self.wordpieces = wordpieces_of(self.train)

    def new_method(self, head: str, seed: int) -> tuple[Tag2TextMethod, dict]:
        """A network with random weights, and its sizes."""
        sizes = sizes_for(self.wordpieces, image_width=self.backbone.width, head=head)
        model = build_tag2text(num_tags=len(WORDS), **sizes, seed=seed)
        return self.method(model), sizes

    def method(self, model) -> Tag2TextMethod:
        """A network as users call it."""
        return Tag2TextMethod(
            model,
            self.wordpieces,
            WORDS.names,
            choice=TagChoice.of(len(WORDS), default=0.5),
            preprocessing=self.backbone.preprocessing,
            profile=load_profile("fixed"),
            decoding=Decoding(length=LENGTH),
        )

    def stage(self, method: Tag2TextMethod, row: Row, stage: str, seed: int) -> None:
        """Train one stage in place and calibrate the thresholds on held-out scenes."""
        weights = row.pretrain if stage == "pretrain" else row.finetune
        if not weights:
            return
        steps = self.steps[0] if stage == "pretrain" else self.steps[1]
        fine = stage == "finetune"
        train_tag2text(
            method,
            self.train.data("captions" if fine else "alt", count=round(len(self.train.scenes) * row.share)),
            Tag2TextPlan(
                steps=steps,
                batch_size=self.batch,
                learning_rate=2e-3,
                warmup=steps // 10,
                clip_norm=1.0,
                seed=seed,
            ),
            tasks=Tasks(
                weights=weights,
                use_tags=row.use_tags,
                recognised_share=row.recognised_share if fine else 0.0,
                all_captions=fine,
            ),
        )
        method.choice = measure.calibrate(method, self.held_out)

    def folder(self, name: str, stage: str) -> Path:
        """Where a trained row is kept."""
        return self.out / "models" / f"{name}-{stage}"

    def trained(
        self, method: Tag2TextMethod, sizes: dict, row: Row, name: str, stage: str, seed: int
    ) -> Tag2TextMethod:
        """The row after one more stage; what a stopped run had trained is read from its folder."""
        if (self.folder(name, stage) / "config.json").exists():
            return self.kept(name, stage)
        self.stage(method, row, stage, seed)
        save_tag2text(
            self.folder(name, stage),
            method.model,
            sizes=sizes,
            tags=WORDS.names,
            wordpieces=self.wordpieces,
            preprocessing=self.backbone.preprocessing,
            choice=method.choice,
            length=LENGTH,
        )
        return method

    def kept(self, name: str, stage: str) -> Tag2TextMethod:
        """A trained row as ``method`` would give it."""
        stored = load_tag2text(self.folder(name, stage))
        method = self.method(stored.model)
        method.choice = stored.choice
        return method


def run_row(bench: Bench, name: str, seed: int) -> dict:
    """Train and measure one row."""
    row, started = ROWS[name], time.process_time()
    method, sizes = bench.new_method(row.head, seed)
    label = f"{name}-{seed}"
    found: dict = {}
    if row.start is not None:
        method = bench.kept(f"{row.start}-{seed}", "pretrain")
    elif row.pretrain:
        method = bench.trained(method, sizes, row, label, "pretrain", seed)
        if "tagging" in row.pretrain:
            images = measure.encode(method, bench.test)
            found["pretrained"] = {"tagging": measure.tagging(method, images, bench.test)}
    method = bench.trained(method, sizes, row, label, "finetune", seed + 1000)
    found["train_cpu_s"] = time.process_time() - started
    found["finetuned"] = score(bench, method, row)
    found["cpu_s"] = time.process_time() - started
    if name == "with":
        found["control"] = measure.control(method, measure.encode(method, bench.test), bench.test)
    if label == "with-0":
        found["curve"] = threshold_curve(bench, method)
        found["tag_weights"] = tag_weights(bench, method)
    return found


def score(bench: Bench, method: Tag2TextMethod, row: Row) -> dict:
    """Everything a row can do on the test scenes."""
    images = measure.encode(method, bench.test)
    found: dict = {}
    if "tagging" in row.finetune:
        found["tagging"] = measure.tagging(method, images, bench.test)
    if "captioning" in row.finetune:
        texts = measure.caption_all(method, images, None if row.use_tags else [()] * len(images))
        found["captions"] = measure.captioning(texts, bench.test)
        found["examples"] = texts[:5]
    if "contrastive" in row.finetune:
        weight = 0.3 if row.use_tags else 0.0
        for match in (False, True):
            found[f"retrieval{'_matched' * match}"] = measure.retrieval(
                method, images, bench.test, tag_weight=weight, match=match
            )
        if weight:
            found["retrieval_no_tags"] = measure.retrieval(
                method, images, bench.test, tag_weight=0, match=False
            )
            found["retrieval_no_tags_matched"] = measure.retrieval(
                method, images, bench.test, tag_weight=0, match=True
            )
    if "answering" in row.finetune:
        found["answers"] = measure.answering(method, images, bench.test, use_tags=row.use_tags)
    return found


def threshold_curve(bench: Bench, method: Tag2TextMethod) -> list[dict]:
    """Figure 6: captions of the test scenes by the threshold of the guiding tags."""
    images, own = measure.encode(method, bench.test), method.choice
    rows = []
    for threshold in THRESHOLDS:
        method.choice = own.with_default(threshold)
        texts = measure.caption_all(method, images)
        rows.append({"threshold": threshold, **measure.captioning(texts, bench.test)})
    method.choice = own
    return rows


def tag_weights(bench: Bench, method: Tag2TextMethod) -> list[dict]:
    """Retrieval by the weight of matching tags, on held-out scenes: the default is chosen here, not on the test split."""
    images = measure.encode(method, bench.held_out)
    return [
        {"weight": w, **measure.retrieval(method, images, bench.held_out, tag_weight=w, match=False)}
        for w in TAG_WEIGHTS
    ]


def baselines(bench: Bench) -> dict:
    """Table 1: tags by CLIP similarity, thresholds calibrated on held-out scenes like ours."""
    from tagalign.methods.labels import embed_names

    texts = embed_names(bench.backbone, WORDS.names, ["a {}"])
    scaled = [
        torch.nn.functional.normalize(split.global_embeds, dim=-1) @ texts.T
        for split in (bench.held_out, bench.test)
    ]
    # cosines to [0, 1], so that the same calibration applies
    held, test = (0.5 + 0.5 * s for s in scaled)
    choice = TagChoice.of(len(WORDS), default=0.99).calibrated(held, bench.held_out.truth)
    return measure.tag_scores(test, test > choice.thresholds, bench.test)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for models, caches and results.json")
    parser.add_argument("--rows", default="", help="comma-separated rows such as with-0; all when left out")
    parser.add_argument("--train", type=int, default=1200, help="training scenes")
    parser.add_argument("--test", type=int, default=120, help="test scenes")
    parser.add_argument("--held-out", type=int, default=120, help="scenes for thresholds and weights")
    parser.add_argument(
        "--steps", type=int, nargs=2, default=(150, 250), help="of pre-training and fine-tuning"
    )
    parser.add_argument("--batch", type=int, default=16, help="images per step")
    args = parser.parse_args()
    torch.set_num_threads(1)
    wanted = args.rows.split(",") if args.rows else [
        *(f"{name}-{seed}" for seed in range(3) for name in THREE_SEEDS),
        *(f"{name}-0" for name in ROWS if name not in THREE_SEEDS),
    ]  # fmt: skip
    path = args.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    bench = Bench(
        args.out,
        train=args.train,
        test=args.test,
        held_out=args.held_out,
        steps=tuple(args.steps),
        batch=args.batch,
    )
    settings = {
        **{name: value for name, value in vars(args).items() if name not in ("out", "rows")},
        "weights": bench.backbone.weight_hash,
        "commit": git_commit(),
        "steps": list(args.steps),  # as JSON reads it back
    }
    known = results.setdefault("settings", settings)
    if known | {"commit": ""} != settings | {"commit": ""}:
        parser.error(f"{path} holds rows with other settings ({known}); give another folder")
    results.setdefault("clip", baselines(bench))
    for label in wanted:
        if label not in results:
            name, seed = label.rsplit("-", 1)
            results[label] = run_row(bench, name, int(seed))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"{label}: {results[label]['cpu_s']:.0f} s of one core, {memory:.1f} GB", flush=True)
            with atomic_write(path) as temp:
                temp.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
