"""What runs on Linux alone may not be called, or only where it was asked for first: Windows and macOS have no CI here."""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/tagalign"

ONLY_UNIX_MODULES = {
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "crypt",
    "syslog",
    "posix",
    "nis",
    "spwd",
}
ONLY_UNIX = {
    "os": {
        "fork", "forkpty", "pread", "pwrite", "preadv", "mkfifo", "mknod", "getuid", "geteuid", "getgid", "getegid",
        "setsid",
        "killpg", "getpgid", "getpgrp", "setpgid", "nice", "wait3", "wait4", "chown", "fchown", "lchown", "chroot", "uname",
        "statvfs", "sync", "sched_getaffinity", "sched_setaffinity", "sched_yield", "posix_fallocate", "posix_fadvise",
        "sendfile", "copy_file_range", "getloadavg", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_TMPFILE",
        "memfd_create", "eventfd", "pidfd_open", "register_at_fork", "WNOHANG", "ctermid", "ttyname",
    },
    "signal": {
        "SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGCHLD", "SIGQUIT", "SIGSTOP", "SIGCONT",
        "SIGTSTP",
        "SIGWINCH", "alarm", "setitimer", "pause", "pthread_kill", "pthread_sigmask", "sigwait", "siginterrupt",
    },
    "socket": {"AF_UNIX", "socketpair", "SO_REUSEPORT"},
    "time": {"tzset", "clock_gettime", "CLOCK_MONOTONIC"},
    "select": {"poll", "epoll", "kqueue"},
    "mmap": {"PROT_READ", "MAP_PRIVATE", "MAP_SHARED"},
}  # fmt: skip
ONLY_UNIX_PLACES = re.compile(r"/(tmp|var|dev|proc|sys|etc|usr|opt|home|root|run|mnt)(/.*)?")
ALLOWED_PLACES = {
    ("cores.py", "/sys/fs/cgroup"): "where it is missing there is no limit",
    ("cores.py", "/proc/self/cgroup"): "where it is missing there is no limit",
    ("train/loop/memory.py", "/proc/self/clear_refs"): "where it is missing the mark stands since the start",
    ("train/loop/memory.py", "/proc/self/status"): "where it is missing no memory is said",
}
"""Read where they are there, and nothing is lost where they are not."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def with_owners(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Every node with the innermost function around it, or the module."""
    waiting = [(tree, tree)]
    while waiting:
        node, owner = waiting.pop()
        yield node, owner
        inner = node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else owner
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


def asks_first(owner: ast.AST, module: str, name: str) -> bool:
    """Whether a function asks for the name, or for the system, before it calls."""
    text = ast.unparse(owner)
    return f"hasattr({module}, '{name}')" in text or "sys.platform" in text or "os.name" in text


def calls_of_one_system(tree: ast.Module) -> Iterator[str]:
    for node, owner in with_owners(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            yield from (f"line {node.lineno}: import {name}" for name in names if name in ONLY_UNIX_MODULES)
        if isinstance(node, ast.ImportFrom) and node.module in ONLY_UNIX:
            held = {alias.name for alias in node.names} & ONLY_UNIX[node.module]
            yield from (f"line {node.lineno}: from {node.module} import {name}" for name in held)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            if name in ONLY_UNIX.get(module, ()) and not asks_first(owner, module, name):
                yield f"line {node.lineno}: {module}.{name}"
        if isinstance(node, ast.keyword) and node.arg in {"start_new_session", "preexec_fn", "umask"}:
            yield f"line {node.value.lineno}: {node.arg}="


def test_nothing_is_called_that_another_system_lacks() -> None:
    assert {name: found for name, tree in trees() if (found := list(calls_of_one_system(tree)))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "from os import fork",
        "import os\ndef f():\n    os.pread(1, 2, 3)",
        "import signal\nsignal.SIGKILL",
        "import subprocess\nsubprocess.Popen([], start_new_session=True)",
    ],
)
def test_the_search_finds_what_it_is_for(text: str) -> None:
    assert list(calls_of_one_system(ast.parse(text)))
    asked = "import os\ndef f():\n    return os.pread(1, 2, 3) if hasattr(os, 'pread') else b''"
    assert list(calls_of_one_system(ast.parse(asked))) == []


def test_no_place_of_one_system_is_written_down() -> None:
    found = {
        (name, node.value)
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ONLY_UNIX_PLACES.fullmatch(node.value)
    }
    assert found == set(ALLOWED_PLACES)


def test_fonts_are_asked_for_by_name() -> None:
    """A path of a font is a system's own; names are looked for where each system keeps them."""
    fonts = re.compile(r".*\.(ttf|ttc|otf)", re.IGNORECASE)
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and fonts.fullmatch(node.value):
                assert Path(node.value).name == node.value, f"{name}, line {node.lineno}"


def test_processes_begin_in_a_way_that_every_system_has() -> None:
    """``fork`` by name stands in one place, which asks for the system."""
    found = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in {"fork", "forkserver"}
    }
    assert found == {"cores.py"}


def test_text_files_are_opened_with_an_encoding() -> None:
    """The default of Windows is not UTF-8."""
    missing = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            keywords = {keyword.arg for keyword in node.keywords}
            mode = next(
                (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)), "r"
            )
            is_text = node.func.attr in {"read_text", "write_text"} or (
                node.func.attr == "open"
                and re.fullmatch("[rwax]t?[+]?", mode)
                and ast.unparse(node.func.value) in PATH_NAMES
            )
            if is_text and "encoding" not in keywords:
                missing.append(f"{name}, line {node.lineno}: {ast.unparse(node)[:80]}")
    assert missing == []


PATH_NAMES = {"path", "temp", "file", "self.path", "folder"}


def test_the_workflow_that_people_are_given_can_be_read_and_names_what_is_there() -> None:
    import yaml

    root = SOURCE.parents[1]
    page = (root / "docs/ci-other.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    job = yaml.safe_load(text)["jobs"]["test"]
    install, test, demo = (step["run"] for step in job["steps"] if "run" in step)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    extras = re.search(r"\[(.*?)\]", install)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["project"]["optional-dependencies"])
    assert (root / install.split("-c ")[1]).is_file()
    markers = {one.partition(":")[0] for one in project["tool"]["pytest"]["ini_options"]["markers"]}
    assert set(re.findall(r"not (\w+)", test)) <= markers
    assert demo.startswith("tagalign demo")
    for path in re.findall(r"`(tests/[\w/.]+)`", page):
        assert (root / path).is_file(), path


@pytest.mark.skipif(sys.platform == "win32", reason="has none of these")
def test_the_lists_name_what_this_system_has() -> None:
    """A mistyped name would forbid nothing."""
    import importlib

    optional = {"uname", "memfd_create", "eventfd", "pidfd_open", "O_TMPFILE", "copy_file_range", "epoll", "kqueue",
                "sched_yield",
                "posix_fallocate", "posix_fadvise", "sched_getaffinity", "sched_setaffinity", "preadv"}  # fmt: skip
    for module, names in ONLY_UNIX.items():
        held = importlib.import_module(module)
        assert [name for name in names - optional if not hasattr(held, name)] == []
    assert os.name == "posix"
