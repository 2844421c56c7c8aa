"""What the paper's tables say of two rows, and whether our numbers agree; gains are paired by the seed of the scenes."""

from dataclasses import dataclass, field
from typing import Any

from tagalign.experiments.head.report import interval, shown


@dataclass(frozen=True)
class Direction:
    """One row of a table above another.

    Attributes:
        table: key of the table.
        called: as the paper calls it; empty for a table of ours.
        says: the direction as a sentence.
        better: row.
        worse: row.
        metric: column of both, or of ``better`` and ``worse`` each where a table has its rows as columns.
        paper: whose direction it is.
        main: whether it stands in the summary of docs/results.md.
        reasons: by encoder, why it fails, as measured.
    """

    table: str
    called: str
    says: str
    better: str
    worse: str
    metric: str
    paper: str = "TagCLIP"
    main: bool = False
    reasons: dict[str, str] = field(default_factory=dict)

    def pairs(self, tables: dict[str, Any]) -> list[tuple[float, float]]:
        """Both numbers of every seed."""
        rows = tables[self.table]["rows"]
        return [(seed[self.better][self.metric], seed[self.worse][self.metric]) for seed in rows]


LOCAL = (
    "patches of `tiny` are local already: its last self-attention gives 19 % to patches beyond the neighbours"
)
WHOLE = (
    "the last self-attention brings the whole picture into every patch (77 % to far patches), and a best patch that knows "
    "the whole picture tags better; the class token alone has {token:.0f} mAP (Table 2)"
)
WEAK = (
    "patches of `tiny-plain` seldom name their own object (21.7 % with `maskclip`): coarse scores start at {coarse:.0f} "
    "mAP, the class token at {token:.0f}; both steps gain {gained:.0f}"
)
TAGS = "its tags are at fault (F1 {f1:.0f}): with the true ones it has {true:.1f}"
"""Of what is in braces, see ``measured``."""
SKIPPED = {"tiny": LOCAL}
DIRECTIONS = (
    Direction(
        "table1", "Table 1", "skipping the last self-attention raises mAP", "skipped", "kept", "mAP",
        reasons={"tiny": LOCAL, "tiny-plain": WHOLE}, main=True,
    ),
    Direction(
        "table1", "Table 1", "skipping the last self-attention raises mIoU", "skipped", "kept", "mIoU", reasons=SKIPPED,
    ),
    Direction("table2", "Table 2", "a softmax raises CLIP's mAP", "CLIP", "CLIP without softmax", "mAP"),
    Direction(
        "table2", "Table 2", "TagCLIP tags better than CLIP", "TagCLIP", "CLIP", "mAP",
        reasons={"tiny-plain": WEAK}, main=True,
    ),
    Direction(
        "table2", "Table 2", "TagCLIP tags better than CLIP Surgery", "TagCLIP", "surgery, best patch", "mAP",
        reasons={"tiny-plain": WEAK},
    ),
    Direction("table4", "Table 4", "CWR raises the mAP of coarse scores", "coarse + CWR", "coarse", "mAP", main=True),
    Direction("table4", "Table 4", "DMAR raises the mAP of coarse scores", "coarse + DMAR", "coarse", "mAP", main=True),
    Direction("table4", "Table 4", "CWR raises mAP after DMAR", "coarse + DMAR + CWR", "coarse + DMAR", "mAP"),
    Direction("table4", "Table 4", "DMAR raises mAP before CWR", "coarse + DMAR + CWR", "coarse + CWR", "mAP"),
    Direction("table4", "Table 4", "both raise mIoU", "coarse + DMAR + CWR", "coarse", "mIoU objects", main=True),
    Direction(
        "table4", "Table 4", "both raise mIoU where thresholds are calibrated",
        "coarse + DMAR + CWR", "coarse", "mIoU objects, calibrated",
    ),
    Direction("tableS1", "Table S1", "background words raise mAP", "on", "off", "mAP"),
    Direction(
        "table3", "Table 3", "CLS-SEG segments better than MaskCLIP",
        "CLS-SEG, calibrated tags", "maskclip", "mIoU objects", paper="CLS-SEG", main=True,
    ),
    Direction(
        "table3", "Table 3", "CLS-SEG segments better than CLIP Surgery",
        "CLS-SEG, calibrated tags", "surgery", "mIoU objects", paper="CLS-SEG", main=True,
        reasons={"tiny-plain": TAGS},
    ),
    Direction(
        "table3crf", "Table 3", "a CRF raises CLS-SEG",
        "CLS-SEG, calibrated tags, crf", "CLS-SEG, calibrated tags, none", "mIoU objects", paper="CLS-SEG",
    ),
    Direction(
        "groups", "", "with groups a kind and its family are tagged together more often",
        "two groups", "one softmax", "kind and its family both tagged",
    ),
    Direction(
        "thresholds", "", "thresholds per label raise F1 over the relative one",
        "per label, calibrated", "relative:0.5", "f1",
    ),
)  # fmt: skip


def found(direction: Direction, tables: dict[str, Any]) -> tuple[bool, str, str] | None:
    """Whether it holds, both means and the gain; None if the table is not measured."""
    if direction.table not in tables:
        return None
    pairs = direction.pairs(tables)
    gains = [better - worse for better, worse in pairs]
    mean, half = interval(gains)
    better, worse = (sum(side) / len(side) for side in zip(*pairs, strict=True))
    return mean > (half or 0.0), f"{worse:.1f} to {better:.1f} {direction.metric}", shown(gains, sign=True)


def reason(direction: Direction, encoder: str, tables: dict[str, Any]) -> str:
    """Of a failure."""
    gains = [better - worse for better, worse in direction.pairs(tables)]
    mean, half = interval(gains)
    within = half is not None and abs(mean) <= half
    plain = "within the spread of seeds" if within else "below; why is not measured"
    return direction.reasons.get(encoder, plain).format(**measured(tables))


def measured(tables: dict[str, Any]) -> dict[str, float]:
    """Numbers that reasons speak of, means over seeds."""

    def mean(table: str, row: str, metric: str) -> float:
        rows = tables[table]["rows"] if table in tables else []
        return sum(seed[row][metric] for seed in rows) / len(rows) if rows else float("nan")

    coarse = mean("table4", "coarse", "mAP")
    return {
        "coarse": coarse,
        "gained": mean("table4", "coarse + DMAR + CWR", "mAP") - coarse,
        "token": mean("table2", "CLIP", "mAP"),
        "f1": mean("table4", "coarse + DMAR + CWR", "f1, calibrated"),
        "true": mean("table3", "CLS-SEG, true tags", "mIoU objects"),
    }


def claims(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The paper's directions, in the form that the page of all results reads."""
    listed = []
    for direction in DIRECTIONS:
        for encoder, values in report["encoders"].items():
            one = found(direction, values["tables"])
            if one is None or not direction.called:
                continue
            holds, ours, gain = one
            listed.append(
                {
                    "paper": direction.paper,
                    "table": direction.called,
                    "direction": direction.says,
                    "verdict": "holds" if holds else "fails",
                    "ours": ours,
                    "interval": gain,
                    "seeds": len(values["tables"][direction.table]["rows"]),
                    "reason": "" if holds else reason(direction, encoder, values["tables"]),
                    "link": "tagclip.md",
                    "encoder": encoder,
                    "main": direction.main,
                }
            )
    return listed
