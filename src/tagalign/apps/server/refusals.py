"""What the server refuses, with the status that says whose turn it is."""

import logging
from http import HTTPStatus
from typing import Any

from tagalign.errors import ImageError, NotFiniteError, TagalignError

LOG = logging.getLogger("tagalign.server")


class Refusal(TagalignError):
    """A request that is not answered.

    Attributes:
        status: of the response.
        retry_after_s: when asking again may help; None when it will not.
    """

    def __init__(self, status: HTTPStatus, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


def busy(message: str) -> Refusal:
    """503: the server cannot take the request now; asking again in a second may help."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, message, retry_after_s=1)


def passes(error: object) -> bool:
    """Whether it is a refusal after which asking again may help."""
    return isinstance(error, Refusal) and error.retry_after_s is not None


def disk_full(what: str, error: Exception) -> Refusal:
    """507: the disk does not take what is to be kept; which file it was is the owner's business, and goes to the log."""
    LOG.error("%s cannot be kept: %s", what, error)
    return Refusal(HTTPStatus.INSUFFICIENT_STORAGE, f"{what} cannot be kept; the server's log says why")


def too_large(message: str) -> Refusal:
    """413: bytes, pixels or labels above the server's limit."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)


def invalid(message: str) -> Refusal:
    """422: the request cannot be understood or names something that cannot be used."""
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, message)


def status_of(error: TagalignError) -> HTTPStatus:
    """What an error of the library means to a client."""
    if isinstance(error, Refusal):
        return error.status
    if isinstance(error, NotFiniteError):  # ours to mend: the client's image is as good as any
        return HTTPStatus.INTERNAL_SERVER_ERROR
    if isinstance(error, ImageError) and "pixels" in str(error) and "at most" in str(error):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def body_of(kind: str, message: str) -> dict[str, Any]:
    """The body of every response that is not a success."""
    return {"error": {"type": kind, "message": message}}
