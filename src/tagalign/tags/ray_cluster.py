"""A Ray cluster for the time of a run: the one that was asked for, or one of its own."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tagalign.errors import MissingExtraError, ServerError

OWN = "local"
_ANSWERS_WITHIN_S = 10  # Ray itself tries a dead address for minutes


@contextmanager
def ray_cluster(address: str | None, *, workers: int | None = None) -> Iterator[Any]:
    """Ray, connected; a connection that the caller's process already has is used and kept.

    Args:
        address: of the cluster; None takes that of the environment (``RAY_ADDRESS``), else starts one on this machine. A
            cluster that another run has started there is not joined, because it ends with that run.
        workers: cores of a cluster that is started; None takes all.

    Raises:
        MissingExtraError: without Ray.
        ServerError: if no cluster answers at the address.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("--engine ray", "Ray", "ray") from error
    if ray.is_initialized():
        yield ray
        return
    asked = address or os.environ.get("RAY_ADDRESS") or OWN
    try:
        _knock(asked)
        ray.init(address=asked, num_cpus=workers if asked == OWN else None, log_to_driver=False)
    except (OSError, ValueError) as error:
        raise ServerError(f"no Ray cluster answers at {asked}: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError if nothing listens at HOST:PORT; other forms are left to Ray."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S).close()
