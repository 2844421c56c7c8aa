"""``parse``, ``vocabulary`` and ``label`` killed at random moments: the same command again ends with the same bytes.

One process imports everything and forks a child per run, so that a kill costs the run alone. ``TAGALIGN_KILLS`` sets how
many kills there are per verb (a few by default; 70 make the two hundred of a release).
"""

import json
import os
import subprocess
import sys

import pytest

KILLS = int(os.environ.get("TAGALIGN_KILLS", "3"))

DRIVER = """
import importlib, json, os, pathlib, random, shutil, signal, sys, time
from tagalign.cli.main import main
for name in ("tags.corpus", "tags.fixed_list", "tags.shard_vocabulary", "cli.parse", "cli.vocabulary", "cli.label"):
    importlib.import_module("tagalign." + name)

def start(flags):
    child = os.fork()
    if child:
        return child
    os.close(2), os.open(os.devnull, os.O_WRONLY)
    os._exit(main(flags))

def contents(folder):
    return {p.name: p.read_bytes().hex() for p in sorted(folder.iterdir()) if p.is_file() and p.name != "settings.json"}

def run(flags):
    began = time.monotonic()
    assert os.waitpid(start(flags), 0)[1] == 0, flags
    return time.monotonic() - began

def kill(flags, folder, kills):
    # the number of runs that a signal ended
    whole, killed = folder / "whole", folder / "killed"
    seconds = run([*flags, "--out", str(whole)])
    hit = 0
    for number in range(kills):
        for _ in range(rng.randint(1, 3)):  # a run may be killed more than once before it gets through
            child = start([*flags, "--out", str(killed)])
            time.sleep(rng.random() * seconds)
            os.kill(child, signal.SIGKILL if number % 2 else signal.SIGTERM)
            hit += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        run([*flags, "--out", str(killed)])
        found, expected = contents(killed), contents(whole)
        assert found == expected, [n for n in {*found, *expected} if found.get(n) != expected.get(n)]
        shutil.rmtree(killed)
    return hit

jobs, folder, kills = json.loads(sys.argv[1])
rng = random.Random(0)
print(json.dumps([kill(flags, pathlib.Path(folder, name), kills) for name, flags in jobs.items()]))
"""


@pytest.fixture
def captions(tmp_path):
    """Sources of several kinds, one with rows that fail."""
    source = tmp_path / "in"
    source.mkdir()
    texts = [f"a red car{i} and {i} dogs on the wooden bench" for i in range(800)]
    for n in range(3):
        lines = [json.dumps({"key": f"{n}/{i}", "caption": text}) for i, text in enumerate(texts)]
        (source / f"{n}.jsonl").write_text("\n".join([*lines, "{broken"]))
    return source


def test_after_kills_at_random_moments_the_bytes_are_the_same(tmp_path, captions):
    words = tmp_path / "words.txt"
    words.write_text("car\ndog\nbench\nred\n")
    tags, vocabulary = str(tmp_path / "parse/whole"), str(tmp_path / "vocabulary/whole/vocabulary.tsv")
    jobs = {
        "parse": ["parse", str(captions), "--parser", f"fixed:{words}", "--workers", "1"],
        "vocabulary": ["vocabulary", tags, "--objects", "50", "--label-sets", "voc20"],
        "label": ["label", tags, "--vocabulary", vocabulary],
    }
    given = json.dumps([jobs, str(tmp_path), KILLS])
    limit = 300 + 10 * KILLS
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, given], capture_output=True, text=True, timeout=limit, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # most signals must find a run under way, or nothing was tried
    assert min(json.loads(done.stdout)) >= KILLS // 2
