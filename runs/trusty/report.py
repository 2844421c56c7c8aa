"""TrustyCLIP's results as Markdown: the tables of the paper, and bars of the unseen classes."""

from collections.abc import Sequence
from typing import Any

from rows import mean_std

COLUMNS = {"pAcc": "pacc", "mIoU(S)": "seen", "mIoU(U)": "unseen", "hIoU": "hiou"}
CROSS = {"pAcc": "pacc", "mIoU": "miou", "mAcc": "macc"}
BAR = 25


def render(results: dict[str, Any]) -> str:
    """All tables."""
    ablation = results["ablation"]
    ours, ours_paper, base = (ablation[n] for n in (
        "(c) learner on T^ = [T*H, T]", "(c) learner on T^, target paper", "(a) baseline: no token, no learner"
    ))  # fmt: skip
    table1 = {name: rows_of(runs, "plain") for name, runs in ablation.items()}
    table1["(b), with weighted map"] = rows_of(ablation["(b) token, no learner"], "weighted")
    table1["(d) as (c) on T^, with weighted map"] = rows_of(ours, "weighted")
    table1["(d), target paper"] = rows_of(ours_paper, "weighted")
    for target, runs in results["dice"].items():
        table1[f"(d), target {target}, dice loss of Eq. 10"] = rows_of(runs, "weighted")
    table2 = {
        "baseline, objects": rows_of(base, "plain"),
        "TrustyCLIP strict, objects": rows_of(ours, "weighted"),
        "TrustyCLIP paper, objects": rows_of(ours_paper, "weighted"),
        "baseline, all classes": rows_of(results["all"]["baseline"], "plain"),
        "TrustyCLIP, all classes": rows_of(results["all"]["TrustyCLIP"], "weighted"),
        "TrustyCLIP without weighted map, all classes": rows_of(results["all"]["TrustyCLIP"], "plain"),
    }
    table3 = {name: [run["scores"]["cross"] for run in runs] for name, runs in results["all"].items()}
    table4 = {
        "TrustyCLIP strict, no ST": rows_of(ours, "weighted"),
        "TrustyCLIP paper, no ST": rows_of(ours_paper, "weighted"),
        "TrustyCLIP strict, no ST, without weighted map": rows_of(ours, "plain"),
        "TrustyCLIP, no ST, all classes, without weighted map": rows_of(
            results["all"]["TrustyCLIP"], "plain"
        ),
        **{name: rows_of(runs, "plain") for name, runs in results["transductive"].items()},
    }
    table5 = {name: rows_of(runs, "plain") for name, runs in results["supervised"].items()}
    ignored = {
        "masked: not counted (all other tables)": rows_of(ours[:1], "weighted"),
        "released: negatives": rows_of(results["ignored"]["released"], "weighted"),
    }
    deep = {
        f"{name}, {way}": rows_of(runs, way)
        for name, runs in results["prompted"].items()
        for way in ways(runs)
    }
    sections = {
        "## Table 1: parts (objects, background ignored)": table(table1, COLUMNS)
        + "\n\n"
        + verdict(base, ours),
        "## Table 2: inductive": table(table2, COLUMNS),
        "## Table 3: cross-dataset (trained on `all`, tested on the other palette, six new backgrounds)": table(
            table3, CROSS
        ),
        "## Table 4: transductive": table(table4, COLUMNS),
        "## Table 5: supervised": table(table5, COLUMNS),
        "## Figure 5: weight of the trusty loss (first seed, weighted map)": gamma_table(results["gamma"]),
        "## Figure 6: unseen classes": bars(
            {
                "baseline": rows_of(base, "plain"),
                "TrustyCLIP, not weighted": rows_of(ours, "plain"),
                "TrustyCLIP strict": rows_of(ours, "weighted"),
                "TrustyCLIP paper": rows_of(ours_paper, "weighted"),
            }
        ),
        "## Ignored pixels (first seed, weighted map)": table(ignored, COLUMNS),
        "## With 10 prompts per block": table(deep, COLUMNS),
    }
    return head(results) + "\n\n" + "\n\n".join(f"{title}\n\n{body}" for title, body in sections.items())


