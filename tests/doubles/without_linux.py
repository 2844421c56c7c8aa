"""Runs verbs in this folder, without what Linux alone has, and prints their exit codes as JSON."""

import contextlib
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet  # noqa: F401 - they ask for Linux's functions when they are imported
import torch  # noqa: F401
from annotation_files import WRITERS
from annotation_toys import save_photos

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
# not what the standard library itself calls on Linux: O_TMPFILE, WNOHANG, SIGKILL, sendfile, pthread_sigmask
GONE: dict[Any, str] = {
    os: "fork forkpty pread pwrite preadv mkfifo mknod getuid geteuid getgid setsid killpg getpgid setpgid nice wait3 wait4 "
    "chown uname statvfs sync sched_getaffinity sched_setaffinity posix_fallocate posix_fadvise copy_file_range getloadavg "
    "O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC memfd_create register_at_fork fchmod sysconf",
    signal: "SIGHUP SIGALRM SIGUSR1 SIGUSR2 SIGPIPE SIGCHLD SIGQUIT SIGSTOP SIGTSTP SIGWINCH alarm setitimer pause",
}


def called_by(*files: str) -> bool:
    """Whether the standard library calls, which does on Linux what it does not on Windows."""
    return sys._getframe(2).f_code.co_filename.endswith(files)


def open_files() -> set[str]:
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(number.readlink()))
    return found


def take_away() -> None:
    """Functions, links, folders that can be opened, and files that can be replaced while they are open."""
    sys.modules.update(dict.fromkeys(MODULES))  # type: ignore[arg-type]
    for module, names in GONE.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    opened = os.open

    def open_no_folder(path: Any, flags: int, *rest: Any, **about: Any) -> int:
        if not called_by("shutil.py") and isinstance(path, str | os.PathLike) and Path(path).is_dir():
            raise PermissionError(13, "a folder cannot be opened", str(path))
        return opened(path, flags, *rest, **about)

    def no_link(*given: Any, **about: Any) -> None:
        raise OSError(1, "no links here")

    os.open, os.link, os.symlink = open_no_folder, no_link, no_link
    for name in ("replace", "rename", "remove", "unlink"):
        setattr(os, name, refusing_open_files(getattr(os, name)))


def refusing_open_files(change: Any) -> Any:
    def changed(*given: Any, **about: Any) -> Any:
        paths = {str(Path.cwd() / one) for one in given if isinstance(one, str | os.PathLike)}
        if not called_by("tempfile.py", "shutil.py") and (held := open_files() & paths):
            raise PermissionError(13, "the file is open", held.pop())
        return change(*given, **about)

    return changed


def main() -> None:
    save_photos("photos", "a.jpg", "Cat.jpg", "sub/cat.jpg")
    Path("caps.csv").write_text("key,caption\na.jpg,a dog on grass\nb.jpg,a cat\n", encoding="utf-8")
    Path("coco").mkdir()
    coco = str(WRITERS["coco"](Path("coco")))
    take_away()
    from tagalign.cli.main import main as tagalign

    asked = ("--labels", "cat,dog", "--model", "tiny")
    verbs = {
        "clicks": ("import", "annotations", coco, "--photos", "photos", "--out", "clicks"),
        "benchmark": (
            "import",
            "annotations",
            coco,
            "--photos",
            "photos",
            "--into",
            "benchmark",
            "--out",
            "own",
        ),
        "again": ("import", "annotations", coco, "--photos", "photos", "--into", "benchmark", "--out", "own"),
        "tag": ("tag", "photos", *asked, "--out", "tags"),
        "tag, done before": ("tag", "photos", *asked, "--out", "tags"),
        "segment": ("segment", "photos", *asked, "--out", "masks"),
        "codes": ("segment", "photos", *asked, "--out", "codes", "--rle"),
        "export": ("export", "coco", "codes", "--out", "coco.json"),
        "look": ("look", "photos", *asked, "--out", "look"),
        "index": ("search", "index", "photos", "--model", "tiny", "--index", "index"),
        "search": ("search", "query", "a cat", "--index", "index"),
        "parse": ("parse", "caps.csv", "--out", "parsed"),
    }
    codes = {}
    for name, words in verbs.items():
        with contextlib.redirect_stdout(io.StringIO()):
            codes[name] = tagalign(list(words))
    print(json.dumps(codes))


if __name__ == "__main__":
    main()
