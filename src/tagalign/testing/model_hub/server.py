"""The stub hub: two servers in threads, one for the interface and one for large files, as the real hub has them.

The second has an address of its own, so that a client which shows its token to the store of large files is seen.
"""

import fnmatch
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from tagalign.testing.model_hub.client import client_variables, pointed_client
from tagalign.testing.model_hub.faults import HubFault
from tagalign.testing.model_hub.http import HubServer
from tagalign.testing.model_hub.interface import Interface
from tagalign.testing.model_hub.log import HubLog
from tagalign.testing.model_hub.repository import HubFile, HubRepository


class StubHub:
    """A model hub for tests; use it as a context manager.

    Args:
        repositories: what it serves; more may be added later with ``add``.
        tokens: token -> patterns of the gated and private ids it may read.

    Attributes:
        log: what it was asked and what it sent.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from huggingface_hub import hf_hub_download
        >>> repository = HubRepository("lab/model", {"config.json": b"{}"})
        >>> with StubHub([repository]) as hub, tempfile.TemporaryDirectory() as folder:
        ...     with hub.client(folder):
        ...         path = hf_hub_download("lab/model", "config.json")
        ...     text = Path(path).read_text()
        >>> text, dict(hub.log.bytes_sent())
        ('{}', {'lab/model/config.json': 2})
    """

    def __init__(
        self,
        repositories: Iterable[HubRepository] = (),
        *,
        tokens: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.log = HubLog()
        self._repositories: dict[tuple[str, str], HubRepository] = {}
        self._tokens = {token: tuple(ids) for token, ids in (tokens or {}).items()}
        self._faults: list[tuple[HubFault, list[int]]] = []
        self._lock = threading.Lock()
        for repository in repositories:
            self.add(repository)
        self._interface_server = HubServer(self, Interface, is_store=False)
        self._store_server = HubServer(self, Interface, is_store=True)

    @property
    def url(self) -> str:
        """For ``HF_ENDPOINT``."""
        return self._interface_server.url

    @property
    def store_url(self) -> str:
        """Where large files come from."""
        return self._store_server.url

    def store_address(self) -> str:
        """``store_url``, for those that answer."""
        return self.store_url

    def __enter__(self) -> "StubHub":
        self._interface_server.start()
        self._store_server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interface_server.stop()
        self._store_server.stop()

    def add(self, repository: HubRepository) -> HubRepository:
        """Serve a repository, in place of one with the same id and kind."""
        with self._lock:
            self._repositories[repository.kind, repository.id] = repository
        return repository

    def repository(self, kind: str, id: str) -> HubRepository | None:
        """One of those that are served."""
        with self._lock:
            return self._repositories.get((kind, id))

    def large_file(self, sha256: str, name: str) -> HubFile | None:
        """``owner/name/file``, if a commit of that repository has it with that hash."""
        with self._lock:
            repositories = [r for r in self._repositories.values() if name.startswith(f"{r.id}/")]
        commits = (
            (repository, commit)
            for repository in repositories
            for head in repository.references().values()
            for commit in head.line()
        )
        for repository, commit in commits:
            file = commit.files.get(name.removeprefix(f"{repository.id}/"))
            if file is not None and file.is_large and file.sha256 == sha256:
                return file
        return None

    def knows(self, token: str) -> bool:
        """Whether the token is one that was given out."""
        return token in self._tokens

    def may_read(self, token: str, id: str) -> bool:
        """Whether a token opens the gated and private repository of that id."""
        return any(fnmatch.fnmatchcase(id, pattern) for pattern in self._tokens.get(token, ()))

    def fail(self, fault: HubFault) -> None:
        """From now on (or for the next ``fault.times`` requests that fit) let it happen; the first that fits acts."""
        with self._lock:
            self._faults.append((fault, [-1 if fault.times is None else fault.times]))

    def mend(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def next_fault(self, path: str, name: str, *, has_body: bool) -> HubFault | None:
        """The fault that a request suffers; counts it."""
        with self._lock:
            for fault, left in self._faults:
                if left[0] and fault.strikes(path, name, has_body=has_body):
                    left[0] -= 1
                    return fault
        return None

    def variables(self, home: str | Path, *, token: str = "", is_offline: bool = False) -> dict[str, str]:
        """Environment variables for a process of its own whose client asks this hub, with caches under ``home``."""
        return client_variables(self.url, Path(home), token=token, is_offline=is_offline)

    def client(
        self, home: str | Path, *, token: str = "", is_offline: bool = False
    ) -> AbstractContextManager[None]:
        """Let the client of this very process ask this hub, with caches under ``home``, until the block ends."""
        return pointed_client(self.url, Path(home), token=token, is_offline=is_offline)
