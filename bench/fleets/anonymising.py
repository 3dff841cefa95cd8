"""Records without names: no host, serial number, user or path, and the record says so of itself.

What is left is what a device did. Nodes are numbered in the order of their names, not hashed: a list of host
names would undo a hash. The time of the run, model names and versions stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SAID = "host, job and user names, serial numbers, UUIDs, addresses and paths removed"
# Fields of a device, its details and the environment that name one thing in the world.
_NAMING = re.compile(
    r"uuid|serial|guid|bus_id|asset|mac_address|^job$|user|logname|hostname|account", re.IGNORECASE
)
_USER = re.compile("user|logname", re.I)
_UUID = re.compile(r"(?:GPU-|MIG-)?\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w>/.])~?/(?:[^\s/:;,'\"()]+/?)+|\b[A-Za-z]:\\[^\s:;,'\"]+")
_HOME = re.compile(r"(?:/home/|/Users/|/user/|\\Users\\)([^\s/\\:;,'\"]+)")
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.I
)


@dataclass(frozen=True)
class Names:
    """What nodes are called in public, by their host names; and users seen in paths."""

    public: Mapping[str, str]
    users: frozenset[str] = field(default_factory=frozenset)

    def scrubbed(self, text: str) -> str:
        """A text without host names, users, UUIDs, addresses and paths."""
        users = self.users | set(_HOME.findall(text))
        text = _PATH.sub("<path>", _ADDRESS.sub("<address>", _UUID.sub("<uuid>", text)))
        for host, public in self.public.items():
            if host.casefold() in text.casefold():
                text = re.sub(rf"(?<!\w){re.escape(host)}(?!\w)", public, text, flags=re.IGNORECASE)
        for user in users:
            text = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "<user>", text)
        return text


def public_names(hosts: Iterable[str]) -> dict[str, str]:
    """Number hosts in the order of their names.

    >>> public_names(["b7", "a1"])
    {'a1': 'node-1', 'b7': 'node-2'}
    """
    ordered = sorted(set(hosts))
    width = len(str(len(ordered)))
    return {host: f"node-{place:0{width}d}" for place, host in enumerate(ordered, 1)}


def anonymised(document: Mapping[str, Any], public: Mapping[str, str]) -> dict[str, Any]:
    """Return a record's document without names.

    Args:
        document: a record as it stands in its file.
        public: what to call each host (`public_names`).

    Raises:
        KeyError: the record's node has no public name.
    """
    host = str(document["node"])
    short = host.partition(".")[0]
    mine = {host: public[host]} | ({short: public[host]} if short != host else {})
    names = Names(mine, frozenset(_users(document)))
    result: dict[str, Any] = _without(document, names)
    result["node"] = public[host]
    result["environment"] = {**result.get("environment", {}), "anonymised": SAID}
    return result


def _without(value: Any, names: Names) -> Any:
    if isinstance(value, Mapping):
        return {
            key: None if isinstance(one, str) and _NAMING.search(key) else _without(one, names)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without(one, names) for one in value]
    return names.scrubbed(value) if isinstance(value, str) else value


def _users(value: Any) -> set[str]:
    """Names of users in any path or variable of a document."""
    if isinstance(value, Mapping):
        named = {one for key, one in value.items() if isinstance(one, str) and one and _USER.search(key)}
        return named.union(*(_users(one) for one in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(_users(one) for one in value))
    return set(_HOME.findall(value)) if isinstance(value, str) else set()
