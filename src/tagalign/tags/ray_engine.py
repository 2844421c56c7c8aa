"""The corpus run on many machines through Ray Data: same functions, same files, one task per input file."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tagalign.errors import DataError
from tagalign.tags.corpus import (
    BlockTask,
    CorpusPlan,
    CorpusRun,
    CorpusSettings,
    CorpusShard,
    CorpusSummary,
    parse_shard,
)
from tagalign.tags.parses import Parser
from tagalign.tags.ray_cluster import ray_cluster


def parse_corpus_on_ray(
    shards: Sequence[CorpusShard],
    out_dir: str | Path,
    parser: Parser,
    *,
    settings: CorpusSettings,
    plan: CorpusPlan | None = None,
    address: str | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> CorpusSummary:
    """``parse_corpus`` on a Ray cluster; the folders must be the same on all of its machines.

    Args:
        shards: from ``corpus_shards``.
        out_dir: as for ``parse_corpus``.
        parser: sent to each worker.
        settings: as for ``parse_corpus``.
        plan: as for ``parse_corpus``.
        address: see ``ray_cluster``.
        workers: tasks at a time; None lets Ray use all cores of the cluster.
        on_progress: called with the rows of each finished file.

    Raises:
        MissingExtraError: without Ray, if something is to be done.
        ServerError: if no cluster answers at the address.
        DataError: if the folder holds shards of other settings.
    """
    out_dir = Path(out_dir).absolute()
    run = CorpusRun(out_dir, parser, settings, plan or CorpusPlan())
    todo = {shard.name: (shard, source) for shard, source in run.todo(shards)}
    if todo:
        with ray_cluster(address, workers=workers) as ray:
            waiting = [shard for shard, _ in todo.values()]
            for result in _results(ray, waiting, out_dir, parser, settings, workers):
                shard, source = todo[result["name"]]
                if result["error"]:
                    run.give_up(shard, result["error"])
                else:
                    run.finish(shard, source, rows=result["rows"], failed=result["failed"])
                    on_progress(result["rows"] + result["failed"])
    return run.close(shards)


def _results(
    ray: Any,
    todo: Sequence[CorpusShard],
    out_dir: Path,
    parser: Parser,
    settings: CorpusSettings,
    workers: int | None,
) -> Any:
    """Result rows of the tasks, as they come."""
    held = ray.put(BlockTask(parser, settings))
    items = [{"path": str(shard.source.absolute()), "name": shard.name} for shard in todo]
    dataset = ray.data.from_items(items, override_num_blocks=len(items))
    ray.data.DataContext.get_current().enable_progress_bars = False  # the verb shows its own
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    pool = ray.data.TaskPoolStrategy(size=workers)
    return dataset.map(partial(_work, held, out_dir), compute=pool).iter_rows()


def _work(held: Any, out_dir: Path, row: dict[str, Any]) -> dict[str, Any]:
    """One file, in a worker of the cluster; the parser comes from its store, once per machine."""
    import ray

    return _parse_file(ray.get(held), Path(row["path"]), row["name"], out_dir)


def _parse_file(task: BlockTask, path: Path, name: str, out_dir: Path) -> dict[str, Any]:
    shard = CorpusShard(path, name)
    try:
        rows, failed = parse_shard(
            shard, out_dir, task.parser, task.settings, lambda blocks: map(task, blocks)
        )
    except DataError as error:
        return {"name": name, "rows": 0, "failed": 0, "error": str(error)}
    return {"name": name, "rows": rows, "failed": failed, "error": ""}
