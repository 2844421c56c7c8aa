"""Runs ended on purpose, then given again: ``driver.py PLAN.json`` prints one JSON line per job.

The process imports everything once and forks a child for each run, so that a kill costs that run alone. What a run leaves
is compared with what an undisturbed run left: names of files and their bytes.
"""

import contextlib
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from errno import EFBIG, ENOSPC, EROFS
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image

from tagalign.cli.main import main

BLOCKED = (signal.SIGINT, signal.SIGTERM)
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
REFUSALS = {"full": ENOSPC, "read-only": EROFS, "limit": EFBIG}
WAYS = (*SIGNALS, *REFUSALS)
PATIENCE_S = 300  # only a hang is too slow: the machine may be busy
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"}
MODULES = ("cli.verbs.tag", "cli.verbs.look", "cli.verbs.suggest", "cli.verbs.labels.verb",
           "cli.verbs.segment.verb", "cli.verbs.refer", "cli.verbs.search",
           "cli.verbs.parse", "cli.verbs.label", "cli.verbs.vocabulary", "cli.verbs.train.tagalign",
           "cli.verbs.train.trusty", "cli.verbs.train.tag2text", "cli.verbs.export.verb",
           "cli.verbs.export.results", "cli.verbs.export.onnx", "export.formats", "tasks.search.indexing",
           "tags.corpus", "methods.load",
           "train.tagalign.training", "train.trusty.training", "train.tag2text.training", "tasks.photos.run")  # fmt: skip


@dataclass
class Fault:
    """What goes wrong, and when.

    Attributes:
        way: one of ``WAYS``.
        after: changes of files that go well before it.
        below: only what lies below this folder counts.
        limit: bytes of a file from which on writing is refused, for ``limit``.
    """

    way: str
    below: str
    after: int = 0
    limit: int = 0
    seen: int = 0

    def install(self) -> None:
        """Watch every change of files of this process, which never ends it again."""
        if self.way == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))
            return

        def watched(descriptor: int) -> None:
            self.change("os.fsync")  # no more: what a killed process wrote stays, and no power is cut

        os.fsync = watched
        sys.addaudithook(self.look)

    def look(self, event: str, args: tuple[Any, ...]) -> None:
        """The audit hook: called by Python before it does such things."""
        if event == "open":
            path, mode, flags = args
            writes = any(c in mode for c in "wax+") if mode else flags & (os.O_WRONLY | os.O_RDWR)
            if not writes:
                return
        elif event in CHANGES:
            path = args[0]
        else:
            return
        # the folder is given as an absolute path, and so are the files in it
        if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self.below):
            self.change(event)

    def change(self, event: str) -> None:
        """Count a change; end the process, or refuse this one and all that follow."""
        self.seen += 1
        if self.seen <= self.after:
            return
        if self.way in SIGNALS:
            if self.seen == self.after + 1 or (self.way == "SIGINT" and self.seen == self.after + 2):
                os.kill(os.getpid(), getattr(signal, self.way))
            return
        if self.way == "full" and event in {"os.remove", "os.rmdir", "os.chmod", "os.rename"}:
            return  # a full disk still forgets files
        raise OSError(REFUSALS[self.way], os.strerror(REFUSALS[self.way]))


class Counting(Fault):
    """Nothing goes wrong; a file gets one byte for each change."""

    def __init__(self, below: str, path: Path) -> None:
        super().__init__("none", below)
        self.path = path

    def install(self) -> None:
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        super().install()

    def change(self, event: str) -> None:
        os.write(self.file, b".")


@dataclass
class Ended:
    """How a run ended: exit code, negative for a signal; what it said; seconds."""

    code: int
    said: str
    seconds: float


def run(flags: list[str], fault: Fault | None = None, *, wait_s: float | None = None, way: str = "") -> Ended:
    """One run in a child; with ``wait_s`` it gets a signal (Ctrl-C twice) after so many seconds."""
    began = time.monotonic()
    # a signal waits until the child is ready for it; what is said goes to a pipe, which no limit of files touches
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        be_child(flags, writing, fault)
    os.close(writing)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    if wait_s is not None:
        time.sleep(wait_s)
        for pause in (0.0, 0.02) if way == "SIGINT" else (0.0,):
            time.sleep(pause)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, getattr(signal, way))
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() - began > PATIENCE_S:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError(f"hangs: {flags}")
        time.sleep(0.002)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as file:
        said = file.read()
    return Ended(os.waitstatus_to_exitcode(found[1]), said, time.monotonic() - began)


