"""Connections to public addresses alone: what a name resolves to is checked, and that very address is connected to.

A check of the name, or of an address that is resolved again afterwards, can be walked around: by a name that points to
127.0.0.1, by ``0x7f.1`` and ``2130706433``, by IPv4 inside of IPv6, by a name server that answers differently each time.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator

from tagalign.apps.server.refusals import Refusal, invalid

Connect = Callable[[str, int, float], socket.socket]
"""From host, port and seconds to an open socket."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def connect_to_public(host: str, port: int, timeout_s: float) -> socket.socket:
    """A socket to the first address of a host that is public and answers.

    Raises:
        Refusal: 422 if the host has no public address.
        OSError: if the name is unknown or nobody answers.
    """
    places = [found[4] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    public = [place for place in places if is_public(str(place[0]))]
    if not public:
        raise _private()
    for place in public[:-1]:
        try:
            return socket.create_connection((str(place[0]), port), timeout_s)
        except OSError:
            continue
    return socket.create_connection((str(public[-1][0]), port), timeout_s)


def connect_to_any(host: str, port: int, timeout_s: float) -> socket.socket:
    """A socket to a host wherever it lies: for hosts that the owner of the server listed as private.

    Raises:
        OSError: if the name is unknown or nobody answers.
    """
    return socket.create_connection((host, port), timeout_s)


def _private() -> Refusal:
    return invalid("image_url: this host is in a private network, and those are never asked")


def is_public(address: str) -> bool:
    """Whether an address, and every IPv4 address that it holds, belongs to the open network.

    >>> [is_public(a) for a in ("93.184.215.14", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254")]
    [True, False, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        held = list(_held(ip))
        if held:
            return all(inner.is_global and not inner.is_multicast for inner in held)
    return ip.is_global and not ip.is_multicast


def _held(ip: ipaddress.IPv6Address) -> Iterator[Address]:
    """IPv4 addresses inside of an IPv6 address: mapped, compatible, 6to4, Teredo, NAT64."""
    if ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
    elif ip in _NAT64 or ip in _COMPATIBLE:
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.sixtofour is not None:
        yield ip.sixtofour
    if ip.teredo is not None:
        yield from ip.teredo
