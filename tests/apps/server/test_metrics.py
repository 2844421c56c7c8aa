"""The page of numbers, read back with the reader of Prometheus' own client."""

import os
import subprocess
import sys

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tagalign.apps.server.app import create_app
from tagalign.apps.server.metrics import Metrics
from tagalign.testing.stub_method import stub_model


def samples(metrics):
    families = text_string_to_metric_families(metrics.page().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_what_was_counted_stands_on_the_page():
    metrics = Metrics()
    metrics.requests.labels("/tag", "200").inc(3)
    metrics.seconds.labels("/tag").observe(0.2)
    metrics.batch.observe(5)
    metrics.in_flight.inc()
    metrics.waiting.set(7)
    found = samples(metrics)
    assert found["tagalign_requests_total", (("path", "/tag"), ("status", "200"))] == 3
    assert found["tagalign_request_seconds_bucket", (("le", "0.1"), ("path", "/tag"))] == 0
    assert found["tagalign_request_seconds_bucket", (("le", "0.25"), ("path", "/tag"))] == 1
    assert found["tagalign_batch_images_bucket", (("le", "4.0"),)] == 0
    assert found["tagalign_batch_images_bucket", (("le", "8.0"),)] == 1
    assert (found["tagalign_requests_in_flight", ()], found["tagalign_queue_length", ()]) == (1, 7)


def test_two_servers_in_one_process_count_apart():
    one, other = Metrics(), Metrics()
    one.waiting.set(3)
    assert samples(other)["tagalign_queue_length", ()] == 0


COUNTED_TWICE = """
import os
from pathlib import Path
from tagalign.apps.server.metrics import Metrics, forget_process
from tagalign.apps.server.workers.plan import NUMBERS_FOLDER
def count():
    metrics = Metrics()
    metrics.requests.labels("/tag", "200").inc(2)
    metrics.waiting.set(3)
    return metrics
child = os.fork()
if child == 0:
    count()
    os._exit(0)
os.waitpid(child, 0)
metrics = count()
forget_process(child, Path(os.environ[NUMBERS_FOLDER]))
print(metrics.page().decode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_processes_that_share_a_folder_are_counted_together(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COUNTED_TWICE],
        env={
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        },  # read at import, so not in this process
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'tagalign_requests_total{path="/tag",status="200"} 4.0' in done.stdout
    assert "tagalign_queue_length 3.0" in done.stdout  # of those that live


def test_wrong_paths_names_of_masks_and_keys_make_no_counters() -> None:
    app = create_app(stub_model())
    with TestClient(app) as client:

        def lines() -> int:
            return len(client.get("/metrics").text.splitlines())

        client.get("/v1/masks/0.png", headers={"If-None-Match": '"0"', "X-API-Key": "0"})
        lines()  # itself a path that is counted from now on
        before = lines()
        for i in range(1, 300):
            headers = {"If-None-Match": f'"{i}"', "X-API-Key": str(i)}
            assert client.get(f"/v1/masks/{i:032x}.png", headers=headers).status_code == 404
            assert client.post(f"/wrong/{i}", headers=headers).status_code == 404
        assert lines() == before
