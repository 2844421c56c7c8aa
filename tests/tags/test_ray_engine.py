"""Ray with two local workers writes the rows of the local engine."""

import json

import pytest

from tagalign.tags import load_parser
from tagalign.tags.corpus import CorpusSettings, corpus_shards, parse_corpus
from tagalign.tags.shards import read_rows

pytest.importorskip("ray", reason="needs the ray extra")

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_two_ray_workers_give_the_rows_of_the_local_engine_and_resume(tmp_path):
    from tagalign.tags.ray_engine import parse_corpus_on_ray

    source = tmp_path / "in"
    source.mkdir()
    for i in range(3):
        lines = [
            json.dumps({"key": f"{i}-{j}", "caption": f"a red car{j} and {i} wet dogs"}) for j in range(40)
        ]
        (source / f"{i}.jsonl").write_text("\n".join([*lines, "{broken"]) + "\n")
    (source / "cut.jsonl.gz").write_bytes(b"no gzip")
    shards = corpus_shards([source], format="parquet")
    parser, settings = load_parser("distilled"), CorpusSettings()
    local = parse_corpus(shards, tmp_path / "local", parser, settings=settings)
    remote = parse_corpus_on_ray(shards, tmp_path / "ray", parser, settings=settings, workers=2)
    assert remote == local
    assert (remote.rows, remote.failed, remote.unreadable) == (120, 3, 1)
    for i in range(3):
        names = [tmp_path / engine / f"{i}.jsonl.parquet" for engine in ("local", "ray")]
        assert list(read_rows(names[0])) == list(read_rows(names[1]))
    manifests = [(tmp_path / engine / "manifest.json").read_text() for engine in ("local", "ray")]
    assert manifests[0] == manifests[1]
    again = parse_corpus_on_ray(shards[:2], tmp_path / "ray", parser, settings=settings, workers=2)
    assert (again.skipped, again.rows) == (2, 80)
