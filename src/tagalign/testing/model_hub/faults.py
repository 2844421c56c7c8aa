"""What can go wrong between a hub and its client, as values that a test hands to the server."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

FAULTS = ("status", "slow", "portal", "break", "reset", "short", "corrupt")
BODY_FAULTS = ("break", "reset", "short", "corrupt")
"""These spoil the contents of files and leave all that is said about them as it is."""


@dataclass(frozen=True, kw_only=True)
class HubFault:
    """A fault of the server.

    Attributes:
        kind: ``status`` (answers with ``status``), ``slow`` (answers after ``delay_s``), ``portal`` (a page of a hotel's
            network instead of the answer, status 200), and for the contents of files ``break`` (the connection ends
            after half of what was to be sent), ``reset`` (the same, without a goodbye), ``short`` (a whole answer with
            half of the bytes, so the length is wrong), ``corrupt`` (the last byte is another one, so the hash is wrong).
        where: pattern for ``owner/name/file`` of contents, or the path of any other request.
        times: how many requests suffer it; None for all.
        status: of ``status``.
        retry_after_s: told to the client with ``status``; None tells nothing.
        delay_s: of ``slow``.
    """

    kind: str
    where: str = "*"
    times: int | None = 1
    status: int = 503
    retry_after_s: int | None = None
    delay_s: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"expected a fault of {FAULTS}, got {self.kind!r}")

    def strikes(self, path: str, name: str, *, has_body: bool) -> bool:
        """Whether it fits a request for ``path``, or for the file called ``name``."""
        if self.kind in BODY_FAULTS and not has_body:
            return False
        return any(fnmatchcase(text, self.where) for text in (path, name) if text)
