"""docs/results/speed.md, made from docs/results/speed.json: what was measured of speed, how, and on what kind of machine.

Run: python runs/speed_page.py writes the page.
"""

import json
from itertools import groupby
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "docs/results"
PAGE, NUMBERS = RESULTS / "speed.md", RESULTS / "speed.json"
HEAD = """# Speed

<!-- made by runs/speed_page.py from speed.json; do not edit -->

Ratios are of two things that ran in turns in one run, so that whatever else the machine did fell on both; rates say so.
**Quiet**: nothing else ran. **Busy**: other work shared the cores; processor seconds were counted then, not the clock.
A line without an aim is a fact to choose by.
"""
MARKS = {True: "reached", False: "not reached", None: ""}


def page() -> str:
    """The whole page."""
    rows = json.loads(NUMBERS.read_text(encoding="utf-8"))["rows"]
    parts = [HEAD]
    for about, own in groupby(rows, lambda row: row["about"]):
        parts.append(f"## {about}\n")
        parts.append("| what | measured | aim | load | machine | command |\n|---|---|---|---|---|---|")
        parts[-1] += "".join(f"\n{_line(row)}" for row in own) + "\n"
    return "\n".join(parts)


def _line(row: dict[str, object]) -> str:
    """One table row; a note stands behind what was measured."""
    note = f"; {row['note']}" if row.get("note") else ""
    mark = MARKS[row.get("reached")]  # type: ignore[index]
    aim = ", ".join(str(part) for part in (row.get("aim", ""), mark) if part)
    cells = (row["what"], f"{row['measured']}{note}", aim, row["load"], row["machine"], f"`{row['command']}`")
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
