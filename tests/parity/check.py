"""Compare the library with numbers of the released code: ``python tests/parity/check.py --family FAMILY DIR``.

DIR is a case folder (it has ``outputs.safetensors``) or a parent of several. One line per tensor, a last line
``N of M ok``; exit 0 when all agree, 1 when one does not, 2 when DIR cannot be read.
"""

import argparse
import importlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

sys.path.insert(
    0, str(Path(__file__).parent)
)  # so that `families` is found when this file is run as a script

FAMILIES = (
    "tagalign",
    "tagclip",
    "trusty",
    "tag2text",
    "backbones",
    "openclip",
    "piaa",
    "sparc",
    "floss",
    "regionvote",
    "proxyclip",
    "scclip",
    "pearl",
    "resclip",
)
Row = tuple[str, float, float, bool]


def case_folders(root: Path) -> list[Path]:
    """Folders at or below ``root`` that are cases."""
    return sorted(path.parent for path in root.rglob("outputs.safetensors"))


def check_case(family: str, folder: Path) -> Iterator[Row]:
    """``(name, difference, tolerance, ok)`` of every tensor of a case; unknown, missing and non-finite ones fail."""
    module = importlib.import_module(f"families.{family}")
    wanted = load_file(folder / "outputs.safetensors")
    made = dict(module.compute(folder))
    for name in sorted(wanted.keys() | made.keys()):
        yield (name, *_row(module, name, made.get(name), wanted.get(name), folder))


def _row(
    module, name: str, mine: Tensor | None, reference: Tensor | None, folder: Path
) -> tuple[float, float, bool]:
    nan = float("nan")
    if mine is None or reference is None or mine.shape != reference.shape:
        return nan, nan, False
    if not bool(
        (mine.isfinite() | reference.isnan()).all()
    ):  # a golden NaN means "no such class"; families compare it
        return nan, nan, False
    difference, tolerance = module.compare(name, mine, reference, folder)
    return difference, tolerance, difference <= tolerance


def main() -> int:
    """Print the table of all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", required=True, choices=FAMILIES)
    parser.add_argument("dir", type=Path)
    arguments = parser.parse_args()
    folders = case_folders(arguments.dir) if arguments.dir.is_dir() else []
    if not folders:
        print(f"{arguments.dir}: no folder with outputs.safetensors at or below it", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for folder in folders:
        try:
            case_rows = list(check_case(arguments.family, folder))
        except (OSError, ValueError, KeyError) as error:
            print(f"{folder}: cannot be read ({type(error).__name__}: {error})", file=sys.stderr)
            return 2
        prefix = "" if len(folders) == 1 else f"{folder.relative_to(arguments.dir)}/"
        for name, difference, tolerance, ok in case_rows:
            print(f"{prefix}{name} {difference:.3g} {tolerance:.3g} {'ok' if ok else 'FAIL'}")
        rows += case_rows
    good = sum(ok for *_, ok in rows)
    print(f"{good} of {len(rows)} ok")
    return 0 if good == len(rows) else 1


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