def head(results: dict[str, Any]) -> str:
    """What everything below has in common."""
    cpu = sum(run["cpu_s"] for run in _runs(results)) / 60
    return (
        f"Tiny CLIP weights `{results['weights']}`, commit `{results['commit']}`, "
        f"profile `{results['settings']['profile']}`, seeds {', '.join(map(str, results['seeds']))}; "
        f"{cpu:.0f} CPU-minutes for everything below. Percent; mean ± standard deviation over seeds where there are several."
    )


def _runs(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Every training once, though some stand in several tables."""
    found: dict[str, dict[str, Any]] = {}
    groups = [
        v
        for k in ("ablation", "all", "transductive", "supervised", "ignored", "dice", "prompted")
        for v in results[k].values()
    ]
    groups += [runs for curve in results["gamma"].values() for runs in curve.values()]
    for runs in groups:
        for run in runs:
            found[repr((run["row"], run["seed"], run["settings"]))] = run
    return list(found.values())


def ways(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Ways in which a row was scored."""
    return [way for way in ("plain", "weighted") if runs and runs[0]["scores"][way]]


def verdict(base: Sequence[dict[str, Any]], ours: Sequence[dict[str, Any]]) -> str:
    """Whether the final row is above the baseline on unseen classes, in mean."""
    start, plain, weighted = (
        mean_std([s["unseen"] for s in rows_of(runs, way)])[0]
        for runs, way in ((base, "plain"), (ours, "plain"), (ours, "weighted"))
    )
    lines = [
        f"- {name}, the unseen classes gain over (a) in mean: **{'holds' if value > start else 'fails'}** "
        f"({start:.1f} to {value:.1f})"
        for name, value in (("learner on T^ without weighting", plain), ("with weighted map", weighted))
    ]
    return "\n".join(lines)


def rows_of(runs: Sequence[dict[str, Any]], way: str) -> list[dict[str, Any]]:
    """Scores of all seeds of a row."""
    return [run["scores"][way] for run in runs]


def table(rows: dict[str, list[dict[str, Any]]], columns: dict[str, str]) -> str:
    """Mean ± standard deviation per row."""
    lines = ["| row | " + " | ".join(columns) + " | seeds |", "|---" + "|--:" * (len(columns) + 1) + "|"]
    for name, scores in rows.items():
        if not scores:
            continue  # not run
        cells = [cell([s[key] for s in scores]) for key in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {len(scores)} |")
    return "\n".join(lines) if len(lines) > 2 else "Not run."


def cell(values: Sequence[float]) -> str:
    """One number of a table."""
    mean, std = mean_std(values)
    return f"{mean:.1f} ± {std:.1f}" if len(values) > 1 else f"{mean:.1f}"


def gamma_table(curves: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """mIoU(S) and mIoU(U) by gamma and target, of the first seed."""
    lines = ["| gamma | strict: S | strict: U | paper: S | paper: U |", "|--:|--:|--:|--:|--:|"]
    for gamma in sorted(next(iter(curves.values())), key=float):
        cells = [
            f"{curves[t][gamma][0]['scores']['weighted'][k]:.1f}" if curves[t][gamma] else ""
            for t in ("strict", "paper")
            for k in ("seen", "unseen")
        ]
        if any(cells):
            lines.append(f"| {float(gamma):g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def bars(series: dict[str, list[dict[str, Any]]]) -> str:
    """IoU of each unseen class, one bar per method; mean over seeds."""
    from tagalign.data.tiny_world import UNSEEN

    width = max(map(len, series))
    lines = ["```"]
    for name in UNSEEN:
        lines.append(name)
        for label, runs in series.items():
            if not runs:
                continue
            value, _ = mean_std([scores["per_class"][name] for scores in runs])
            marks = "#" * round(value / 100 * BAR) if value == value else "(not in the test scenes)"
            lines.append(f"  {label:<{width}} {marks:<{BAR}} {value:5.1f}")
    return "\n".join([*lines, "```"])
