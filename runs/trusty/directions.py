"""What Table 1 of TrustyCLIP's paper says of two rows, and whether our numbers agree; paired by seed."""

from dataclasses import dataclass
from typing import Any

from tagalign.experiments.head.report import interval, shown

FROZEN = "frozen"
COSINE = ", starts at the cosine"
LEARNER = f"(c) learner on T^{COSINE}"
UNKNOWN = "below; why is not measured"
RANDOM = "a head from random weights has not found CLIP's cosine again"
SHORT = 200
"""Steps of the tables that have every row; claims of longer trainings name theirs."""
LONG = 1000
"""Steps of the longer trainings, which a failure of the short ones is held against."""
WEIGHED = "weighing with the trusty map raises the unseen classes"
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
    why: str = UNKNOWN
    main: bool = False

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
    """The frozen row first, then part by part where the head starts at the cosine."""
    base, token = f"(a) baseline{COSINE}", f"(b) token, no learner{COSINE}"
    found = [
        Direction(
            f"the trained baseline is above the frozen encoder in {METRICS[m]}",
            base,
            FROZEN,
            m,
            main=m == "hiou",
        )
        for m in METRICS
    ]
    found += [
        Direction(
            "the trained baseline is above the frozen encoder in hIoU (head from random weights, as the paper's)",
            "(a) baseline", FROZEN, "hiou", why=RANDOM,
        ),
        Direction("a token without learner costs the unseen classes", base, token, "unseen"),
        Direction("token and learner raise the unseen classes over the baseline", LEARNER, base, "unseen", main=True),
        Direction("token and learner raise the seen classes over the baseline", LEARNER, base, "seen"),
        Direction(WEIGHED, LEARNER, LEARNER, "unseen", ("weighted", "plain"), main=True),
    ]  # fmt: skip
    after = f"Fig. 4: joined after the attention{COSINE}"
    joined = Direction(
        "joining the text before the attention is better for unseen classes than after",
        LEARNER, after, "unseen", table="Fig. 4", main=True,
    )  # fmt: skip
    paper = LEARNER.replace(COSINE, f", target paper{COSINE}")
    both = Direction(
        f"{WEIGHED} (target `paper`)", paper, paper, "unseen", ("weighted", "plain"),
    )  # fmt: skip
    return [*found, both, joined]


def reason(direction: Direction, report: dict[str, Any], mean: float, half: float | None) -> str:
    """Of a failure: what the trusty map says where it weighs, the spread of seeds, or what a longer training says."""
    if direction.says.startswith(WEIGHED) and (found := map_of(report, direction.better)):
        unseen, seen, area = (found[key] for key in ("u on unseen", "u on seen", "area under ROC"))
        return (
            f"the map says no seen class with {unseen:.0f} % on unseen objects, {seen:.0f} % on seen ones (area under the "
            f"ROC curve {area:.0f}), and Eq. 12 favours seen classes wherever it is below one half; {lifted(found)}"
        )
    if direction.why == RANDOM:
        runs = by_seed(report, direction.better, "plain").values()
        reached = sum(run["seen"] for run in runs) / len(runs)
        return (
            f"after {report['settings']['steps']} steps {RANDOM}: {reached:.0f} on seen classes, where it has "
            f"{report['frozen']['plain']['seen']:.0f}; after 3,000: trusty.md"
        )
    if half is not None and abs(mean) <= half:
        return "within the spread of seeds"
    if direction.worse == FROZEN and (later := report.get("later", {}).get(direction.says)):
        return (
            f"{report['settings']['steps']} steps are few: after {LONG} {later['ours']}, {later['interval']}"
        )
    return "one seed" if half is None and abs(mean) < 1 else direction.why


def map_of(report: dict[str, Any], row: str) -> dict[str, Any] | None:
    """What the trusty map of a row was seen to say, if it was looked at."""
    return next((run["map"] for run in report["rows"].get(row, ()) if "map" in run), None)


