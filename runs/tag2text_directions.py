"""What Tag2Text's paper says of its tables, whether our numbers agree, and the page that says so."""

from collections.abc import Callable
from typing import Any

from tagalign.experiments.head.report import interval, shown

LINK = "tag2text-fair.md"
CURVE = {
    "guide precision": "precision", "guide recall": "recall", "tags": "tags", "CIDEr": "cider",
    "caption precision": "tag_precision", "caption recall": "tag_recall", "words": "words",
}  # fmt: skip
RETRIEVAL = ("text_recall@1", "text_recall@5", "image_recall@1", "image_recall@5")
SURE = "a caption names only what is surest: its recall is 37 where the tagger has 88"


def best_threshold(found: dict[str, Any]) -> float:
    """Of the highest CIDEr on the scenes kept aside."""
    return max(found["kept aside"]["curve"], key=lambda row: row["cider"])["threshold"]


def tests(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Numbers of each set of test scenes."""
    return [found[f"test {seed}"] for seed in found["settings"]["seeds"]]


def claim(
    table: str,
    says: str,
    pairs: list[tuple[float, float]],
    unit: str,
    *,
    link: str = LINK,
    why: str = "below; why is not measured",
    main: bool = False,
) -> dict[str, Any]:
    """The first of each pair should be the higher."""
    gains = [better - worse for better, worse in pairs]
    mean, half = interval(gains)
    holds = mean > (half or 0.0)
    better, worse = (sum(side) / len(side) for side in zip(*pairs, strict=True))
    within = half is not None and abs(mean) <= half
    return {
        "paper": "Tag2Text",
        "table": table,
        "direction": says,
        "verdict": "holds" if holds else "fails",
        "ours": f"{worse:.1f} to {better:.1f} {unit}",
        "interval": shown(gains, sign=True) if len(gains) > 1 else "",
        "seeds": len(pairs),
        "reason": "" if holds else ("within the spread of seeds" if within else why),
        "link": link,
        "encoder": "tiny",
        "main": main,
    }


def claims(found: dict[str, Any], trained: dict[str, Any]) -> list[dict[str, Any]]:
    """Directions of Figure 6 and of retrieval on the packaged model, and of the tables with trainings."""
    best, thresholds = best_threshold(found), found["settings"]["thresholds"]
    first, last = thresholds[0], thresholds[-1]

    def cider(at: float) -> list[float]:
        return [next(r["cider"] for r in one["curve"] if r["threshold"] == at) for one in tests(found)]

    def recall(row: str, key: str) -> list[float]:
        return [one["retrieval"][row][key] for one in tests(found)]

    both = "embeddings and tags, then matching"
    listed = [
        claim("Figure 6", "captions get worse where the precision of the guiding tags is low",
              list(zip(cider(best), cider(first), strict=True)), f"CIDEr (threshold {first:g} to {best:g})", main=True),
        claim("Figure 6", "captions get worse where the recall of the guiding tags is low",
              list(zip(cider(best), cider(last), strict=True)), f"CIDEr (threshold {last:g} to {best:g})", main=True),
    ]  # fmt: skip
    for key, unit in (("text_recall@1", "text R@1"), ("image_recall@1", "image R@1")):
        for says, better, worse in (
            ("matching tags raise retrieval", "embeddings and tags", "embeddings"),
            (
                "ranking the first again by the matching head raises retrieval with tags",
                both,
                "embeddings and tags",
            ),
        ):
            pairs = list(zip(recall(better, key), recall(worse, key), strict=True))
            listed.append(claim("Table 4", f"{says} ({unit})", pairs, unit))
    return [*listed, *trained_claims(trained)]


def trained_claims(trained: dict[str, Any]) -> list[dict[str, Any]]:
    """Of rows that were trained with three seeds."""
    link = "tag2text.md"

    def pairs(better: str, worse: str, read: Callable[[dict[str, Any]], float]) -> list[tuple[float, float]]:
        seeds = [seed for seed in range(3) if f"{better}-{seed}" in trained and f"{worse}-{seed}" in trained]
        return [(read(trained[f"{better}-{seed}"]), read(trained[f"{worse}-{seed}"])) for seed in seeds]

    tagged = [trained[f"with-{seed}"]["finetuned"] for seed in range(3)]
    return [
        claim("Table 1", "the tagger's mAP is above that of CLIP's similarity",
              [(one["tagging"]["map"], trained["clip"]["map"]) for one in tagged], "mAP", link=link, main=True),
        claim("Table 1", "the tagger's recall is above that of the words of its captions",
              [(one["tagging"]["recall"], one["captions"]["tag_recall"]) for one in tagged], "recall", link=link),
        claim("Table 1", "the tagger's precision is above that of the words of its captions",
              [(one["tagging"]["precision"], one["captions"]["tag_precision"]) for one in tagged],
              "precision", link=link, why=SURE),
        claim("Table 4", "guidance by tags makes better captions",
              pairs("with", "without", lambda row: row["finetuned"]["captions"]["cider"]), "CIDEr", link=link, main=True),
        claim("Table 4", "guidance by tags makes retrieval better (text R@1, tags weighed in, matched)",
              pairs("with", "without", lambda row: row["finetuned"]["retrieval_matched"]["text_recall@1"]),
              "text R@1", link=link, main=True),
    ]  # fmt: skip


def render(found: dict[str, Any]) -> str:
    """The page."""
    settings = found["settings"]
    lines = [
        "# Tag2Text: Figure 6 and retrieval, a fair test",
        "",
        "`python runs/tag2text_fair.py`; nothing here was measured on photos, and no published number is claimed. The",
        f"packaged model on `tiny` (weights `{settings['weights']}`), {settings['scenes']} test scenes of each of "
        f"{len(settings['seeds'])} seeds; mean ± half of the 95 % interval over these.",
        "",
        "## Figure 6: the threshold of the guiding tags",
        "",
        "The paper says that captioning **declines when precision or recall of tagging is low**: one curve with a hill in",
        "it. `guide` is what the guiding tags are worth, `caption` what the words of the captions are. At most 40 word",
        "pieces of tags are read, so that the lowest thresholds differ less than their tags do.",
        "",
        f"| threshold | {' | '.join(CURVE)} |",
        f"|--:|{'--:|' * len(CURVE)}",
    ]
    for place, threshold in enumerate(settings["thresholds"]):
        rows = [one["curve"][place] for one in tests(found)]
        cells = [shown([row[key] for row in rows]) for key in CURVE.values()]
        lines.append(f"| {threshold:g} | {' | '.join(cells)} |")
    lines += ["", f"Best on {settings['kept_aside']} scenes kept aside: {best_threshold(found):g}.", ""]
    lines += ["## Retrieval", "", f"| scores | {' | '.join(RETRIEVAL)} |", f"|---|{'--:|' * len(RETRIEVAL)}"]
    for name in tests(found)[0]["retrieval"]:
        cells = [shown([one["retrieval"][name][key] for one in tests(found)]) for key in RETRIEVAL]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "## Directions", ""]
    for one in found["claims"]:
        numbers = ", ".join(part for part in (one["ours"], one["interval"], one["reason"]) if part)
        lines.append(
            f"- {one['table']}, {one['direction']}: **{one['verdict']}** ({numbers}; seeds: {one['seeds']})"
        )
    return "\n".join(lines) + "\n"
