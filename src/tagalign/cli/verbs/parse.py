"""``tagalign parse``: captions to tags."""

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from tagalign.cli.shared.bars import RowProgress
from tagalign.cli.shared.choices import EngineChoice
from tagalign.cli.shared.flag_values import check_least, parse_shard
from tagalign.cli.shared.llm_flags import LLMFlags
from tagalign.cli.shared.output import counted, print_json
from tagalign.cli.shared.renamed import Formerly
from tagalign.cli.shared.run_record import write_settings
from tagalign.cores import usable_cores
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.tags.corpus import CorpusSettings, CorpusSummary
    from tagalign.tags.parses import Parser


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParseSettings(LLMFlags):
    """Turn captions into tags: one Parquet shard per caption file, resumable.

    Reads JSONL, CSV, TSV, TXT, Parquet and WebDataset tars, also .gz, .bz2, .xz, .zst; folders of these or of photos with
    NAME.txt beside them; glob patterns; COCO's captions .json by its name.
    A run that was stopped goes on where it was. Captions that cannot be parsed stand in errors.jsonl.
    Example: tagalign parse captions/ --out tags
    """

    captions: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Caption files, folders, glob patterns, or - for captions or lines of JSON on standard input."""
    out: Path = Path("tags")
    """Folder for the tag shards."""
    parser: str = "distilled"
    """`distilled` (shipped, fast), `distilled:FOLDER`, `rules`, `scene-graph`, `fixed:LIST` or `llm`."""
    normalize: bool = False
    """Bring tags to their canonical form ("cars" -> "car", no "background") instead of keeping the caption's own words;
    vocabulary and label do so themselves."""
    caption_column: str = "caption"
    """Name of the caption field; for CSV and TSV without a header line its number, from 0."""
    key_column: str = "key"
    """Name of the field that joins captions with images."""
    format: Literal["parquet", "jsonl"] = "parquet"
    """Of the tag shards."""
    processes: Annotated[int, Formerly("workers")] = 0
    """Processes at a time; 0 means one per core that may be used, or of the Ray cluster."""
    engine: EngineChoice = "local"
    """This machine, or a Ray cluster (shared folder needed)."""
    address: str | None = None
    """Address of the Ray cluster; by default that of RAY_ADDRESS, else one is started on this machine."""
    shard: str = "0/1"
    """`i/n`: only every n-th file from the i-th on, for one of n machines without Ray."""
    overwrite: bool = False
    """Make shards anew that were made with other settings."""
    retry_failed: bool = False
    """Try captions again that failed; answers that were saved are not asked for twice."""
    json: bool = False
    """Print the summary as JSON on standard output."""

    def __post_init__(self) -> None:
        check_least(self, {"processes": 0})
        self.check_chat()
        if self.engine == "ray" and self.parser == "llm":
            raise InputError(
                "the LLM parser waits for its server: use --concurrency, or --shard i/n, instead of Ray"
            )


def run(settings: ParseSettings) -> int:
    """Parse all files; the exit code is 2 when nothing could be parsed."""
    from tagalign.tags.corpus import CorpusSettings, corpus_shards

    index, count = parse_shard(settings.shard)
    captions = [_standard_input(settings.out) if item == "-" else item for item in settings.captions]
    shards = corpus_shards(captions, shard=(index, count), format=settings.format, leave_out=[settings.out])
    corpus = CorpusSettings(
        normalize=settings.normalize, caption_column=settings.caption_column,
        key_column=settings.key_column, format=settings.format,
    )  # fmt: skip
    parser = _parser(settings)
    start = time.monotonic()
    with RowProgress("parsing", note=settings.note(parser)) as bar:
        summary = _run(settings, shards, parser, corpus, bar, f"-{index}-of-{count}" if count > 1 else "")
    # a run that finds everything done says nothing about the cost, unless the one that did it was killed before it said so
    if bar.rows or not (settings.out / "settings.json").exists():
        done = {"captions": bar.rows, "seconds": round(time.monotonic() - start, 3)}
        facts = {"parser": parser.settings, "summary": dataclasses.asdict(summary), "run": done}
        write_settings(settings.out, settings, **facts)
    usage = settings.close(parser, settings.out)
    _report(settings, summary, usage)
    return 2 if summary.rows == 0 and summary.failed + summary.unreadable else 0


def _standard_input(out: Path) -> Path:
    """A file with what comes on standard input, so that a run that was stopped finds the same captions again.

    Lines of JSON where the first one is an object, else one caption a line.
    """
    from tagalign.atomic import atomic_write

    content = sys.stdin.buffer.read() if sys.stdin is not None else b""
    if not content.strip():
        raise InputError("- : no caption came on standard input")
    ending = "jsonl" if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") else "txt"
    path = out / "input" / f"stdin.{ending}"
    if not path.exists() or path.read_bytes() != content:
        with atomic_write(path) as temp:
            temp.write_bytes(content)
    return path


def _parser(settings: ParseSettings) -> "Parser":
    from tagalign.tags.parsers import load_parser

    if settings.parser == "llm":
        return settings.llm_parser(settings.out)
    return load_parser(settings.parser)


def _run(
    settings: ParseSettings,
    shards: Any,
    parser: "Parser",
    corpus: "CorpusSettings",
    bar: RowProgress,
    suffix: str,
) -> "CorpusSummary":
    from tagalign.tags.corpus import CorpusPlan, parse_corpus

    plan = CorpusPlan(
        overwrite=settings.overwrite,
        retry_failed=settings.retry_failed,
        manifest_name=f"manifest{suffix}.json",
    )
    options: dict[str, Any] = {"settings": corpus, "plan": plan, "on_progress": bar.advance}
    processes = settings.processes or usable_cores()
    if settings.engine == "ray":
        from tagalign.tags.ray_engine import parse_corpus_on_ray

        return parse_corpus_on_ray(
            shards,
            settings.out,
            parser,
            address=settings.address,
            workers=settings.processes or None,
            **options,
        )
    # An LLM parser waits for its server in threads of its own and cannot be sent to another process.
    processes = 1 if settings.parser == "llm" else processes
    return parse_corpus(shards, settings.out, parser, workers=processes, **options)


def _report(settings: ParseSettings, summary: "CorpusSummary", usage: dict[str, Any]) -> None:
    values = dataclasses.asdict(summary) | usage
    if settings.json:
        print_json(values)
    failed = summary.failed + summary.unreadable
    where = f", {failed} failed (see {settings.out / 'errors.jsonl'})" if failed else ""
    kept = f" ({summary.skipped} kept from before)" if summary.skipped else ""
    print(
        f"{counted(summary.rows, 'caption')} parsed into {counted(summary.shards, 'shard')}{kept} in {settings.out}{where}",
        file=sys.stderr,
    )
    if failed and not summary.rows:
        print(f"tagalign parse: no caption could be read: {_first_error(settings.out)}", file=sys.stderr)
    if usage:
        print(
            "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in usage.items()), file=sys.stderr
        )


def _first_error(out: Path) -> str:
    with (out / "errors.jsonl").open(encoding="utf-8") as lines:
        record = json.loads(next(lines))
    return ": ".join(str(record[name]) for name in ("path", "place", "message") if name in record)
