"""Seconds from the shell to the first answer of every verb, over ``import torch`` in the same run: what a user waits for.

Each verb answers its smallest question: one drawn scene or a handful of captions, with ``tiny``; a server counts until it
answers. ``vit_b16`` tags a photo-sized picture with a folder of openai/clip-vit-base-patch16's shape and random weights.
Numbers are medians of fresh processes, taken in turns so that whatever else the machine does falls on all of them; processor
seconds are those of the process alone. Prints a JSON line a verb, then a table. ``--imports`` prints the modules of one verb
that take longest to import instead. Run: python benchmarks/start.py [--repeats 3] [--verbs tag segment] [--vit]
"""

import argparse
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image

from tagalign.backbones.packaged import packaged_dir

LABELS = ("--labels", "car,dog,tree")
TINY = ("--model", "tiny")
CAPTIONS = ("a red car on the road", "a brown dog near a tree", "two boats at the beach", "a green tree")
SHOWN_MODULES = 15
PATIENCE_S = 300


@dataclass(frozen=True, kw_only=True)
class Case:
    """A verb's smallest question.

    Attributes:
        words: of the command; ``{out}`` is a new folder, ``{NAME}`` what the case of that name wrote.
        url: of a server, which is ended once it answers there; empty for others.
        after: name of the case that must have run before.
    """

    words: tuple[str, ...]
    url: str = ""
    after: str = ""


def cases(folder: Path) -> dict[str, Case]:
    """One a verb, in an order in which each finds what it reads."""
    scene, pairs = folder / "scene.png", folder / "pairs"
    pairs.mkdir()
    Image.effect_noise((80, 80), 80).convert("RGB").save(scene)
    for i in range(8):
        Image.effect_noise((80, 80), 40 + i).convert("RGB").save(pairs / f"{i}.png")
        (pairs / f"{i}.txt").write_text(CAPTIONS[i % len(CAPTIONS)] + "\n", encoding="utf-8")
    photo, port = str(scene), free_port()
    train = ("train", "--pairs", str(pairs), *TINY, "--steps", "1", "--batch-size", "4", "--out", "{out}")
    evaluate = ("evaluate", "--data", "tiny-world", *TINY, "--limit", "2", "--out", "{out}")
    here = f"http://127.0.0.1:{port}"
    return {
        "help": Case(words=("--help",)),
        "methods": Case(words=("methods",)),
        "models": Case(words=("models",)),
        "data": Case(words=("data", "list")),
        "tag": Case(words=("tag", photo, *LABELS, *TINY, "--out", "{out}")),
        "segment": Case(words=("segment", photo, *LABELS, *TINY, "--out", "{out}")),
        "refer": Case(words=("refer", photo, "--phrase", "a car", *TINY, "--out", "{out}")),
        "caption": Case(words=("caption", photo, *TINY, "--out", "{out}")),
        "ask": Case(words=("ask", photo, "what is it?", *TINY)),
        "look": Case(words=("look", str(pairs), *LABELS, *TINY, "--out", "{out}")),
        "suggest": Case(words=("suggest", str(pairs), *TINY, "--out", "{out}")),
        "labels": Case(words=("labels", "check", "car,dog,tree", str(pairs), *TINY, "--out", "{out}")),
        "search": Case(words=("search", "index", str(pairs), *TINY, "--index", "{out}")),
        "parse": Case(words=("parse", str(pairs), "--out", "{out}")),
        "vocabulary": Case(words=("vocabulary", "{parse}", "--out", "{out}"), after="parse"),
        "label": Case(
            words=("label", "{parse}", "--vocabulary", "{vocabulary}", "--out", "{out}"),
            after="vocabulary",
        ),
        "distil": Case(words=("distil", "{parse}", "--out", "{out}"), after="parse"),
        "train": Case(words=(*train, "--tag-loss-weight", "0")),
        "evaluate": Case(words=evaluate),
        "compare": Case(words=("compare", "{evaluate}", "{evaluate}"), after="evaluate"),
        "export": Case(words=("export", "coco", "{segment}", "--out", "{out}"), after="segment"),
        "import": Case(words=("import", "clip", str(packaged_dir("tiny")), "--out", "{out}")),
        "reproduce": Case(words=("reproduce", "list")),
        "demo": Case(
            words=("demo", "--train-scenes", "128", "--test-scenes", "4", "--steps", "1", "--out", "{out}")
        ),
        "serve": Case(words=("serve", *TINY, "--port", str(port)), url=f"{here}/health"),
        "app": Case(words=("app", *TINY, "--port", str(port)), url=f"{here}/"),
    }