def be_child(flags: list[str], said: int, fault: Fault | None) -> None:
    """Never returns."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
        for number in (0, 1):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        os.dup2(said, 2)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
        if fault is not None:
            fault.install()
        code = main(flags)
    except BaseException:
        import traceback

        with contextlib.suppress(BaseException):
            traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
    os._exit(code)


TIMED = {"metrics.jsonl", "settings.json"}
# of the machine, and of the last of several runs
CLOCKS = re.compile(rb'"(images_per_s|share_\w+|seconds|captions|skipped)": [0-9.e+-]+')


def contents(folder: Path) -> dict[str, Any]:
    """Every file; without the times in the few that tell some."""
    return {str(p.relative_to(folder)): content(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def content(path: Path) -> Any:
    """Of one file."""
    found = path.read_bytes()
    if path.suffix == ".safetensors":  # the library writes the names in its header in a random order
        start = 8 + int.from_bytes(found[:8], "little")
        return json.loads(found[8:start]), found[start:]
    return CLOCKS.sub(b"", found) if path.name in TIMED else found


def halves(folder: Path) -> list[str]:
    """Files that are there and cannot be read to their end."""
    return [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file() and not is_whole(p)]


def is_whole(path: Path) -> bool:
    """Whether its kind of file can be read to the end; hidden files belong to nobody."""
    try:
        if path.name.startswith("."):
            return True
        match path.suffix:
            case ".json":
                json.loads(path.read_text())
            case ".jsonl" if path.name not in {"metrics.jsonl", "errors.jsonl"}:  # appended, line by line
                [json.loads(line) for line in path.read_text().splitlines()]
            case ".parquet":
                pq.read_table(path, use_threads=False)
            case ".png":
                with Image.open(path) as image:
                    image.load()
            case ".npy":
                np.load(path, allow_pickle=False)
            case ".safetensors":
                from safetensors.torch import load_file

                load_file(path)
    except Exception:
        return False
    return True


@dataclass
class Job:
    """A command and its ways to go wrong."""

    name: str
    flags: list[str]
    out: Path
    work: Path
    whole: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    changes: int = 0
    count: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def kept(self) -> Path:
        return self.work / f"whole-{self.name}"

    def prepare(self) -> None:
        """An undisturbed run, whose changes of files are counted; its results are kept for the jobs that need them."""
        counter = Counting(str(self.out), self.work / "count")
        ended = run(self.flags, counter)
        if ended.code:
            raise AssertionError(f"{self.name}: {ended.said}")
        self.whole, self.seconds = contents(self.out), ended.seconds
        self.changes = counter.path.stat().st_size
        shutil.copytree(self.out, self.kept)
        self.clear()

    def clear(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()

    def disturbed(self, way: str, rng: random.Random, *, after: int | None) -> None:
        """Run until something goes wrong (perhaps more than once), then once more without."""
        self.clear()
        if after is not None or way in REFUSALS:
            largest = max(len(v) for v in self.whole.values() if isinstance(v, bytes))
            fault = Fault(way, str(self.out), after or 0, limit=int(largest * rng.random()))
            ended = run(self.flags, fault)
        else:
            ended = run(self.flags, wait_s=rng.random() * self.seconds, way=way)
        where = f"{way} after {after if after is not None else 'a while'}"
        if self.is_ended_well(ended, way, where):
            self.count[way] = self.count.get(way, 0) + 1
        again = run(self.flags)
        if again.code:
            self.wrong.append(f"{where}: the same command again: {again.code} {again.said[-600:]}")
        elif (found := contents(self.out)) != self.whole:
            names = [n for n in sorted({*found, *self.whole}) if found.get(n) != self.whole.get(n)]
            self.wrong.append(f"{where}: other bytes in {names[:8]}")
            shutil.copytree(self.out, self.work / f"wrong-{self.name}", dirs_exist_ok=True)  # to be looked at

    def is_ended_well(self, ended: Ended, way: str, where: str) -> bool:
        """Whether the fault was met; notes what is wrong with how the run took it."""
        if "Traceback" in ended.said or "Exception ignored" in ended.said:
            self.wrong.append(f"{where}: a traceback: {ended.said[-900:]}")
        if half := halves(self.out):
            self.wrong.append(f"{where}: half-written {half[:5]}")
        if ended.code == 0:
            return False
        if way in REFUSALS:
            lines = [line for line in ended.said.splitlines() if line.startswith("tagalign ")]
            if ended.code != 2 or len(lines) != 1:
                self.wrong.append(f"{where}: exit {ended.code}, expected 2 and one line: {ended.said[-900:]}")
            left = [p.name for p in self.out.rglob(".*.tmp")]
            if left and way != "read-only":  # where nothing can be removed
                self.wrong.append(f"{where}: left {left}")
        return True


def carry_out(job: Job, plan: dict[str, Any], rng: random.Random, turn: int) -> None:
    """All disturbances of a job: one way after another at ``points`` of its changes (-1: each way at all of them), and
    ``kills`` at random moments."""
    job.prepare()
    points, asked = range(job.changes), plan["points"]
    chosen = points if asked < 0 or asked >= job.changes else sorted(rng.sample(points, asked))
    for place, after in enumerate(chosen):
        for way in WAYS if asked < 0 else (WAYS[(place + turn) % len(WAYS)],):
            job.disturbed(way, rng, after=after)
    for number in range(plan["kills"]):
        job.disturbed(SIGNALS[number % len(SIGNALS)], rng, after=None)


def main_of_driver(plan: dict[str, Any]) -> None:
    """Every job in order; later ones may read what earlier ones left in ``whole-NAME``."""
    torch.set_num_threads(1)
    for name in MODULES:
        importlib.import_module(f"tagalign.{name}")
    rng = random.Random(plan.get("seed", 0))
    for number, values in enumerate(plan["jobs"]):
        work = Path(plan["work"])
        job = Job(values["name"], values["flags"], Path(values["out"]), work)
        job.clear()
        began = time.monotonic()
        if values.get("only_prepare"):
            job.prepare()
        else:
            carry_out(job, plan, rng, turn=number * plan["points"])
        told = {
            "name": job.name,
            "changes": job.changes,
            "seconds": round(job.seconds, 2),
            "took": round(time.monotonic() - began, 1),
            "hit": job.count,
            "wrong": job.wrong,
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main_of_driver(json.loads(Path(sys.argv[1]).read_text()))
