"""What goes wrong between us and a hub, in one line each: what happened, and what the user can do about it."""

import errno
from pathlib import Path

from tagalign.backbones.hub.names import HubId
from tagalign.errors import ModelError

NETWORK_LIBRARIES = ("httpx", "httpx2", "httpcore", "requests", "urllib3", "hf_xet")
"""Those that the client used or uses; each has exceptions of its own."""

MAX_REASON = 160  # characters of a library's own words


class Unreachable(Exception):
    """Nobody answers, or answers that it cannot now: what is in the cache may serve instead."""


def one_line(error: BaseException) -> str:
    """The first line of an exception's words, or its kind where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[0] if len(lines[0]) <= MAX_REASON else lines[0][: MAX_REASON - 3] + "..."


def explain(error: Exception, hub_id: HubId) -> Exception:
    """An exception of the client as one of ours.

    Returns:
        ``Unreachable`` where the cache may help, a ``ModelError`` for what the user can mend, else the exception itself.
    """
    from huggingface_hub import errors

    cause = (
        error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) and error.__cause__ else error
    )
    if isinstance(cause, errors.GatedRepoError):
        return ModelError(
            f"{hub_id}: its owners give it to those who agreed to their terms: do so at {_page(hub_id)}, "
            "then `hf auth login` or set HF_TOKEN"
        )
    if isinstance(cause, errors.RepositoryNotFoundError):
        return ModelError(f"{hub_id}: {_other_kind(hub_id)}")
    if isinstance(cause, errors.RevisionNotFoundError):
        return ModelError(
            f"{hub_id.repo}: has no revision {hub_id.revision!r}; give a branch, a tag or a commit"
        )
    if isinstance(cause, errors.RemoteEntryNotFoundError | errors.HFValidationError):
        return ModelError(f"{hub_id}: {one_line(cause)}")
    if isinstance(cause, errors.HfHubHTTPError):
        return _status(cause, hub_id)
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return Unreachable("HF_HUB_OFFLINE is set")
    if isinstance(cause, OSError) and cause.errno in _DISK:
        return ModelError(f"{hub_id}: cannot be kept in {_cache()}: {_DISK[cause.errno]}")
    if "Consistency check failed" in str(cause):
        return ModelError(
            f"{hub_id}: came with another length than the hub said; nothing was kept, try again"
        )
    if isinstance(
        cause, (errors.FileMetadataError, ValueError)
    ):  # a page where JSON or a hub's headers are expected
        return Unreachable("what answers is no hub: a login page of the network, or a wrong HF_ENDPOINT?")
    is_network = type(cause).__module__.partition(".")[0] in NETWORK_LIBRARIES
    if is_network or isinstance(cause, OSError):
        return Unreachable(one_line(cause))
    return error


_DISK = {
    errno.ENOSPC: "the disk is full; make room, or set HF_HOME to a folder on another disk",
    errno.EDQUOT: "your quota is used up; make room, or set HF_HOME to a folder on another disk",
    errno.EACCES: "it must not be written; set HF_HOME to a folder of yours",
    errno.EPERM: "it must not be written; set HF_HOME to a folder of yours",
    errno.EROFS: "it is read-only; set HF_HOME to a folder that can be written",
    errno.ENOTDIR: "it is no folder; set HF_HOME to one",
}


def wait_s(error: Exception) -> float | None:
    """Seconds the hub asks to wait before the next request, of a 429 or 503 with ``Retry-After``; else None."""
    response = getattr(error, "response", None)
    if response is None or response.status_code not in (429, 503):
        return None
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _status(error: Exception, hub_id: HubId) -> Exception:
    status = error.response.status_code  # type: ignore[attr-defined] # of every HfHubHTTPError
    if status in (401, 403):
        return ModelError(
            f"{hub_id}: the hub refuses the access ({status}); check HF_TOKEN, or `hf auth login`"
        )
    wait = wait_s(error)
    later = f"; it asks to wait {wait:.0f} s" if wait else ""
    if status == 429:
        return Unreachable(f"the hub takes no more requests for now (429){later}")
    return Unreachable(f"the hub answers with an error ({status}){later}")


def _other_kind(hub_id: HubId) -> str:
    """Why there is no such model: it may be a data set or a space."""
    from huggingface_hub import HfApi

    for kind, said in (("dataset", "a data set"), ("space", "a space")):
        try:
            HfApi().repo_info(hub_id.repo, repo_type=kind, timeout=10)
        except Exception:  # noqa: S112 - only a hint: any failure means that it is not of this kind
            continue
        return f"is {said}, not a model; give the id of a model"
    return "the hub has no such model (or it is private: `hf auth login` or set HF_TOKEN); check the spelling"


def _page(hub_id: HubId) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{hub_id.repo}"


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)
