"""``tagalign serve``: an HTTP server."""

import dataclasses
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tagalign.cli.shared.look_flow import look_folder, look_option
from tagalign.cli.shared.model_flags import ModelFlags, warn_tiny
from tagalign.cores import settle_threads
from tagalign.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI

    from tagalign.apps.server.label_studio.routes import LabelStudioSettings
    from tagalign.apps.server.limits import Limits
    from tagalign.apps.server.workers.plan import WorkerPlan
    from tagalign.tasks.model import Model
    from tagalign.tasks.search.engine import SearchEngine

KEY_VARIABLE = "TAGALIGN_API_KEY"
MOST_BATCHES = 4
"""More batches at a time than this by default only cost memory: each of them may use several cores."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeSettings(ModelFlags):
    """Answer over HTTP: /v1/tag, segment, refer, caption, ask, search; /label-studio; /health, /metrics, /docs.

    Images of requests that arrive together are encoded together. Ctrl-C or SIGTERM finishes open requests first.
    Example: tagalign serve --model openai/clip-vit-base-patch16 --port 8000
    """

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets the network in (then set a key)."""
    port: int = 8000
    """Port to listen on."""
    api_key_file: Path | None = None
    """A file with the key that clients must send; the variable TAGALIGN_API_KEY does the same."""
    look: Path | None = None
    """A look at the folder (from `tagalign look`): tags of its labels are then seen against that folder."""
    index: Path | None = None
    """Folder that `tagalign search index` wrote; turns /v1/search on."""
    approximate: bool = False
    """Ask its approximate index (`search index --approximate` makes it): faster with millions of photos, may miss some."""
    allow_host: tuple[str, ...] = ()
    """Hosts that images may be fetched from by address, as NAME or NAME:PORT; none by default."""
    allow_private_host: tuple[str, ...] = ()
    """Likewise, and they may lie in a private network, as localhost:8080 does."""
    label_studio_folder: tuple[Path, ...] = ()
    """Folders that tasks of Label Studio may name photos in: its uploads, its local storage; none by default."""
    label_studio_words: Path | None = None
    """What the model is asked for labels of Label Studio: a JSON file such as {"cls_3": "cup: mug", "Unsure": null}."""
    label_studio_out: Path | None = None
    """Folder that keeps what people submit in Label Studio as clicks of a review; thresholds are learned from them."""
    max_bytes: int = 20_000_000
    """Largest body of a request."""
    max_pixels: int = 25_000_000
    """Largest image."""
    max_labels: int = 1000
    """Most labels of a request."""
    max_queue: int = 256
    """Most images that wait in a worker; more get 503."""
    max_per_client: int = 256
    """Most open requests of one client in a worker; more get 429."""
    timeout: float = 30.0
    """Seconds from the last byte of a request to its answer; later is 503. A stop waits as long for open requests."""
    max_wait_ms: float = 2.0
    """How long the first image of a batch waits for others."""
    parallel_batches: int | None = None
    """Batches that a worker does at the same time; by default one per core that it has, at most 4, and one on a GPU."""
    workers: int = 1
    """Processes that answer on the port; each takes an equal share of the cores, or a GPU of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.port < 65536:
            raise InputError(f"--port must be 0 to 65535, got {self.port}")
        if self.parallel_batches is not None and self.parallel_batches < 1:
            raise InputError(f"--parallel-batches must be at least 1, got {self.parallel_batches}")
        if self.workers < 1:
            raise InputError(f"--workers must be at least 1, got {self.workers}")
        if self.approximate and self.index is None:
            raise InputError("--approximate: searches an index; name it with --index")
        if self.workers > 1 and self.label_studio_out is not None:
            raise InputError(
                "--label-studio-out: one process keeps what people submit and learns from it; leave out --workers"
            )


def run(settings: ServeSettings) -> int:
    """Serve until asked to stop."""
    if settings.workers == 1:
        return _run_alone(settings)
    from tagalign.apps.server.workers.plan import NUMBERS_FOLDER

    with tempfile.TemporaryDirectory(prefix="tagalign-serve-") as shared:
        numbers, masks = Path(shared) / "metrics", Path(shared) / "masks"
        numbers.mkdir()
        masks.mkdir()
        os.environ[NUMBERS_FOLDER] = str(numbers)  # before Prometheus' client is imported, by whatever
        try:
            with _removed_at_a_stop(Path(shared)):
                return _run_workers(settings, numbers, masks)
        finally:  # the folder goes, and who called may go on
            os.environ.pop(NUMBERS_FOLDER, None)


def _run_alone(settings: ServeSettings) -> int:
    with _bound(settings) as bound:
        # what is wrong with the model is said before torch is imported
        settings.whole_model_options(look=look_folder(settings.look))
        from tagalign.apps.server import listening
        from tagalign.apps.server.heap import keep_freed_memory
        from tagalign.apps.server.serving import make_server, run_server, stop_by_signals

        keep_freed_memory()
        server = make_server(make_app(settings), stop_within_s=settings.timeout)
        listening.listen(bound)
        print(f"serving {settings.model} on {listening.address_of(bound, settings.host)}", file=sys.stderr)
        stop_by_signals(server)
        return 0 if run_server(server, bound) else 2


def _run_workers(settings: ServeSettings, numbers: Path, masks: Path) -> int:
    """Several processes; where they are forked, the model is loaded once, before, and they share its weights."""
    with _bound(settings) as bound:
        from tagalign.apps.server import listening
        from tagalign.apps.server.metrics import forget_process
        from tagalign.apps.server.workers.supervisor import Supervisor
        from tagalign.apps.server.workers.worker import Worker

        plan = _plan(settings)
        # OpenMP's threads would not live on in a forked process, and it would wait for them for ever
        settle_threads(1)
        model = _load(settings) if plan.shares_model else None
        workers = []
        for device in plan.devices:
            own = dataclasses.replace(settings, device=cast(Any, device))  # cuda:1 is no choice of the flag
            make = partial(make_app, own, model=model, mask_folder=masks)
            workers.append(Worker(make_app=make, threads=plan.threads))
        listening.listen(bound)
        where = listening.address_of(bound, settings.host)
        print(f"serving {settings.model} on {where} with {plan.count} workers", file=sys.stderr, flush=True)
        return Supervisor(
            workers,
            bound,
            start=plan.start,
            stop_within_s=settings.timeout,
            gone=partial(forget_process, folder=numbers),
        ).run()


@contextmanager
def _bound(settings: ServeSettings) -> Iterator["list[socket.socket]"]:
    """The port, taken when everything that can be refused without the model was."""
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the server", str(error.name), "serve") from error
    _check(settings)
    from tagalign.apps.server import listening

    bound = listening.bind(settings.host, settings.port)
    try:
        yield bound
    finally:
        listening.close(bound)


def _plan(settings: ServeSettings) -> "WorkerPlan":
    import torch

    from tagalign.apps.server.workers.plan import plan_workers
    from tagalign.methods.load import pick_device

    return plan_workers(
        settings.workers, device=pick_device(settings.device).type, gpus=torch.cuda.device_count()
    )


def _check(settings: ServeSettings) -> None:
    """Refuse what was typed wrongly about everything but the model, before anything heavy is imported."""
    from tagalign.integrations.label_studio.words import read_words
    from tagalign.tasks.review.clicks import REVIEW_FILE, read_clicks
    from tagalign.tasks.search.head import IndexHead

    _limits(settings, 1 if settings.parallel_batches is None else settings.parallel_batches)
    _api_key(settings)
    for folder in settings.label_studio_folder:
        if not folder.is_dir():
            raise InputError(f"--label-studio-folder {folder}: expected a folder of photos, found none")
    out = settings.label_studio_out
    if out is not None and out.is_file():
        raise InputError(f"--label-studio-out {out}: expected a folder, found a file")
    if out is not None and (out / REVIEW_FILE).exists():
        read_clicks([out / REVIEW_FILE])  # what cannot be read is refused now, not when the server starts
    if settings.label_studio_words is not None:
        read_words(settings.label_studio_words)
    if settings.index is not None:
        IndexHead.read(settings.index)
    look_option(look_folder(settings.look))


def _load(settings: ServeSettings) -> "Model":
    warn_tiny(settings.model)
    import tagalign

    return tagalign.load(settings.model, **settings.whole_model_options(look=look_folder(settings.look)))


def make_app(
    settings: ServeSettings, *, model: "Model | None" = None, mask_folder: Path | None = None
) -> "FastAPI":
    """The application that these flags ask for.

    Args:
        settings: of the command line.
        model: that they name, where it is loaded already.
        mask_folder: shared by several processes.
    """
    from tagalign.apps.server.app import create_app

    # before the model: whatever is refused is refused at once
    limits, api_key = _limits(settings, _parallel_batches(settings)), _api_key(settings)
    label_studio = _label_studio(settings)
    return create_app(
        _load(settings) if model is None else model,
        limits=limits,
        api_key=api_key,
        allowed_hosts=settings.allow_host,
        private_hosts=settings.allow_private_host,
        search=_search(settings),
        label_studio=label_studio,
        mask_folder=mask_folder,
    )


@contextmanager
def _removed_at_a_stop(folder: Path) -> Iterator[None]:
    """A stop before anybody listens for one ends the process at once, as ever, and takes the folder along."""
    from tagalign.apps.server.stopping import stop_signals

    def leave(number: int, _: object) -> None:
        # nothing is raised: in the middle of an import that would end in a traceback
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    numbers = [one for one in stop_signals() if one != signal.SIGINT]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parallel_batches(settings: ServeSettings) -> int:
    import torch

    from tagalign.methods.load import pick_device

    if settings.parallel_batches is not None:
        return settings.parallel_batches
    return min(MOST_BATCHES, torch.get_num_threads()) if pick_device(settings.device).type == "cpu" else 1


def _limits(settings: ServeSettings, parallel_batches: int) -> "Limits":
    from tagalign.apps.server.limits import Limits

    return Limits(
        max_bytes=settings.max_bytes,
        max_pixels=settings.max_pixels,
        max_labels=settings.max_labels,
        max_queue=settings.max_queue,
        max_per_client=settings.max_per_client,
        timeout_s=settings.timeout,
        max_batch=settings.batch_size,
        max_wait_ms=settings.max_wait_ms,
        workers=parallel_batches,
    )


def _api_key(settings: ServeSettings) -> str | None:
    if settings.api_key_file is None:
        return os.environ.get(KEY_VARIABLE) or None
    try:
        key = settings.api_key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--api-key-file {settings.api_key_file}: cannot be read ({error})") from error
    if not key:
        raise InputError(f"--api-key-file {settings.api_key_file}: the file is empty")
    return key


def _label_studio(settings: ServeSettings) -> "LabelStudioSettings":
    from tagalign.apps.server.label_studio.routes import LabelStudioSettings
    from tagalign.integrations.label_studio.words import ConfigWords, read_words

    path = settings.label_studio_words
    return LabelStudioSettings(
        folders=settings.label_studio_folder,
        out=settings.label_studio_out,
        words=ConfigWords() if path is None else read_words(path),
    )


def _search(settings: ServeSettings) -> "SearchEngine | None":
    if settings.index is None:
        return None
    from tagalign.tasks.search.engine import SearchEngine

    return SearchEngine.open(settings.index, device=settings.device, approximate=settings.approximate)
