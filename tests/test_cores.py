"""Threads: what is asked for, the environment, the cores a process is bound to and its share of time, in this order."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tagalign
from tagalign.cores import (
    PASSIVE,
    settle_threads,
    share_of_threads,
    share_of_time,
    threads_now,
    usable_cores,
    worker_start,
)
from tagalign.errors import InputError


@pytest.fixture
def environment(monkeypatch):
    for name in (*PASSIVE, "OMP_NUM_THREADS", "MKL_DYNAMIC"):
        monkeypatch.setenv(name, "x")  # so that what is set below is taken back
        monkeypatch.delenv(name)
    return monkeypatch


def groups(tmp_path, own, **files):
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        file = tmp_path / "root" / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return share_of_time(tmp_path / "own", tmp_path / "root")


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu_dot_max": "max 100000\n"}, float("inf")),
        ({"cpu_dot_max": "150000 100000\n"}, 1.5),
        ({"a__cpu_dot_max": "400000 100000", "a__b__cpu_dot_max": "max 100000"}, 4.0),  # of a group above
        ({"a__cpu_dot_max": "400000 100000", "a__b__cpu_dot_max": "50000 100000"}, 0.5),
        ({"a__b__cpu_dot_max": ""}, float("inf")),
        ({"a__b__cpu_dot_max": "-7 0"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_share_of_time_of_version_2(tmp_path, files, share):
    assert groups(tmp_path, "0::/a/b\n", **files) == share


def test_share_of_time_of_version_1(tmp_path):
    lines = "12:memory:/x\n4:cpu,cpuacct:/docker/1\n"
    assert groups(tmp_path, lines) == float("inf")
    files = {"cfs_quota_us": "250000", "cfs_period_us": "100000"}
    (tmp_path / "root/cpu,cpuacct").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / f"root/cpu,cpuacct/cpu.{name}").write_text(text)  # in a container: at the root
    assert groups(tmp_path, lines) == 2.5
    (tmp_path / "root/cpu,cpuacct/cpu.cfs_quota_us").write_text("-1")
    assert groups(tmp_path, lines) == float("inf")


def test_without_control_groups_nothing_is_limited(tmp_path):
    assert share_of_time(tmp_path / "none", tmp_path) == float("inf")


def test_usable_cores_are_those_the_process_is_bound_to():
    code = "from tagalign.cores import usable_cores; print(usable_cores())"
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system binds no process to cores")
    one = min(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{one}}}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"


def test_what_is_asked_for_goes_before_the_environment_and_that_before_the_cores(environment):
    settle_threads()
    assert threads_now() == usable_cores()
    environment.setenv("OMP_NUM_THREADS", "3,2")
    settle_threads()
    assert threads_now() == 3
    environment.setitem(sys.modules, "torch", type("Torch", (), {"set_num_threads": int}))
    settle_threads(5)
    assert threads_now() == 5
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_processes_side_by_side_share_the_threads(environment):
    environment.setenv("OMP_NUM_THREADS", "7")
    assert [share_of_threads(count) for count in (1, 2, 3, 9)] == [7, 3, 2, 1]


def test_waiting_is_passive_unless_the_user_says_otherwise(environment):
    environment.setenv("OMP_WAIT_POLICY", "ACTIVE")
    settle_threads()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["GOMP_SPINCOUNT"] == "0"


def test_no_threads_are_refused(environment):
    with pytest.raises(InputError, match="at least 1"):
        settle_threads(0)


def test_torch_takes_what_was_settled(environment):
    code = (
        "import sys, json; from tagalign.cores import settle_threads; settle_threads(3); assert 'torch' not in sys.modules;"
        "import torch; print(json.dumps(torch.get_num_threads()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == 3


def test_a_system_that_binds_no_process_to_cores(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert 1 <= usable_cores() <= 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
    assert share_of_time(tmp_path / "none", tmp_path / "none") == float("inf")


@pytest.mark.parametrize(("system", "start"), [("linux", "fork"), ("darwin", "spawn"), ("win32", "spawn")])
def test_processes_are_forked_where_that_is_safe(monkeypatch, system, start):
    monkeypatch.setattr(sys, "platform", system)
    assert worker_start() == start


def test_a_process_that_reads_ends_before_python_is_taken_down():
    code = "import atexit; from tagalign.cores import end_at_once; atexit.register(print, 'taken down'); end_at_once(0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout


def test_every_loader_of_batches_lets_its_processes_end_so():
    calls = [
        (path.name, {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords})
        for path in Path(tagalign.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DataLoader"
    ]
    assert len(calls) == 2
    assert all(keywords.get("worker_init_fn") == "end_at_once" for _, keywords in calls), calls