def free_port() -> int:
    """Nobody listens there now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def timed(command: list[str], url: str = "") -> tuple[float, float, str]:
    """Wall-clock and processor seconds of a process to its end, or of a server to its first answer; what it said last."""
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if url:
        answered = wait_for(url, process)
        wall = time.perf_counter() - start
        process.terminate()
        said, _ = process.communicate()
        failed = not answered
    else:
        said, _ = process.communicate()
        wall, failed = time.perf_counter() - start, process.returncode != 0
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, spent, (said.strip().splitlines() or ["no word"])[-1] if failed else ""


def wait_for(url: str, process: subprocess.Popen[str]) -> bool:
    """Ask until it answers; False where the process ends before, or nothing comes."""
    until = time.perf_counter() + PATIENCE_S
    while process.poll() is None and time.perf_counter() < until:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def command_of(case: Case, name: str, folder: Path) -> list[str]:
    """The words with their folders; what an earlier run of the case wrote is gone."""
    out = folder / "out" / name
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(exist_ok=True)
    words = [
        re.sub(r"\{(\w+)\}", lambda m: str(out if m[1] == "out" else folder / "out" / m[1]), word)
        for word in case.words
    ]
    return [sys.executable, "-m", "tagalign.cli.main", *words]


def slow_imports(command: list[str], url: str = "") -> list[tuple[float, str]]:
    """Modules by the milliseconds that they take with all that they bring, the slowest first; a server is ended."""
    with tempfile.TemporaryFile("w+") as said:  # more lines than a pipe holds
        timing = [command[0], "-X", "importtime", *command[1:]]
        process = subprocess.Popen(timing, stdout=subprocess.DEVNULL, stderr=said)
        if url:
            wait_for(url, process)
            process.terminate()
        process.wait()
        said.seek(0)
        lines = re.findall(r"import time:\s+\d+ \|\s+(\d+) \| +(\S+)", said.read())
    return sorted(((int(us) / 1000, name) for us, name in lines), reverse=True)


def measured(chosen: dict[str, Case], folder: Path, repeats: int) -> list[dict[str, object]]:
    """A row a verb."""
    times: dict[str, list[tuple[float, float, str]]] = {"torch": [], **{name: [] for name in chosen}}
    for repeat in range(repeats + 1):
        taken = {"torch": timed([sys.executable, "-c", "import torch"])}
        for name, case in chosen.items():
            taken[name] = timed(command_of(case, name, folder), case.url)
        for name, both in taken.items():
            if repeat or both[2]:  # the first round reads files from the disk
                times[name].append(both)
    rows = []
    for name in ("torch", *chosen):
        row: dict[str, object] = {"verb": name}
        if words := [said for *_, said in times[name] if said]:
            row["failed"] = words[0]
        for place, kind in enumerate(("wall", "cpu")):
            row[f"{kind}_s"] = round(median(one[place] for one in times[name]), 2)
            # the ratio of each round, then the median: a disturbed round moves one value
            pairs = zip(times[name], times["torch"], strict=False)
            row[f"{kind}_over_torch"] = round(median(a[place] / b[place] for a, b in pairs), 2)
        rows.append(row)
        print(json.dumps(row | {"cores": os.cpu_count(), "machine": platform.machine()}), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--verbs", nargs="+", default=None)
    parser.add_argument("--vit", action="store_true", help="tag with a ViT-B/16 too")
    parser.add_argument("--imports", metavar="VERB", help="the slowest imports of a verb instead")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        known = cases(folder)
        if settings.vit:
            known["vit_b16"] = vit_case(folder)
        if settings.imports:
            case = known[settings.imports]
            slowest = slow_imports(command_of(case, settings.imports, folder), case.url)
            for ms, name in slowest[:SHOWN_MODULES]:
                print(f"{ms:8.0f} ms  {name}")
            return
        wanted = list(settings.verbs or known)
        for name in wanted:  # what a verb reads comes before it
            wanted = ([known[name].after] if known[name].after else []) + wanted
        chosen = {name: case for name, case in known.items() if name in wanted}
        rows = measured(chosen, folder, settings.repeats)
    print("| verb | wall s | processor s | over import torch |\n|---|--:|--:|--:|")
    for row in rows:
        print(f"| {row['verb']} | {row['wall_s']} | {row['cpu_s']} | {row['cpu_over_torch']} |")


def vit_case(folder: Path) -> Case:
    """A photo with an encoder of full size."""
    from tagalign.testing.clip_folder import VIT_B16, make_clip_folder

    photo = folder / "photo.jpg"
    Image.effect_noise((640, 480), 80).convert("RGB").save(photo)
    model = str(make_clip_folder(folder / "vit", **VIT_B16))
    return Case(words=("tag", str(photo), *LABELS, "--model", model, "--out", "{out}"))


if __name__ == "__main__":
    main()
