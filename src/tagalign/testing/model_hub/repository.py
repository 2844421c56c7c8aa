"""A repository of a hub as plain Python: files, commits in a line, branches, tags, pull requests."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

KINDS = ("model", "dataset", "space")
LARGE_SUFFIXES = (".bin", ".ckpt", ".h5", ".model", ".msgpack", ".onnx", ".pt", ".pth", ".safetensors")
"""Kept as large files by the rules that the hub writes into a new repository."""
LARGE_BYTES = 10 * 2**20
"""Any file from this size on is a large file, too."""

Contents = bytes | Path
"""What lies in a file: the bytes, or a local file that is read when it is asked for."""


@dataclass(frozen=True)
class HubFile:
    """One file of a commit.

    Attributes:
        name: path inside the repository, with slashes.
        contents: what lies in it.
    """

    name: str
    contents: Contents

    @cached_property
    def size(self) -> int:
        """Bytes."""
        return self.contents.stat().st_size if isinstance(self.contents, Path) else len(self.contents)

    @cached_property
    def is_large(self) -> bool:
        """Whether git holds only a pointer to it (Git LFS)."""
        return PurePosixPath(self.name).suffix in LARGE_SUFFIXES or self.size >= LARGE_BYTES

    @cached_property
    def sha256(self) -> str:
        """Of the contents, in hex."""
        if isinstance(self.contents, bytes):
            return hashlib.sha256(self.contents).hexdigest()
        with self.contents.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """What git holds of a large file."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @cached_property
    def oid(self) -> str:
        """Git's name of the blob, in hex."""
        data = self.pointer if self.is_large else self.read(0, self.size)
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        """What the hub calls this content, and the client's cache the blob: SHA-256 of large files, else git's name."""
        return self.sha256 if self.is_large else self.oid

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` (not included)."""
        if isinstance(self.contents, bytes):
            return self.contents[start:stop]
        with self.contents.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


@dataclass(frozen=True)
class HubCommit:
    """A state of a repository.

    Attributes:
        id: 40 hex digits, made from the parent, the files and the title.
        files: name -> file, all of the state.
        title: first line of the message.
        author: user name.
        parent: the commit before it; None for the first.
    """

    id: str
    files: Mapping[str, HubFile]
    title: str
    author: str
    parent: "HubCommit | None"

    def line(self) -> "Iterator[HubCommit]":
        """This commit and those before it, newest first."""
        commit: HubCommit | None = self
        while commit is not None:
            yield commit
            commit = commit.parent


@dataclass(frozen=True)
class HubPullRequest:
    """A discussion of a repository; one with a commit is a pull request, readable as ``refs/pr/NUM``.

    Attributes:
        num: counts from 1 in its repository, discussions and pull requests together.
        title: of the discussion.
        author: user name.
        status: open, closed, merged or draft.
        head: the proposed state; None for a discussion without one.
    """

    num: int
    title: str
    author: str
    status: str
    head: HubCommit | None


class HubRepository:
    """A repository to be served; add commits and pull requests in the order in which they happened.

    Args:
        id: ``owner/name``, or ``name`` alone as of the oldest models.
        files: the first commit on main: name -> bytes or a local file, or a local folder taken whole.
        kind: model, dataset or space.
        is_private: only tokens that may read it learn that it exists.
        is_gated: everyone may list it, only tokens that may read it get its files.

    Example:
        >>> repository = HubRepository("lab/model", {"config.json": b"{}"})
        >>> first = repository.main
        >>> pull = repository.open_pull_request({"model.safetensors": b"weights"}, title="Add weights")
        >>> pull.head.parent is first, sorted(pull.head.files)
        (True, ['config.json', 'model.safetensors'])
        >>> repository.commit({"README.md": b"later"}).parent is first
        True
    """

    def __init__(
        self,
        id: str,
        files: Mapping[str, Contents] | Path,
        *,
        kind: str = "model",
        is_private: bool = False,
        is_gated: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"{id}: expected a kind of {KINDS}, got {kind!r}")
        self.id, self.kind, self.is_private, self.is_gated = id, kind, is_private, is_gated
        self.branches: dict[str, HubCommit] = {}
        self.tags: dict[str, HubCommit] = {}
        self.pull_requests: list[HubPullRequest] = []
        self.commit(files, title="initial commit")

    @property
    def main(self) -> HubCommit:
        """The newest commit of the main branch."""
        return self.branches["main"]

    def commit(
        self,
        changes: Mapping[str, Contents | None] | Path,
        *,
        title: str = "Upload files",
        author: str = "owner",
        branch: str = "main",
    ) -> HubCommit:
        """Put files on a branch (made from main where it is new); None as contents deletes a file."""
        parent = self.branches.get(branch, self.branches.get("main"))
        self.branches[branch] = _next_commit(self.id, parent, _changes(changes), title, author)
        return self.branches[branch]

    def open_pull_request(
        self,
        changes: Mapping[str, Contents | None] | Path,
        *,
        title: str,
        author: str = "SFconvertbot",
        parent: HubCommit | None = None,
        status: str = "open",
    ) -> HubPullRequest:
        """Propose changes on top of ``parent`` (main's head): ``refs/pr/NUM`` carries the whole tree."""
        head = _next_commit(self.id, parent or self.main, _changes(changes), title, author)
        return self._discuss(title, author, status, head)

    def open_discussion(self, title: str, *, author: str = "reader", status: str = "open") -> HubPullRequest:
        """A thread without changes."""
        return self._discuss(title, author, status, None)

    def _discuss(self, title: str, author: str, status: str, head: HubCommit | None) -> HubPullRequest:
        pull = HubPullRequest(len(self.pull_requests) + 1, title, author, status, head)
        self.pull_requests.append(pull)
        return pull

    def references(self) -> dict[str, HubCommit]:
        """Short and full names of branches, tags and pull requests, each with its commit."""
        found = {
            name: commit
            for kind, group in (("heads", self.branches), ("tags", self.tags))
            for short, commit in group.items()
            for name in (f"refs/{kind}/{short}", short)
        }
        return found | {
            f"refs/pr/{pull.num}": pull.head for pull in self.pull_requests if pull.head is not None
        }

    def resolve(self, revision: str) -> HubCommit | None:
        """The commit of a branch, a tag, ``refs/pr/NUM`` or a commit id; None where there is none."""
        references = self.references()
        if revision in references:
            return references[revision]
        lines = (commit for head in references.values() for commit in head.line())
        return next((commit for commit in lines if commit.id == revision), None)


def _changes(changes: Mapping[str, Contents | None] | Path) -> Mapping[str, Contents | None]:
    if not isinstance(changes, Path):
        return changes
    files = (path for path in sorted(changes.rglob("*")) if path.is_file())
    return {path.relative_to(changes).as_posix(): path for path in files}


def _next_commit(
    repository: str, parent: HubCommit | None, changes: Mapping[str, Contents | None], title: str, author: str
) -> HubCommit:
    files = dict(parent.files) if parent else {}
    for name, contents in changes.items():
        files.pop(name, None)
        if contents is not None:
            files[name] = HubFile(name, contents)
    known = [repository, parent.id if parent else "", title, author]
    known += [f"{name} {file.oid}" for name, file in sorted(files.items())]
    digest = hashlib.sha1("\n".join(known).encode(), usedforsecurity=False).hexdigest()
    return HubCommit(digest, files, title, author, parent)
