"""What the answering side of the stub hub asks of the hub."""

from typing import Protocol, runtime_checkable

from tagalign.testing.model_hub.faults import HubFault
from tagalign.testing.model_hub.log import HubLog
from tagalign.testing.model_hub.repository import HubFile, HubRepository


@runtime_checkable
class ServedHub(Protocol):
    """See ``server.StubHub``."""

    log: HubLog

    def store_address(self) -> str:
        """Where large files come from. No property: the servers are made while the hub is, and checks would read it."""
        ...

    def repository(self, kind: str, id: str) -> HubRepository | None:
        """One of those that are served."""
        ...

    def large_file(self, sha256: str, name: str) -> HubFile | None:
        """``owner/name/file``, if a commit of that repository has it with that hash."""
        ...

    def knows(self, token: str) -> bool:
        """Whether the token is one that was given out."""
        ...

    def may_read(self, token: str, id: str) -> bool:
        """Whether a token opens the gated and private repository of that id."""
        ...

    def next_fault(self, path: str, name: str, *, has_body: bool) -> HubFault | None:
        """The fault that a request suffers; counts it."""
        ...
