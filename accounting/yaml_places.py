"""YAML read thoroughly: plain data, where in the file each key and value stands, and every fault in it.

The tree is built from a stream of parser events without recursion, because a stranger's file may nest
thousands deep, refer to itself or carry tags that run code. Anchors, aliases and tags are refused: a file of
facts says each value where it stands. Scalars follow the YAML 1.2 core schema (``NO`` is Norway, not false);
dates stay text until a date is asked for. The events come from libyaml where PyYAML has it, some eighty times
faster than from a parser in Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
from yaml.reader import ReaderError

from accounting.errors import Fault, InputFaults, quote
from accounting.yaml_data import LOADER, MAX_DEPTH, read_scalar

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Position:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


def show_path(path: KeyPath) -> str:
    """Write a path as people do: ``facilities[2].power``.

    >>> show_path(("facilities", 2, "power"))
    'facilities[2].power'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def read_thoroughly(text: str, label: str) -> Builder:
    """Read data and places. Raises InputFaults with every fault found."""
    builder = Builder(label)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        raise InputFaults([*builder.faults, _yaml_fault(error, text, label)]) from None
    builder.close()
    return builder


def _yaml_fault(error: Exception, text: str, label: str) -> Fault:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "cannot be parsed"
        return Fault(label, line, column, "", f"broken YAML: {problem}")
    if isinstance(error, ReaderError):
        # libyaml counts bytes, the parser in Python characters; both mean the first such character
        position = max(text.find(chr(error.character)), 0)
        line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
        message = "a character that YAML forbids"
        return Fault(label, line, column, "", message, f"U+{error.character:04X}")
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Fault(label, 1, 1, "", f"broken YAML: {first}")


@dataclass
class _Frame:
    """A mapping or list under construction."""

    container: dict[str, Any] | list[Any]
    path: KeyPath
    key: str | None = None
    skip_value: bool = False


@dataclass
class Builder:
    """Builds data and positions from parser events with a stack of its own."""

    label: str
    faults: list[Fault] = field(default_factory=list)
    root: Any = None
    documents: int = 0
    stack: list[_Frame] = field(default_factory=list)
    values: dict[KeyPath, Position] = field(default_factory=dict)
    keys: dict[KeyPath, Position] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Add one event. Raises InputFaults at once where going on would not be safe."""
        if isinstance(event, DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, AliasEvent):
            self._refuse(
                event, "aliases are not accepted; write the value out where it stands", f"*{event.anchor}"
            )
        elif isinstance(event, ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self.stack.pop()

    def close(self) -> None:
        """Raise the faults collected on the way, if any."""
        if not isinstance(self.root, dict) and not self.faults:
            found = quote(self.root) if self.documents else "nothing"
            self.faults.append(Fault(self.label, 1, 1, "", "a YAML mapping is expected at the top", found))
        if self.faults:
            raise InputFaults(self.faults)

    def _start_document(self, event: Event) -> None:
        self.documents += 1
        if self.documents > 1:
            self._refuse(event, "a second YAML document begins here; keep one document a file")
        version = getattr(event, "version", None)
        if version not in (None, (1, 2)):
            found = ".".join(map(str, version))
            self._refuse(event, "YAML 1.2 is read here; take the %YAML line out", found)

    def _refuse(self, event: Event, message: str, found: str = "") -> None:
        at = _position(event)
        raise InputFaults([*self.faults, Fault(self.label, at.line, at.column, "", message, found)])

    def _refuse_anchor_and_tag(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(
                event, "anchors are not accepted; write the value out where it stands", f"&{event.anchor}"
            )
        tag = event.tag
        if tag is not None and str(tag) not in {"", "!"}:
            self._refuse(
                event, "YAML tags are not accepted; write plain text, numbers, lists and mappings", str(tag)
            )

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        self._refuse_anchor_and_tag(event)
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        container: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
        if self._expects_key():
            self._refuse(event, "a list or mapping cannot be a key; use plain text")
        path = self._place(container, event)
        self.stack.append(_Frame(container, path))

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].container, dict) and self.stack[-1].key is None

    def _scalar(self, event: ScalarEvent) -> None:
        self._refuse_anchor_and_tag(event)
        if self._expects_key():
            self._take_key(event)
        else:
            self._place(self._construct(event), event)

    def _take_key(self, event: ScalarEvent) -> None:
        frame = self.stack[-1]
        key = str(event.value)
        path = (*frame.path, key)
        frame.key = key
        if key in frame.container:
            first = self.keys[path].line
            at = _position(event)
            message = f"duplicate key; it stands already in line {first}"
            self.faults.append(Fault(self.label, at.line, at.column, show_path(path), message, quote(key)))
            frame.skip_value = True
        else:
            self.keys[path] = _position(event)

    def _place(self, value: Any, event: Event) -> KeyPath:
        """Put a value where it belongs and remember its position; return its path."""
        if not self.stack:
            self.root = value
            self.values[()] = _position(event)
            return ()
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            path: KeyPath = (*frame.path, len(frame.container))
            frame.container.append(value)
            self.values[path] = _position(event)
            return path
        assert frame.key is not None  # noqa: S101  (the parser gives a key before its value)
        path = (*frame.path, frame.key)
        if not frame.skip_value:
            frame.container[frame.key] = value
            self.values[path] = _position(event)
        frame.key, frame.skip_value = None, False
        return path

    def _construct(self, event: ScalarEvent) -> Any:
        text = str(event.value)
        if not event.implicit[0]:
            # quoted, or a block: text, whatever it looks like
            return text
        try:
            return read_scalar(text)
        except ValueError:
            at = _position(event)
            self.faults.append(
                Fault(self.label, at.line, at.column, "", "a number that cannot be read", quote(text))
            )
            return None


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)
