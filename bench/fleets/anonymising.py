"""Records that can be published: no host, job, user, serial number, address or path is left in them.

What a device did is left, with the time of the run, model names and versions, and a note that names were
removed. Nodes are numbered in the order of their names and not hashed: whoever has a list of host names could
hash them all and compare.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SAID = "host, job and user names, serial numbers, UUIDs, addresses and paths removed"
# Fields whose value names one thing in the world (a board, a bus, a job, a launch, a person): emptied.
_NAMING = re.compile(
    r"uuid|serial|guid|bus_id|asset|mac_address|^job$|^launch_id$|user|logname|hostname|account",
    re.IGNORECASE,
)
_USER = re.compile("user|logname", re.I)
# Of those, the ones whose value may stand in a text elsewhere in the record: replaced there too.
_MARKING = re.compile(r"uuid|serial|guid|bus_id|asset|mac_address|^job$", re.IGNORECASE)
# Shorter values are common words and numbers.
_LEAST_MARK = 4
_UUID = re.compile(r"(?:GPU-|MIG-)?\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w>/.])~?/(?:[^\s/:;,'\"()]+/?)+|\b[A-Za-z]:\\[^\s:;,'\"]+")
_HOME = re.compile(r"(?:/home/|/Users/|/user/|\\Users\\)([^\s/\\:;,'\"]+)")
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_ADDRESS = re.compile(
    # of four parts and no more: 0.3.31.188.0 is a version
    rf"(?<![\w.]){_OCTET}(?:\.{_OCTET}){{3}}(?!\.?\w)"
    r"|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"
    # a PCI function, and IPv6
    r"|\b(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?!:?[0-9a-f])"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:)+:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?(?!:?[0-9a-f])",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w[\w-]*(?:\.[\w-]+)*")


@dataclass(frozen=True)
class Names:
    """The names that are replaced in a text.

    Attributes:
        mine: Public name by each name of the record's own node, found anywhere in a text.
        others: Public name by host name of all nodes, found as whole words.
        domain: Domain of the hosts, which a text may leave out.
        users: Names of users seen in the record's paths and variables.
        marks: Serial numbers, UUIDs and jobs seen in the record, longest first.
    """

    mine: Mapping[str, str]
    others: Mapping[str, str] = field(default_factory=dict)
    domain: str = ""
    users: frozenset[str] = field(default_factory=frozenset)
    marks: tuple[str, ...] = ()

    def scrubbed(self, text: str) -> str:
        """A text without host names, users, UUIDs, addresses and paths."""
        users = self.users | set(_HOME.findall(text))
        for mark in self.marks:
            if mark.casefold() in text.casefold():
                text = re.sub(rf"(?<!\w){re.escape(mark)}(?!\w)", "<mark>", text, flags=re.IGNORECASE)
        text = _PATH.sub("<path>", _ADDRESS.sub("<address>", _UUID.sub("<uuid>", text)))
        text = _WORD.sub(self._other, text)
        for host, public in self.mine.items():
            if host.casefold() in text.casefold():
                text = re.sub(rf"(?<!\w){re.escape(host)}(?!\w)", public, text, flags=re.IGNORECASE)
        for user in users:
            text = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "<user>", text)
        return text

    def _other(self, found: re.Match[str]) -> str:
        """A word, or the public name of the node that it names, in full or without its domain."""
        word = found[0]
        for host in (word, f"{word}.{self.domain}"):
            if public := self.others.get(host) or self.others.get(host.lower()):
                return public
        return word


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
        document: a record as it stands in its file; it is left as it is.
        public: what to call each host (`public_names`).

    Raises:
        KeyError: the record's node has no public name.
    """
    host = str(document["node"])
    short = host.partition(".")[0]
    mine = {host: public[host]} | ({short: public[host]} if short != host else {})
    names = Names(mine, public, host.partition(".")[2], frozenset(_users(document)), _marks(document))
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


def _marks(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What fields that name one thing hold, longest first, as it may stand in a text as well."""
    found: set[str] = set()
    open_: list[Any] = [document]
    while open_:
        one = open_.pop()
        if isinstance(one, Mapping):
            found |= {v for k, v in one.items() if isinstance(v, str) and _MARKING.search(k)}
        open_ += one.values() if isinstance(one, Mapping) else one if isinstance(one, list | tuple) else ()
    return tuple(sorted((m for m in found if len(m) >= _LEAST_MARK), key=lambda m: (-len(m), m)))
