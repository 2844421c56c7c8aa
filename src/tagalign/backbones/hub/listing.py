"""What a repository, a folder or the cache holds: values that ``choose`` decides on, and nothing that asks a network."""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file of a listing.

    Attributes:
        path: relative to the top, with ``/``.
        size: bytes; None where the lister does not say.
        sha256: of the content, 64 hex digits; None for files that the hub keeps in git itself, and for local ones.
    """

    path: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Conversion:
    """Safetensors that a pull request of the hub's conversion robot adds, still open.

    Attributes:
        number: of the pull request.
        commit: head of the pull request; its weights are fetched at this commit.
        parent: the commit it was made from.
        files: of the whole tree of ``commit``.
    """

    number: int
    commit: str
    parent: str
    files: tuple[File, ...] = ()

    @property
    def ref(self) -> str:
        """Its name on the hub."""
        return f"refs/pr/{self.number}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Files of one revision.

    Attributes:
        name: as the user gave it, for messages.
        commit: of the revision; None for a folder.
        files: on all levels; only those at the top count.
        conversions: open pull requests of the conversion robot, newest first; empty where nobody asked.
        licence: the word of the model card, such as ``mit``; None where it says nothing.
    """

    name: str
    commit: str | None = None
    files: tuple[File, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    licence: str | None = None
    _by_path: dict[str, File] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_path", {file.path: file for file in self.files})

    def __contains__(self, path: str) -> bool:
        return path in self._by_path

    def __getitem__(self, path: str) -> File:
        return self._by_path[path]

    def top(self) -> tuple[File, ...]:
        """Files that lie in no subfolder, in the order of their names."""
        return tuple(sorted((f for f in self.files if "/" not in f.path), key=lambda file: file.path))


def list_folder(folder: Path, *, name: str | None = None, commit: str | None = None) -> Listing:
    """The files at the top of a local folder; links that lead nowhere are left out, as if the file were missing."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                found.append(File(entry.name, entry.stat().st_size))
    return Listing(name=name or str(folder), commit=commit, files=tuple(sorted(found, key=lambda f: f.path)))
