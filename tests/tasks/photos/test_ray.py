"""Two workers of Ray write what one process writes, byte for byte, also when one is killed in the middle of a part."""

import os
import signal

import numpy as np
import pytest
from PIL import Image

from tagalign.errors import InputError
from tagalign.tags.label_sets import load_label_set
from tagalign.tags.ray_cluster import ray_cluster
from tagalign.tasks.photos.inputs import Inputs
from tagalign.tasks.photos.job import JobSpec
from tagalign.tasks.photos.questions import TagQuestion
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


def index_run(spec, photos, out):
    job = spec.open()
    table = IndexTable(folder="", model=identity("tiny", job.method), tag_names=())
    sink = IndexRows(table=table)
    return open_index_run(out, Inputs(items=[str(photos)]), job, sink, part_size=4), job, sink


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray uses its own deprecated settings
def test_a_lost_worker_changes_no_byte(photos, tmp_path):
    pytest.importorskip("ray", reason="the ray extra is not installed")
    killed = str(tmp_path / "killed")

    class Killing(TagParquet):  # here, so that it travels by value: workers cannot import tests
        def row(self, job, answered):
            if answered.source.key.endswith("3.png") and not os.path.exists(killed):  # noqa: PTH110
                os.mkdir(killed)  # noqa: PTH102
                os.kill(os.getpid(), signal.SIGKILL)
            return super().row(job, answered)

    tags = JobSpec(question=TagQuestion(labels=LABELS), **FACTS)
    index = JobSpec(question=IndexQuestion(), **FACTS)
    here = tag_run(tags, photos, tmp_path / "here")
    assert sum(1 for _ in answer_run(here, tags.open(), TagParquet())) == 7
    close_run(here)
    local, job, sink = index_run(index, photos, tmp_path / "here-index")
    assert sum(1 for _ in answer_run(local, job, sink)) == 7
    with ray_cluster(None, workers=2):
        run = tag_run(tags, photos, tmp_path / "ray")
        done = list(answer_run_on_ray(tags, run, Killing(), models=2))
        far, _, sink = index_run(index, photos, tmp_path / "ray-index")
        indexed = list(answer_run_on_ray(index, far, sink, models=1))
        assert list(answer_run_on_ray(index, far, sink, models=1)) == []
    assert os.path.isdir(killed)  # noqa: PTH112
    close_run(run)
    assert (sum(d for d, _ in done), sum(f for _, f in done)) == (6, 1)
    assert sum(d for d, _ in indexed) == 6
    assert contents(tmp_path / "ray") == contents(tmp_path / "here")
    assert contents(tmp_path / "ray-index") == contents(tmp_path / "here-index")


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
