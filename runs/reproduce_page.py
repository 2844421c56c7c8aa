"""docs/reproduce.md, made from the published numbers: what can be measured with public weights, with which command.

Run: python runs/reproduce_page.py writes the page.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tagalign.evaluate.published.numbers import Published, papers, published_numbers
from tagalign.evaluate.results import number

PAGE = Path(__file__).parents[1] / "docs/reproduce.md"
HEAD = """# Published numbers

<!-- made by runs/reproduce_page.py from src/tagalign/evaluate/published/numbers.json; do not edit -->

Every number below stands in a paper. `tagalign reproduce ID --path DATA` checks the model and the data, says what it will
take, measures, and prints ours, theirs, the difference and what is not the same. **None of them was measured by us yet**:
that takes the real data. Each step is rehearsed in our tests on drawn copies with small random models:
`tagalign reproduce --all --rehearse`.

```sh
tagalign reproduce                                             # the list
tagalign reproduce tagclip/table2/tagclip/voc2007-tags-all --path VOCdevkit --dry-run
tagalign reproduce tagclip --path DATA                         # DATA/voc21, DATA/coco-object, ... by the benchmarks' names
```

`*` weights are public, `+` weights must be trained first (`--model FOLDER`), no mark: quoted for comparison. Percent; CIDEr
and BLEU as captioning papers scale them. The benchmarks and their folders: [Evaluate](guide/evaluate.md).
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for paper, numbers in groupby(published_numbers(), lambda one: one.paper):
        about = papers()[paper]
        parts.append(f"\n## {about['title']}\n\narXiv:{about['arxiv']}\n")
        for _, table in groupby(numbers, lambda one: one.table):
            parts.append("\n".join(_table(list(table))) + "\n")
    return "\n".join(parts)


def _table(numbers: list[Published]) -> Iterator[str]:
    """A published table: systems down, benchmarks across, then how it is measured here."""
    columns = list(dict.fromkeys(_column(one) for one in numbers))
    yield f"### `{numbers[0].table}`\n\n{numbers[0].title[0].upper()}{numbers[0].title[1:]}.\n"
    yield f"| system | {' | '.join(columns)} |"
    yield "|---|" + "--:|" * len(columns)
    for row, cells in groupby(numbers, lambda one: one.row):
        found = list(cells)
        by = {_column(one): number(one.value) for one in found}
        yield f"| {row}{_mark(found[0])} | {' | '.join(by.get(name, '') for name in columns)} |"
    for _, found in groupby(numbers, lambda one: one.row):
        measured = [one for one in found if one.run is not None]
        if measured:
            yield from _how(measured)


def _how(row: list[Published]) -> Iterator[str]:
    """How a row is measured: model, method, protocol, options, those of single benchmarks, and what is not the same."""
    runs = [(one.benchmark, one.run) for one in row if one.run is not None]
    _, run = runs[0]
    common = {
        name: value
        for name, value in run.options.items()
        if all(r.options.get(name) == value for _, r in runs)
    }
    facts = [f"`{run.model or run.prepare}`", f"method `{run.method}`", f"protocol `{run.protocol}`"]
    facts += [f"refined by `{run.refine}`"] if run.refine else []
    facts += [_options(common)] if common else []
    yield f"\n- {row[0].row}: {', '.join(facts)}"
    for benchmark, other in runs:
        own = {name: value for name, value in other.options.items() if name not in common}
        if own:
            yield f"    - {benchmark}: {_options(own)}"
    yield from (f"    - not the same: {text}" for text in row[0].differs)


def _options(options: dict[str, str]) -> str:
    return " ".join(f"`{name}={value}`" for name, value in options.items())


def _column(one: Published) -> str:
    return f"{one.benchmark} {one.split}" if one.split else one.benchmark


def _mark(one: Published) -> str:
    if one.run is None:
        return ""
    return " *" if one.run.public else " +"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
