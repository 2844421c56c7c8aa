"""A table whose entries are files: what lies in a folder is known by name, and imported when it is asked for.

A new dense mode, refinement or export is one new file. Names are read from the file names, so that help texts and checks
of names import nothing; a file may stand on torch, and is imported with the first use of its entry.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TypeVar

from tagalign.errors import UnknownNameError

Entry = TypeVar("Entry")


def find_entry(kind: str, name: str, table: Mapping[str, Entry]) -> Entry:
    """The entry of a name that a person typed.

    Raises:
        UnknownNameError: listing the known ones.
    """
    if name not in table:
        raise UnknownNameError(kind, name, table)
    return table[name]


class Entries(Mapping[str, Entry]):
    """A table that others may add to.

    Args:
        kind: what an entry is, for messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._added: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> Entry:
        """Register an entry: at the end of its file, or from code outside the library.

        Raises:
            ValueError: for a name that is taken; which of two answers would depend on the order of imports.
        """
        if self._is_taken(name):
            raise ValueError(f"a {self.kind} {name!r} is registered already; give this one another name")
        self._added[name] = entry
        return entry

    def _is_taken(self, name: str) -> bool:
        return name in self

    @contextmanager
    def adding(self, name: str, entry: Entry) -> Iterator[None]:
        """An entry for the time of a block: to try one, or to test one."""
        self.add(name, entry)
        try:
            yield
        finally:
            del self._added[name]

    def find(self, name: str) -> Entry:
        """See ``find_entry``."""
        return find_entry(self.kind, name, self)


class Registry(Entries[Entry]):
    """Entries by name. The file ``my_mode.py`` of the folder must add the entry ``my-mode`` when it is imported.

    Args:
        kind: what an entry is, for messages.
        folder: the package with one file per entry, ``tagalign.backbones.modes``.
    """

    def __init__(self, kind: str, folder: str) -> None:
        super().__init__(kind)
        self._folder = folder

    @cached_property
    def _files(self) -> dict[str, str]:
        """Module of each name, without importing one."""
        spec = find_spec(self._folder)
        places = spec.submodule_search_locations if spec else None
        found = sorted(module.name for module in iter_modules(places))
        return {name.replace("_", "-"): f"{self._folder}.{name}" for name in found}

    def _is_taken(self, name: str) -> bool:
        return name in self._added  # a file's own name is free until the file adds it

    def __getitem__(self, name: str) -> Entry:
        if name not in self._added and name in self._files:
            import_module(self._files[name])
        return self._added[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._files
        yield from (name for name in self._added if name not in self._files)

    def __len__(self) -> int:
        return len(self._files.keys() | self._added.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._files or name in self._added
