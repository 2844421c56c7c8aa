"""``tagalign vocabulary``: the most frequent tags of parsed captions."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.cli.shared.bars import RowProgress
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.shared.run_record import write_settings
from tagalign.errors import InputError
from tagalign.json_text import json_text

if TYPE_CHECKING:
    from tagalign.tags.vocabulary import TagVocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class VocabularySettings:
    """Count tags and keep the most frequent of each kind.

    Writes vocabulary.tsv (a person may edit it), report.json (coverage, overlap with label sets), frequency.svg, cloud.svg.
    Example: tagalign vocabulary tags --out vocabulary --objects 10000 --attributes 10000
    """

    tags: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Tag shards or folders of them, as written by tagalign parse."""
    out: Path = Path("vocabulary")
    """Folder for the list and the report."""
    objects: int = 10_000
    """Length of the object list."""
    attributes: int = 10_000
    """Length of the attribute list."""
    scenes: int = 0
    """Length of the scene list; only some parsers give scenes."""
    actions: int = 0
    """Length of the action list; only some parsers give actions."""
    merges: Path | None = None
    """Lines of `tag > tag it counts as`, e.g. `couch > sofa`."""
    report: bool = True
    """Also measure coverage and overlap, and draw the curve and the cloud; reads the shards a second time."""
    label_sets: tuple[str, ...] = ()
    """Label sets (names or files) whose overlap with the list is reported; by default all that are shipped."""
    json: bool = False
    """Print the report as JSON on standard output."""

    def __post_init__(self) -> None:
        if min(self.sizes.values()) < 0 or not sum(self.sizes.values()):
            raise InputError("list lengths must be at least 0, and one of them more")

    @property
    def sizes(self) -> dict[str, int]:
        """Kind to length, for the kinds that are asked for."""
        return {
            "object": self.objects,
            "attribute": self.attributes,
            "scene": self.scenes,
            "action": self.actions,
        }


def run(settings: VocabularySettings) -> int:
    """Count, save, report."""
    from tagalign.atomic import sweep
    from tagalign.tags.shard_vocabulary import count_shards
    from tagalign.tags.shards import shard_paths

    paths = [path for place in settings.tags for path in shard_paths(place)]
    sweep(settings.out, ["vocabulary.tsv", "report.json", "frequency.svg", "cloud.svg", "settings.json"])
    sizes = {kind: size for kind, size in settings.sizes.items() if size}
    with RowProgress("counting") as bar:
        vocabulary = count_shards(
            paths, sizes=sizes, merges=_merges(settings.merges), on_progress=bar.advance
        )
    if not len(vocabulary):
        raise InputError(
            f"no tag in {bar.rows} captions of {', '.join(settings.tags)[:200]}; are these outputs of tagalign parse?"
        )
    vocabulary.save(settings.out / "vocabulary.tsv")
    report: dict[str, Any] = {"rows": bar.rows, "tags": {k: vocabulary.kinds.count(k) for k in sizes}}
    if settings.report:
        report |= _report(settings, paths, vocabulary)
    write_settings(settings.out, settings, report=report)
    if settings.json:
        print_json(report)
    found = f"{counted(len(vocabulary), 'tag')} of {counted(bar.rows, 'caption')}"
    print(f"{found} in {settings.out / 'vocabulary.tsv'}", file=sys.stderr)
    return 0


def _merges(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    from tagalign.tags.lists import read_list

    pairs = [line.split(" > ") for line in read_list(path) if not line.startswith("#")]
    bad = [pair for pair in pairs if len(pair) != 2]
    if bad:
        raise InputError(
            f"--merges {path}: expected lines of `tag > tag it counts as`, got {' > '.join(bad[0])!r}"
        )
    return {old.strip(): new.strip() for old, new in pairs}


def _report(settings: VocabularySettings, paths: list[Path], vocabulary: "TagVocabulary") -> dict[str, Any]:
    from tagalign.atomic import atomic_write
    from tagalign.pages.vocabulary import cloud_svg, frequency_svg
    from tagalign.tags.overlap import overlap_table
    from tagalign.tags.shard_vocabulary import coverage

    kinds = [kind for kind in dict.fromkeys(vocabulary.kinds) if kind in ("object", "attribute", "scene")]
    report = {
        "coverage": coverage(paths, vocabulary, kinds=kinds) if kinds else {},
        "overlap": [dataclasses.asdict(row) for row in overlap_table(vocabulary, settings.label_sets)],
    }
    files = {
        "report.json": json_text(report, indent=1),
        "frequency.svg": frequency_svg(vocabulary),
        "cloud.svg": cloud_svg(vocabulary),
    }
    for name, text in files.items():
        with atomic_write(settings.out / name) as temp:
            temp.write_text(text, encoding="utf-8")
    return report
