"""docs/results/trusty-fair.md: the frozen row first, then every row that was run, and the directions."""

from typing import Any

from tagalign.experiments.head.report import shown

COLUMNS = {"pAcc": "pacc", "mIoU(S)": "seen", "mIoU(U)": "unseen", "hIoU": "hiou"}

PUBLISHED = (
    "As published (VOC): baseline 91.9 / 77.8 / 84.3, token alone 91.6 / 43.0 / 58.6, learner on T^ 93.6 / 84.9 / 89.0, "
    "with weighted map 93.5 / 85.2 / 89.2 (S, U, h)."
)


def render(report: dict[str, Any]) -> str:
    settings = report["settings"]
    lines = [
        "# TrustyCLIP's parts, a fair test",
        "",
        f"`python runs/trusty/fair.py --steps {settings['steps']} --model {settings['backbone']}`, finished rows alone;",
        "nothing here was measured on photos, and no published number is claimed.",
        f"`{settings['backbone']}`, weights `{report['weights']}`; objects, background ignored, 22 kinds with masks,",
        f"6 without; {settings['test']['scenes']} test scenes; {settings['steps']} steps of {settings['batch_size']}, **no",
        "scene twice**, no prompts unless a row says so (what the frozen encoder says is then computed once); target",
        "`strict` unless a row says `paper`; mean ± half of the 95 % interval over seeds.",
        "",
        "`starts at the cosine` is profile `fixed`: masks are the encoder's own cosines, and a gate that starts at 0 lets",
        "in what the head learns. The other rows start from random weights, as the paper's head does.",
        "",
        *choice(report),
        "## Table 1: parts",
        "",
        f"| row | {' | '.join(COLUMNS)} | seeds |",
        f"|---|{'--:|' * (len(COLUMNS) + 1)}",
        line("frozen encoder, no training", [report["frozen"]["plain"]]),
    ]
    for name, runs in report["rows"].items():
        lines.append(line(name, [run["scores"]["plain"] for run in runs]))
        if runs[0]["scores"]["weighted"]:
            lines.append(line(f"{name}, with weighted map", [run["scores"]["weighted"] for run in runs]))
    lines += ["", PUBLISHED, "", *maps(report), "## Directions", ""]
    for claim in report["claims"]:
        numbers = ", ".join(part for part in (claim["ours"], claim["interval"], claim["reason"]) if part)
        lines.append(f"- {claim['direction']}: **{claim['verdict']}** ({numbers}; seeds: {claim['seeds']})")
    return "\n".join(lines) + "\n"


def choice(report: dict[str, Any]) -> list[str]:
    """What rate and dropout were chosen by."""
    lines = [
        f"Rate and dropout were chosen on validation scenes, seed 0, with {', '.join(report['pseudo_unseen'])} in the place",
        "of unseen classes; the six unseen ones were neither asked nor scored there. Harmonic mean:",
        "",
        "| head | rate | dropout | prompts | S | pseudo-U | h |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for head, tried in report["tried"].items():
        for one in tried:
            values = one["values"]
            mark = " (chosen)" if values == report["chosen"][head] else ""
            lines.append(
                f"| {head}{mark} | {values['learning_rate']:g} | {values['dropout']:g} | {values.get('num_prompts', 0)} | "
                f"{one['seen']:.1f} | "
                f"{one['unseen']:.1f} | {one['hiou']:.1f} |"
            )
    return [*lines, ""]


def maps(report: dict[str, Any]) -> list[str]:
    """What the trusty map says on validation scenes of seed 0, and what raising it does."""
    found = {name: run["map"] for name, runs in report["rows"].items() for run in runs if "map" in run}
    if not found:
        return []
    shifts = list(next(iter(found.values()))["shifts"])
    lines = [
        "## What the trusty map says",
        "",
        "Validation scenes, seed 0: mean probability of no seen class (percent) on pixels of seen classes, of unseen ones",
        "and of the background; area under the ROC curve, unseen against seen objects (50 is chance); then mIoU of unseen",
        "and seen classes without the map, and weighted by it with its logits raised by so much. Nothing is chosen here.",
        "",
        f"| row | seen | unseen | background | ROC | no map (U, S) | {' | '.join(f'+{shift}' for shift in shifts)} |",
        f"|---|{'--:|' * (5 + len(shifts))}",
    ]
    for name, told in found.items():
        plain = told["shifts"]["0"]["plain"]
        cells = [
            f"{told[key]:.1f}" for key in ("u on seen", "u on unseen", "u on background", "area under ROC")
        ]
        cells.append(f"{plain['unseen']:.1f}, {plain['seen']:.1f}")
        weighted = (told["shifts"][shift]["weighted"] for shift in shifts)
        cells += [f"{one['unseen']:.1f}, {one['seen']:.1f}" for one in weighted]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def line(name: str, scores: list[dict[str, Any]]) -> str:
    """One row of the table."""
    cells = [shown([one[key] for one in scores]) for key in COLUMNS.values()]
    return f"| {name} | {' | '.join(cells)} | {len(scores)} |"
