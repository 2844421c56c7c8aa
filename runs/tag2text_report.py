"""Tag2Text's results as Markdown: python runs/tag2text_report.py RESULTS.json writes docs/results/tag2text.md and .json."""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs" / "results"
START, END = "<!-- tables -->", "<!-- end of tables -->"
Read = Callable[[dict[str, Any]], float]


def at(*path: str) -> Read:
    """A number inside of a row."""

    def read(row: dict[str, Any]) -> float:
        value: Any = row
        for name in path:
            value = value[name]
        return float(value)

    return read


TAGGING = {"mAP": "map", "precision": "precision", "recall": "recall"}
CAPTIONS = {
    "CIDEr": "cider",
    "BLEU-4": "bleu4",
    "tag precision": "tag_precision",
    "tag recall": "tag_recall",
    "words": "words",
}
RECALLS = {
    "text R@1": "text_recall@1",
    "text R@5": "text_recall@5",
    "image R@1": "image_recall@1",
    "image R@5": "image_recall@5",
}


def columns(names: dict[str, str], *path: str) -> dict[str, Read]:
    """Columns of one part of a row."""
    return {title: at(*path, key) for title, key in names.items()}


def seeds_of(results: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """All finished runs of a row."""
    return [results[f"{name}-{seed}"] for seed in range(3) if f"{name}-{seed}" in results]


def cell(values: Sequence[float]) -> str:
    """Mean ± standard deviation, or the value."""
    mean = statistics.fmean(values)
    return f"{mean:.1f} ± {statistics.stdev(values):.1f}" if len(values) > 1 else f"{mean:.1f}"


def table(rows: dict[str, tuple[Sequence[dict[str, Any]], dict[str, Read]]]) -> str:
    """One line per row; the columns of the first row are the heads. Rows that were not run are left out."""
    heads = list(next(iter(rows.values()))[1])
    lines = ["| row | " + " | ".join(heads) + " | seeds |", "|---" + "|--:" * (len(heads) + 1) + "|"]
    for name, (runs, reads) in rows.items():
        if runs:
            cells = [cell([reads[head](run) for run in runs]) if head in reads else "" for head in heads]
            lines.append(f"| {name} | " + " | ".join(cells) + f" | {len(runs)} |")
    return "\n".join(lines)


def render(results: dict[str, Any]) -> str:
    """All tables."""
    row = lambda name: seeds_of(results, name)  # noqa: E731
    fine = columns(TAGGING, "finetuned", "tagging")
    start = columns(TAGGING, "pretrained", "tagging")
    said = {
        "precision": at("finetuned", "captions", "tag_precision"),
        "recall": at("finetuned", "captions", "tag_recall"),
    }
    texts = columns(CAPTIONS, "finetuned", "captions")
    both = {**texts, **columns(RECALLS, "finetuned", "retrieval_matched")}
    plain = {**texts, **columns(RECALLS, "finetuned", "retrieval_no_tags_matched")}
    answers = {
        "exact": at("finetuned", "answers", "exact"),
        "VQA accuracy": at("finetuned", "answers", "vqa_accuracy"),
    }
    clip = [results["clip"]] if "clip" in results else []
    sections = {
        "Table 1: tags": table({
            "CLIP similarity, thresholds from held-out scenes": (clip, columns(TAGGING)),
            "words of the captions of a model without tags": (row("without"), said),
            "words of Tag2Text's own captions": (row("with"), said),
            "Tag2Text": (row("with"), fine),
        } if clip else {"Tag2Text": (row("with"), fine)}),
        "Table 4: with and without tag guidance": table({
            "with tags": (row("with"), both),
            "with tags, not weighed in retrieval": (row("with"), plain),
            "without tags": (row("without"), both),
        }),
        "Table 5: tagging alone, several tasks, pre-training, fine-tuning, data": table({
            "tagging alone, pre-trained": (row("tagging-alone"), start),
            "tagging alone, pre-trained and fine-tuned": (row("tagging-alone"), fine),
            "all tasks, pre-trained": (row("with"), start),
            "all tasks, fine-tuned without pre-training": (row("no-pretraining"), fine),
            "all tasks, pre-trained and fine-tuned": (row("with"), fine),
            "the same on a quarter of the scenes": (row("quarter-data"), fine),
        }),
        "Table 11: recognition head": table({
            "one linear layer": (row("head-linear"), {**fine, **texts}),
            "recognition decoder": (row("head-own"), {**fine, **texts}),
            "recognition decoder, layers shared": (row("with"), {**fine, **texts}),
        }),
        "Fine-tuning strategies": table({
            "parsed tags": (row("parsed"), texts),
            "recognised tags": (row("recognised"), texts),
            "half and half": (row("with"), texts),
        }),
        "Figure 6: threshold of the guiding tags": curve(row("with")[:1]),
        "Weight of matching tags (held-out scenes, embeddings alone; the default was chosen here)": weights(row("with")[:1]),
        "Matching tags in retrieval (test scenes)": table({
            "embeddings": (row("with"), columns(RECALLS, "finetuned", "retrieval_no_tags")),
            "embeddings and tags": (row("with"), columns(RECALLS, "finetuned", "retrieval")),
            "embeddings, then matching": (row("with"), columns(RECALLS, "finetuned", "retrieval_no_tags_matched")),
            "embeddings and tags, then matching": (row("with"), columns(RECALLS, "finetuned", "retrieval_matched")),
        }),
        "Questions": table({
            "with tags": (row("answers-with-tags"), answers),
            "without tags": (row("answers-without-tags"), answers),
        }),
        "Control: a caption told to name one more object": table({
            "it is in the scene": (row("with"), {"named": at("control", "present"), "cases": at("control", "cases")}),
            "it is not in the scene": (row("with"), {"named": at("control", "absent"), "cases": at("control", "cases")}),
        }),
    }  # fmt: skip
    return head(results) + "\n\n" + "\n\n".join(f"## {title}\n\n{body}" for title, body in sections.items())


def curve(runs: Sequence[dict[str, Any]]) -> str:
    """Captions by threshold."""
    lines = ["| threshold | " + " | ".join(CAPTIONS) + " |", "|--:" * (len(CAPTIONS) + 1) + "|"]
    for point in (p for run in runs for p in run["curve"]):
        lines.append(
            f"| {point['threshold']} | " + " | ".join(f"{point[k]:.1f}" for k in CAPTIONS.values()) + " |"
        )
    return "\n".join(lines)


def weights(runs: Sequence[dict[str, Any]]) -> str:
    """Recalls by weight."""
    lines = ["| weight | " + " | ".join(RECALLS) + " |", "|--:" * (len(RECALLS) + 1) + "|"]
    for point in (p for run in runs for p in run["tag_weights"]):
        lines.append(
            f"| {point['weight']} | " + " | ".join(f"{point[k]:.1f}" for k in RECALLS.values()) + " |"
        )
    return "\n".join(lines)


def head(results: dict[str, Any]) -> str:
    """What everything below has in common."""
    s = results["settings"]
    minutes = (
        sum(run["cpu_s"] for name, run in results.items() if isinstance(run, dict) and "cpu_s" in run) / 60
    )
    return (
        f"Tiny CLIP weights `{s['weights']}`, commit `{s['commit']}`, profile `fixed`; {s['train']} training scenes, "
        f"{s['steps'][0]} steps of {s['batch']} on alt text and {s['steps'][1]} on captions, {s['test']} test scenes, "
        f"{s['held_out']} for thresholds; {minutes:.0f} CPU-minutes for all of it. Percent; mean ± standard deviation "
        "over seeds of weights and order where there are several. mAP over the tags that occur; precision and recall over "
        "all decisions; retrieval over the first caption of each test scene."
    )


def write_page(results: dict[str, Any]) -> None:
    """Put the tables between the marks of the page, after the text that a person wrote."""
    DOCS.mkdir(parents=True, exist_ok=True)
    (DOCS / "tag2text.json").write_text(json.dumps(results, indent=1) + "\n")
    path = DOCS / "tag2text.md"
    text = path.read_text() if path.exists() else f"# Tag2Text on the tiny world\n\n{START}\n{END}\n"
    before, _, rest = text.partition(START)
    path.write_text(f"{before}{START}\n{render(results)}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="results.json of runs/tag2text_tables.py")
    write_page(json.loads(parser.parse_args().results.read_text()))
