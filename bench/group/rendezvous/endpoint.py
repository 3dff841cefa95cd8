"""Where the ranks of a group meet: an address and a port that all can reach. Needs no torch.

A launcher that starts torch's processes says so in MASTER_ADDR and MASTER_PORT. Where none does, the first
rank takes a free port and writes it, with all addresses it has, into the folder that the ranks share; the
others try each. Names are not needed: a node whose name does not resolve, or resolves to its own loopback
(as Debian's /etc/hosts has it), is met all the same.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.extras import require_psutil
from bench.files import write_text_atomic

# An address that others reach this node at, where several lead to it and the wrong one would be taken.
ADDRESS = "FLOPCENSUS_ADDRESS"
LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 3.0
POLL_SECONDS = 0.2
FILE = "endpoint.json"


class NoEndpointError(Exception):
    """The meeting point could not be reached in time; the text says why."""


@dataclass(frozen=True)
class Endpoint:
    """Where the meeting point is, and by which word it is known."""

    addresses: tuple[str, ...]
    port: int
    token: str


def told_endpoint(variables: Mapping[str, str] = os.environ) -> tuple[str, int] | None:
    """Address and port as the launcher says; None where it does not.

    Example:
        >>> told_endpoint({"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"})
        ('10.0.0.1', 29500)
    """
    host, port = variables.get("MASTER_ADDR", "").strip(), variables.get("MASTER_PORT", "").strip()
    return (host, int(port)) if host and port.isdecimal() else None


def own_addresses(variables: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Addresses of this node, those that lead outside first."""
    if told := variables.get(ADDRESS, "").strip():
        return (told,)
    found = [address for address, _ in _interfaces()]
    return (*dict.fromkeys(sorted(found, key=_inward)),) or (LOOPBACK,)


def interface_of(address: str) -> str | None:
    """Name of the network interface that has an address; None where none has."""
    return next((name for one, name in _interfaces() if one == address), None)


def source_toward(host: str, port: int) -> str:
    """The address that this node would use to reach another; nothing is sent."""
    for family, kind, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
        with suppress(OSError), socket.socket(family, kind) as probe:
            probe.connect(where)
            return str(probe.getsockname()[0])
    return LOOPBACK


def is_loopback(address: str) -> bool:
    """Whether an address leads back to the node itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def publish(folder: Path, endpoint: Endpoint) -> None:
    """Tell the others.

    Raises:
        InputError: The folder cannot be written to.
    """
    write_text_atomic(folder / FILE, json.dumps(asdict(endpoint)) + "\n")


def read_endpoint(folder: Path) -> Endpoint | None:
    """What the first rank has told; None where it has not yet."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Endpoint(tuple(data["addresses"]), int(data["port"]), str(data["token"]))
    return None


def find(folder: Path | None, told: tuple[str, int] | None, seconds: float) -> tuple[str, int, str]:
    """An address and port at which the meeting point answers, and its token, empty where none is known.

    Args:
        folder: Where it is written, unless it is told.
        told: By the launcher.
        seconds: How long to try. Unit: s.

    Raises:
        NoEndpointError: None answers.
    """
    end, why = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        known = Endpoint((told[0],), told[1], "") if told else folder and read_endpoint(folder)
        if known:
            address, why = _reached(known.addresses, known.port)
            if address:
                return address, known.port, known.token
        time.sleep(POLL_SECONDS)
    if not why:
        why = (
            f"{folder} says nothing of where; give an --out that all nodes share, or set MASTER_ADDR "
            "and MASTER_PORT"
        )
    raise NoEndpointError(f"rank 0 was not met within {seconds:.0f} s: {why}")


def _reached(addresses: Sequence[str], port: int) -> tuple[str | None, str]:
    faults = []
    for address in addresses:
        try:
            with socket.create_connection((address, port), CONNECT_SECONDS):
                return address, ""
        except OSError as error:
            faults.append(f"{address} port {port}: {error.strerror or error}")
    return None, "; ".join(faults)


def _interfaces() -> list[tuple[str, str]]:
    """Addresses with the names of their interfaces."""
    families = (socket.AF_INET, socket.AF_INET6)
    return [
        (one.address, name)
        for name, addresses in require_psutil().net_if_addrs().items()
        for one in addresses
        # Addresses of a link alone (fe80::) mean nothing elsewhere.
        if one.family in families and "%" not in one.address
    ]


def _inward(address: str) -> tuple[bool, bool]:
    return is_loopback(address), ":" in address
