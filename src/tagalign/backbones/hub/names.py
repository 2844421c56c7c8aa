"""What a name means: a folder, a file, or a repository on the hub with a revision."""

import re
from dataclasses import dataclass

MAIN = "main"
_HUB_ID = re.compile(r"(?P<repo>[\w][\w.-]*/[\w][\w.-]*)(?:@(?P<revision>[^\s@]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubId:
    """A repository of models and the revision that is meant.

    Attributes:
        repo: ``organisation/model``.
        revision: branch, tag, ``refs/pr/N`` or commit; ``main`` when the name said none.
    """

    repo: str
    revision: str = MAIN

    @classmethod
    def parse(cls, name: str) -> "HubId | None":
        """``organisation/model`` or ``organisation/model@revision``; None for what cannot be one."""
        match = _HUB_ID.fullmatch(name)
        return cls(match["repo"], match["revision"] or MAIN) if match else None

    @property
    def is_commit(self) -> bool:
        """Whether the revision is a whole commit hash, which always means the same files."""
        return _COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return self.repo if self.revision == MAIN else f"{self.repo}@{self.revision}"