def lifted(found: dict[str, Any]) -> str:
    """What is left of the loss where the map's logits are raised."""
    best = max(found["shifts"], key=lambda shift: found["shifts"][shift]["weighted"]["hiou"])
    plain, as_is, raised = (
        found["shifts"][shift][way] for shift, way in (("0", "plain"), ("0", "weighted"), (best, "weighted"))
    )
    raised_by = f"raised by {best}, the best of {len(found['shifts'])} for hIoU,"
    words = raised_by if best != "0" else "raising it does not help:"
    return (
        f"on validation scenes {words} {raised['unseen']:.0f} unseen and {raised['seen']:.0f} seen, as it is "
        f"{as_is['unseen']:.0f} and {as_is['seen']:.0f}, without it {plain['unseen']:.0f} and {plain['seen']:.0f}"
    )


def best_input(report: dict[str, Any], link: str) -> list[dict[str, Any]]:
    """Table 1 (c): the relation against the best of the other inputs, paired by seed.

    The best of twelve is chosen by the numbers that it is then compared by, so that a tie already speaks for the relation.
    """
    own = {seed: scores["unseen"] for seed, scores in by_seed(report, LEARNER, "plain").items()}
    gains = {
        name.removesuffix(COSINE).removeprefix("(c) learner on "): [
            own[seed] - scores["unseen"]
            for seed, scores in sorted(by_seed(report, name, "plain").items())
            if seed in own
        ]
        for name in report["rows"]
        if name.startswith("(c) learner on ") and name.endswith(COSINE) and "T^" not in name
    }
    gains = {name: found for name, found in gains.items() if found}
    if not gains:
        return []
    best = min(gains, key=lambda name: sum(gains[name]) / len(gains[name]))
    mean, half = interval(gains[best])
    mine = sum(own.values()) / len(own)
    above = sum(sum(found) > 0 for found in gains.values())
    # without an interval, less than a point tells nothing
    holds = mean > (1.0 if half is None else half)
    return [
        {
            "paper": "TrustyCLIP", "table": "Table 1",
            "direction": f"of {len(gains) + 1} inputs of the learner T^ is the best (unseen)",
            "verdict": "holds" if holds else "fails",
            "ours": f"{mine - mean:.1f} to {mine:.1f} mIoU(U), {above} of {len(gains)} below",
            "interval": shown(gains[best], sign=True) if half is not None else "",
            "seeds": len(gains[best]),
            "reason": "" if holds else f"above {above} of {len(gains)} others; best is {best}", "link": link,
            "encoder": report["settings"]["backbone"], "main": True,
        }
    ]  # fmt: skip


def claims(report: dict[str, Any], link: str) -> list[dict[str, Any]]:
    """In the form that the page of all results reads, with a link to the table; what is not measured is left out."""
    listed = []
    steps = report["settings"]["steps"]
    after = "" if steps == SHORT else f", after {steps} steps"
    for direction in directions():
        pairs = direction.pairs(report)
        if not pairs:
            continue
        gains = [better - worse for better, worse in pairs]
        mean, half = interval(gains)
        holds = mean > (half or 0.0)
        better, worse = (sum(side) / len(side) for side in zip(*pairs, strict=True))
        listed.append(
            {
                "paper": "TrustyCLIP",
                "table": direction.table,
                "direction": f"{direction.says}{after}",
                "verdict": "holds" if holds else "fails",
                "ours": f"{worse:.1f} to {better:.1f} {METRICS[direction.metric]}",
                "interval": shown(gains, sign=True) if len(gains) > 1 else "",
                "seeds": len(pairs),
                "reason": "" if holds else reason(direction, report, mean, half),
                "link": link,
                "encoder": report["settings"]["backbone"],
                # the summary is short: of longer trainings it says what they change
                "main": direction.main and (steps == SHORT or direction.worse == FROZEN),
            }
        )
    return listed + best_input(report, link)
