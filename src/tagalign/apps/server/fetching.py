"""Images by address, from listed hosts alone; off unless hosts are listed."""

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection
from http.client import HTTPException
from typing import Any

from tagalign.apps.server.refusals import Refusal, invalid, too_large

FETCH_TIMEOUT_S = 10.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A listed host must not be able to send us to one that is not."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing."""


def make_fetch(hosts: Collection[str], max_bytes: int) -> Callable[[str], bytes]:
    """A function from an address to the bytes behind it.

    Args:
        hosts: the only ones it talks to, as ``name`` or ``name:port``.
        max_bytes: of a file; larger ones are refused.
    """
    allowed = frozenset(host.lower() for host in hosts)
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))

    def fetch(address: str) -> bytes:
        _check(address, allowed)
        try:
            with opener.open(address, timeout=FETCH_TIMEOUT_S) as response:
                data: bytes = response.read(max_bytes + 1)
        except (OSError, HTTPException, ValueError) as error:
            raise invalid(f"image_url: cannot be fetched ({_reason(error)})") from None
        if len(data) > max_bytes:
            raise too_large(f"image_url: at most {max_bytes:,} bytes are taken")
        return data

    return fetch


def _check(address: str, allowed: frozenset[str]) -> None:
    try:
        parts = urllib.parse.urlsplit(address)
        place = parts.netloc.lower()
        usable = parts.scheme in {"http", "https"} and parts.hostname is not None and "@" not in place
    except ValueError:
        usable, place = False, ""
    if not usable:
        raise _refuse("expected an address such as https://example.org/photo.jpg")
    if place not in allowed:
        raise _refuse("this host is not on the server's list")


def _refuse(message: str) -> Refusal:
    return invalid(f"image_url: {message}")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    return type(error).__name__
