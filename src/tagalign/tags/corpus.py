"""A resumable run of a parser over any number of caption files: one tag shard per input, in input order.

A shard gets its name when it is whole; the manifest says which input and settings it was made of. What a killed run
left is found and skipped, or made again. Captions that fail stand in ``NAME.errors.jsonl`` with their reason.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagalign.atomic import NAME_BYTES, atomic_write, shortened, sweep
from tagalign.errors import DataError, InputError
from tagalign.json_text import json_text
from tagalign.tags.captions import BadRow, CaptionRow, CaptionSource, find_sources, read_captions
from tagalign.tags.manifest import Manifest, source_stamp
from tagalign.tags.normalize import normalize_parse, normalize_settings, settle_senses
from tagalign.tags.parses import Parser
from tagalign.tags.pool import ordered_map
from tagalign.tags.shards import FORMATS, open_writer, to_batch
from tagalign.tags.text_files import printable

BLOCK = 4096  # captions that travel to a worker at a time

CaptionBlock = tuple[list[str], list[str]]  # keys, captions


@dataclass(frozen=True, slots=True)
class CorpusShard:
    """An input file and the name of the shard made of it."""

    source: Path
    name: str


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """What changes the rows of a run, apart from the parser.

    Attributes:
        normalize: bring tags to their canonical form; off keeps the captions' own words, which is what counting and
            labelling expect: they normalise themselves, so better rules need no new parse.
        caption_column: see ``read_captions``.
        key_column: see ``read_captions``.
        format: one of ``FORMATS``.
    """

    normalize: bool = False
    caption_column: str = "caption"
    key_column: str = "key"
    format: str = "parquet"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError(f"format must be one of {', '.join(FORMATS)}, got {self.format!r}")


@dataclass(frozen=True, kw_only=True)
class CorpusPlan:
    """What a run does with what lies there already; it changes no row.

    Attributes:
        overwrite: make shards anew that were made with other settings.
        retry_failed: make shards anew in which captions failed. A parser with saved answers asks for the failed ones alone.
        manifest_name: of its own for each machine of several that write to one folder.
    """

    overwrite: bool = False
    retry_failed: bool = False
    manifest_name: str = "manifest.json"


@dataclass(frozen=True, slots=True)
class CorpusSummary:
    """What a run did, skipped shards included.

    Attributes:
        shards: finished shards of this run's inputs.
        skipped: those of them that an earlier run had finished.
        rows: captions parsed.
        failed: captions that could not be parsed, and lines that were no caption.
        unreadable: files that could not be read; they stand in ``errors.jsonl`` and have no shard.
    """

    shards: int
    skipped: int
    rows: int
    failed: int
    unreadable: int


def corpus_shards(
    inputs: Sequence[str | Path],
    *,
    shard: tuple[int, int] = (0, 1),
    format: str,
    leave_out: Sequence[Path] = (),
) -> list[CorpusShard]:
    """The sources of an input list, each with the name of its output.

    Args:
        inputs: see ``captions.find_sources``.
        shard: ``(i, n)``: only every n-th source, from the i-th on, for one of n machines.
        format: ending of the outputs.
        leave_out: folders with results, where these lie in an input.

    Raises:
        InputError: if an input means no file, or two sources would get one name.
    """
    found: dict[str, Path] = {}
    for source in find_sources(inputs, leave_out=leave_out):
        name = f"{_name(source)}.{format}"
        if found.setdefault(name, source.path) != source.path:
            raise InputError(
                f"{source.path} and {found[name]} would both become {name}; give their common folder"
            )
    return [CorpusShard(path, name) for name, path in sorted(found.items())][shard[0] :: shard[1]]


def _name(source: CaptionSource) -> str:
    parts = source.path.relative_to(source.root).parts
    name = "__".join(parts) or source.path.resolve().name or "captions"
    return shortened(name, NAME_BYTES - len(".parquet.errors.jsonl"))


class CorpusRun:
    """What a run has to do, has done and could not do; the same for every engine.

    Args:
        out_dir: gets the shards, their error lists and the manifest.
        parser: any parser.
        settings: what changes the rows.
        plan: what is done with what lies there.

    Raises:
        DataError: if the folder holds shards of other settings.
    """

    def __init__(self, out_dir: Path, parser: Parser, settings: CorpusSettings, plan: CorpusPlan) -> None:
        self._out_dir, self._plan = out_dir, plan
        self._manifest = Manifest.open(
            out_dir / plan.manifest_name, run_settings(parser, settings), overwrite=plan.overwrite
        )
        self._unreadable = list[dict[str, str]]()
        self._skipped = 0

    def todo(self, shards: Iterable[CorpusShard]) -> list[tuple[CorpusShard, str]]:
        """Shards of the run that are not finished, each with the fingerprint of its input."""
        rest = list[tuple[CorpusShard, str]]()
        for shard in shards:
            try:
                source = source_stamp(shard.source)
            except OSError as error:
                self.give_up(shard, str(error))
                continue
            done = self._manifest.is_done(shard.name, source)
            if done and not (self._plan.retry_failed and self._manifest.shards[shard.name].failed):
                self._skipped += 1
            else:
                rest.append((shard, source))
        names = [shard.name for shard, _ in rest]
        # what several machines write in turn is left alone: another one may be at it
        shared = ["errors.jsonl", "settings.json"] if self._manifest.path.name == "manifest.json" else []
        sweep(
            self._out_dir,
            [*shared, self._manifest.path.name, *names, *(f"{name}.errors.jsonl" for name in names)],
        )
        return rest

    def finish(self, shard: CorpusShard, source: str, *, rows: int, failed: int) -> None:
        """Note a shard that lies there whole."""
        self._manifest.finish(shard.name, source, rows=rows, failed=failed)

    def give_up(self, shard: CorpusShard, message: str) -> None:
        """Note an input that cannot be read."""
        self._manifest.shards.pop(shard.name, None)
        self._unreadable.append(
            {"path": printable(shard.source), "error": "DataError", "message": printable(message)}
        )

    def close(self, shards: Iterable[CorpusShard]) -> CorpusSummary:
        """Save the manifest, join the error lists and count."""
        self._manifest.save()
        _join_errors(self._out_dir, self._unreadable)
        known = self._manifest.shards
        records = [known[shard.name] for shard in shards if shard.name in known]
        rows, failed = sum(r.rows for r in records), sum(r.failed for r in records)
        return CorpusSummary(len(records), self._skipped, rows, failed, len(self._unreadable))


def parse_corpus(
    shards: Sequence[CorpusShard],
    out_dir: str | Path,
    parser: Parser,
    *,
    settings: CorpusSettings,
    plan: CorpusPlan = CorpusPlan(),
    workers: int = 1,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> CorpusSummary:
    """Parse caption files into tag shards.

    Args:
        shards: from ``corpus_shards``.
        out_dir: gets the shards, their error lists and ``manifest.json``.
        parser: any parser; with several workers it is sent to each of them.
        settings: what changes the rows.
        plan: what is done with what lies there.
        workers: processes; 1 works in this one.
        on_progress: called with the number of captions that were just done.

    Returns:
        Counts over all shards, those included that were finished before.

    Raises:
        DataError: if the folder holds shards of other settings.
        InputError: if the folder cannot be written.
        ServerError: if a parser's server refuses every request (wrong key, wrong address).
    """
    out_dir = Path(out_dir)
    run = CorpusRun(out_dir, parser, settings, plan)
    todo = run.todo(shards)
    with ordered_map(BlockTask(parser, settings), workers=workers if todo else 1) as mapper:
        for shard, source in todo:
            try:
                rows, failed = parse_shard(shard, out_dir, parser, settings, mapper, on_progress)
            except DataError as error:
                run.give_up(shard, str(error))
            else:
                run.finish(shard, source, rows=rows, failed=failed)
    return run.close(shards)


def _join_errors(out_dir: Path, unreadable: Sequence[dict[str, str]]) -> None:
    """Write ``errors.jsonl`` from the error lists of all shards of the folder; none where nothing failed."""
    lists = sorted(out_dir.glob("*.errors.jsonl"))
    if not lists and not unreadable:
        (out_dir / "errors.jsonl").unlink(missing_ok=True)
        return
    with atomic_write(out_dir / "errors.jsonl") as temp, temp.open("w", encoding="utf-8") as file:
        file.writelines(json_text(record, ensure_ascii=False) + "\n" for record in unreadable)
        for path in lists:
            with path.open(encoding="utf-8") as lines:
                file.writelines(lines)


def run_settings(parser: Parser, settings: CorpusSettings) -> dict[str, object]:
    """Everything that changes the rows, ready for JSON."""
    return {
        "parser": parser.settings,
        "normalize": settings.normalize,
        "rules": normalize_settings(),
        "caption_column": settings.caption_column,
        "key_column": settings.key_column,
        "format": settings.format,
    }


@dataclass(frozen=True)
class BlockTask:
    """Parses one block of rows; can be sent to another process."""

    parser: Parser
    settings: CorpusSettings

    def __call__(self, block: CaptionBlock) -> tuple[Any, list[dict[str, str]]]:
        """The block as a record batch without the captions that failed, and those."""
        keys, captions = block
        parses = self.parser.parse(captions)
        errors = [
            {"key": key, "caption": caption, "error": "ServerError", "message": parse.error}
            for key, caption, parse in zip(keys, captions, parses, strict=True)
            if parse.error is not None
        ]
        good = [i for i, parse in enumerate(parses) if parse.error is None]
        finish = normalize_parse if self.settings.normalize else settle_senses
        tags = [finish(parses[i], captions[i]) for i in good]
        batch = to_batch([keys[i] for i in good], [captions[i] for i in good], tags, self.parser.fields)
        return batch, errors


def parse_shard(
    shard: CorpusShard,
    out_dir: Path,
    parser: Parser,
    settings: CorpusSettings,
    mapper: Callable[[Iterable[CaptionBlock]], Iterator[tuple[Any, list[dict[str, str]]]]],
    on_progress: Callable[[int], None] = lambda rows: None,
) -> tuple[int, int]:
    """Parse one file; its shard and its error list appear whole or not at all.

    Returns:
        The numbers of captions parsed and failed.
    """
    bad = list[BadRow]()
    blocks = _blocks(shard.source, settings, bad)
    errors_path = out_dir / f"{shard.name}.errors.jsonl"
    rows = failed = 0
    with atomic_write(out_dir / shard.name) as temp, atomic_write(errors_path) as errors_temp:
        with (
            errors_temp.open("w", encoding="utf-8") as errors_file,
            open_writer(temp, parser.fields, format=settings.format) as writer,
        ):
            for batch, errors in mapper(blocks):
                writer.write_batch(batch)
                rows, failed = rows + batch.num_rows, failed + len(errors)
                _write_errors(errors_file, shard.source, errors)
                on_progress(batch.num_rows + len(errors))
            if not rows + failed + len(bad):
                raise DataError(f"{shard.source} holds no caption")
            broken = [{"place": row.place, "error": "DataError", "message": row.message} for row in bad]
            _write_errors(errors_file, shard.source, broken)
        failed += len(bad)
    if not failed:
        errors_path.unlink()
    return rows, failed


def _write_errors(file: Any, source: Path, errors: Iterable[dict[str, str]]) -> None:
    file.writelines(json_text({"path": printable(source), **e}, ensure_ascii=False) + "\n" for e in errors)


def _blocks(source: Path, settings: CorpusSettings, bad: list[BadRow]) -> Iterator[CaptionBlock]:
    rows = read_captions(source, caption_column=settings.caption_column, key_column=settings.key_column)
    keys, captions = list[str](), list[str]()
    for row in rows:
        if isinstance(row, CaptionRow):
            keys.append(row.key)
            captions.append(row.caption)
            if len(keys) == BLOCK:
                yield keys, captions
                keys, captions = [], []
        else:
            bad.append(row)
    if keys:
        yield keys, captions
