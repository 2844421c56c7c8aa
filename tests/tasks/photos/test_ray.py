"""Two workers of Ray write what one process writes, byte for byte, also when one is killed in the middle of a part."""

import os
import signal

import numpy as np
import pytest
from PIL import Image

from tagalign.cli.shared.mask_sinks import MaskFiles
from tagalign.errors import InputError
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.ray_cluster import ray_cluster
from tagalign.tasks.folder_look.patches import sink_of
from tagalign.tasks.folder_look.question import LookQuestion
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import SegmentQuestion, TagQuestion
from tagalign.tasks.photos.ray import PartWorker, _lost, answer_run_on_ray
from tagalign.tasks.photos.run import answer_run, close_run, open_run
from tagalign.tasks.photos.sinks import TagParquet
from tagalign.tasks.search.indexing import IndexQuestion, IndexRows, IndexTable, open_index_run
from tagalign.tasks.search.rankers import identity

LABELS = load_label_set("dog,cat,tree", templates="1")
FACTS = {"model": "tiny", "method": "clip", "device": "cpu", "batch_size": 1}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 255, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def contents(folder):
    """Every file but the head, which names the folder it was written for."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".json"
    }


def tag_run(spec, photos, out):
    return open_run(spec.open().describe(), Inputs(items=[str(photos)]), out, TagParquet(), part_size=2)


def spec_of(verb):
    questions = {
        "tag": TagQuestion(labels=LABELS),
        "segment": SegmentQuestion(labels=LABELS),
        "look": LookQuestion(labels=LABELS),
        "search": IndexQuestion(),
    }
    return JobSpec(
        question=questions[verb], **(FACTS | ({"method": "maskclip"} if verb == "segment" else {}))
    )


def sink_for(verb, job, out):
    if verb == "search":
        return IndexRows(table=IndexTable(folder="", model=identity("tiny", job.method), tag_names=()))
    sinks = {
        "tag": lambda: TagParquet(),
        "segment": lambda: MaskFiles(folder=out),
        "look": lambda: sink_of(job),
    }
    return sinks[verb]()


def opened(verb, job, photos, out):
    """A run of the verb, nothing answered yet, with its sink."""
    inputs, sink = Inputs(items=[str(photos)]), sink_for(verb, job, out)
    if verb == "search":
        return open_index_run(out, inputs, job, sink, part_size=2), sink
    return open_run(job.describe(), inputs, out, sink, part_size=2), sink


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray uses its own deprecated settings
def test_a_lost_worker_changes_no_byte(photos, tmp_path):
    """Of any verb that shards a folder; workers are processes that Ray starts, and each is killed once within a part."""
    pytest.importorskip("ray", reason="the ray extra is not installed")

    class Killing:  # here, so that it travels by value: workers cannot import tests
        def __init__(self, sink, killed):
            self.sink, self.killed = sink, killed

        def __getattr__(self, name):
            if name == "sink":  # asked for while it is unpacked
                raise AttributeError(name)
            return getattr(self.sink, name)

        def row(self, job, answered):
            if answered.source.key.endswith("3.png") and not os.path.exists(self.killed):  # noqa: PTH110
                os.mkdir(self.killed)  # noqa: PTH102
                os.kill(os.getpid(), signal.SIGKILL)
            return self.sink.row(job, answered)

    with ray_cluster(None, workers=2):
        for verb, models in (("tag", 2), ("segment", 1), ("look", 1), ("search", 1)):
            spec = spec_of(verb)
            job = spec.open()
            here, sink = opened(verb, job, photos, tmp_path / verb)
            assert sum(1 for _ in answer_run(here, job, sink)) == 7
            killed = str(tmp_path / f"{verb}-killed")
            far, sink = opened(verb, job, photos, tmp_path / f"{verb}-ray")
            done = list(answer_run_on_ray(spec, far, Killing(sink, killed), models=models))
            assert os.path.isdir(killed), verb  # noqa: PTH112
            assert (sum(d for d, _ in done), sum(f for _, f in done)) == (6, 1), verb
            assert list(answer_run_on_ray(spec, far, sink, models=1)) == []
            for run in (here, far):
                close_run(run)
            assert contents(tmp_path / f"{verb}-ray") == contents(tmp_path / verb), verb


class Refusing(TagParquet):
    def row(self, job, answered):
        raise InputError("give fewer labels")


def test_a_worker_says_what_is_wrong_with_the_question(photos, tmp_path):
    spec = JobSpec(question=TagQuestion(labels=LABELS), **FACTS)
    worker = PartWorker(spec, tag_run(spec, photos, tmp_path / "out"), Refusing())
    assert worker({"part": [0]}) == {"done": [0], "failed": [0], "error": ["give fewer labels"]}


def test_a_lost_worker_is_said_in_one_line():
    lost = _lost(RuntimeError("The actor died.\nA long story"))
    assert "lost 4 times in one part (The actor died.)" in str(lost)
    assert "\n" not in str(lost)
