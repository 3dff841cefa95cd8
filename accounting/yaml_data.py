"""YAML as plain data alone, as fast as it goes; whatever is odd is left to the thorough reader.

The shipped facts are eighty thousand parser events, and every command reads them. Keeping no places and
looking at a scalar's first letter before its forms takes a third of the thorough reader's time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_DEPTH = 64


def read_plainly(text: str) -> Any:
    """Return the data of a YAML text.

    Raises:
        OddError: it is anything but one document that is a mapping, of mappings, lists and scalars without
            anchors, aliases or tags, no key twice, nested at most ``MAX_DEPTH`` deep.
        yaml.YAMLError: it is no YAML.
        ValueError: a number in it cannot be read.

    >>> read_plainly("a: [1, NO]")
    {'a': [1, 'NO']}
    """
    return _Reader().read(text)


class OddError(Exception):
    """Something that the thorough reader has to look at."""


class _Reader:
    """Builds data from parser events; each kind of event has its method."""

    def __init__(self) -> None:
        self.root: list[Any] = []
        self.container: dict[str, Any] | list[Any] = self.root
        self.key: str | None = None
        self.outer: list[dict[str, Any] | list[Any]] = []
        self.documents = 0
        self.takes: dict[type[Event], Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._open,
            SequenceStartEvent: self._open,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            DocumentStartEvent: self._start,
            AliasEvent: self._odd,
        }

    def read(self, text: str) -> Any:
        takes = self.takes
        for event in yaml.parse(text, Loader=LOADER):
            take = takes.get(type(event))
            if take is not None:
                take(event)
        if len(self.root) != 1 or not isinstance(self.root[0], dict):
            raise OddError
        return self.root[0]

    def _scalar(self, event: Any) -> None:
        if event.anchor is not None or event.tag not in _NO_TAG:
            raise OddError
        if self.key is None and type(self.container) is dict:
            if event.value in self.container:
                raise OddError
            self.key = event.value
        else:
            self._place(read_scalar(event.value) if event.implicit[0] else event.value)

    def _open(self, event: Any) -> None:
        if event.anchor is not None or event.tag not in _NO_TAG or len(self.outer) >= MAX_DEPTH:
            raise OddError
        if self.key is None and type(self.container) is dict:
            raise OddError
        inner: dict[str, Any] | list[Any] = {} if type(event) is MappingStartEvent else []
        self._place(inner)
        self.outer.append(self.container)
        self.container = inner

    def _close(self, _event: Any) -> None:
        self.container = self.outer.pop()

    def _place(self, value: Any) -> None:
        if isinstance(self.container, list):
            self.container.append(value)
        elif self.key is not None:
            self.container[self.key] = value
            self.key = None

    def _start(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1 or event.version not in (None, (1, 2)):
            raise OddError

    def _odd(self, _event: Any) -> None:
        raise OddError


def read_scalar(text: str) -> Any:
    """Read a scalar without quotes. Raises ValueError for a number that cannot be read."""
    # most begin as no number, truth or null does
    if text and text[0] not in _FIRSTS:
        return text
    return next((read(text) for form, read in _SCALARS if form.fullmatch(text)), text)


def _float(text: str) -> float:
    """Read a float; ``.inf`` and ``.nan`` as YAML writes them."""
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_NO_TAG = (None, "", "!")
_FIRSTS = frozenset("~nNtTfF+-.0123456789")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.2.2, section 10.3.2 (core schema), in the order in which a plain scalar is tried
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"|~|null|Null|NULL"), lambda _text: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), _float),
    (re.compile(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"), _float),
)
