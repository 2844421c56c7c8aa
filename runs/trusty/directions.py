"""What Table 1 of TrustyCLIP's paper says of two rows, and whether our numbers agree; paired by seed."""

from dataclasses import dataclass
from typing import Any

from tagalign.experiments.head.report import interval, shown

FROZEN = "frozen"
COSINE = ", starts at the cosine"
BELOW_HALF = (
    "the map's probability of no seen class stays below one half on unseen objects, so Eq. 12 favours seen ones (measured "
    "with the first recipe: trusty.md)"
)
METRICS = {"seen": "mIoU(S)", "unseen": "mIoU(U)", "hiou": "hIoU"}


@dataclass(frozen=True)
class Direction:
    """One row above another; a way is ``plain`` or ``weighted``."""

    says: str
    better: str
    worse: str
    metric: str
    ways: tuple[str, str] = ("plain", "plain")
    table: str = "Table 1"
    why: str = "below; why is not measured"

    def pairs(self, report: dict[str, Any]) -> list[tuple[float, float]]:
        """Both numbers of every seed that both rows have."""
        above, below = (
            by_seed(report, row, way) for row, way in zip((self.better, self.worse), self.ways, strict=True)
        )
        if self.worse == FROZEN and above:
            below = dict.fromkeys(above, report["frozen"]["plain"])
        return [
            (above[seed][self.metric], below[seed][self.metric])
            for seed in sorted(above.keys() & below.keys())
        ]


def by_seed(report: dict[str, Any], row: str, way: str) -> dict[int, dict[str, Any]]:
    """Scores of a row."""
    return {run["seed"]: run["scores"][way] for run in report["rows"].get(row, ())}


def directions() -> list[Direction]:
    """The frozen row first, then part by part, for both starts of the head."""
    found = []
    for words, start in (("", ""), (" (head that starts at the cosine)", COSINE)):
        base, token, learner = (
            f"{row}{start}" for row in ("(a) baseline", "(b) token, no learner", "(c) learner on T^")
        )
        found += [
            Direction(
                f"the trained baseline is above the frozen encoder in {METRICS[m]}{words}", base, FROZEN, m
            )
            for m in METRICS
        ]
        found += [
            Direction(f"a token without learner costs the unseen classes{words}", base, token, "unseen"),
            Direction(f"token and learner raise the unseen classes over the baseline{words}", learner, base, "unseen"),
            Direction(f"token and learner raise the seen classes over the baseline{words}", learner, base, "seen"),
            Direction(
                f"weighing with the trusty map raises the unseen classes{words}",
                learner, learner, "unseen", ("weighted", "plain"), why=BELOW_HALF,
            ),
        ]  # fmt: skip
    after = f"Fig. 4: joined after the attention{COSINE}"
    joined = Direction(
        "joining the text before the attention is better for unseen classes than after",
        f"(c) learner on T^{COSINE}", after, "unseen", table="Fig. 4",
    )  # fmt: skip
    return [*found, joined]


def claims(report: dict[str, Any]) -> list[dict[str, Any]]:
    """In the form that the page of all results reads; what is not measured is left out."""
    listed = []
    for direction in directions():
        pairs = direction.pairs(report)
        if not pairs:
            continue
        gains = [better - worse for better, worse in pairs]
        mean, half = interval(gains)
        holds = mean > (half or 0.0)
        better, worse = (sum(side) / len(side) for side in zip(*pairs, strict=True))
        within = half is not None and abs(mean) <= half
        plain = "within the spread of seeds" if within else direction.why
        listed.append(
            {
                "paper": "TrustyCLIP",
                "table": direction.table,
                "direction": direction.says,
                "verdict": "holds" if holds else "fails",
                "ours": f"{worse:.1f} to {better:.1f} {METRICS[direction.metric]}",
                "interval": shown(gains, sign=True) if len(gains) > 1 else "",
                "seeds": len(pairs),
                "reason": "" if holds else plain,
                "link": "trusty-fair.md",
                "encoder": report["settings"]["backbone"],
            }
        )
    return listed
