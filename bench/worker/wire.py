"""How tasks and answers travel through a pipe: eight bytes of length, then JSON that can only be data.

An object is a mapping that names its class, one of those that :mod:`.tasks` speak of; a tuple says that it is
one. Pickle would be shorter, and would run whatever a pipe said.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from pydantic import BaseModel

import bench.errors
from bench.choosing.choice import Chosen
from bench.errors import FlopcensusError
from bench.record import DeviceDescription, Search, TracePoint
from bench.worker import tasks

_LENGTH_BYTES = 8
_CLASS, _TUPLE, _ERROR, _WORDS = "class", "tuple", "error", "words"
# imported where one arrives: the folder of kernels may be hidden by another, which is said elsewhere
_LATER = {"Verdict": "kernels.workload"}


def send(stream: IO[bytes], message: object) -> None:
    """Write a message whole.

    Raises:
        OSError: The other end is gone.
        TypeError: It holds an object that does not travel.
    """
    data = json.dumps(_plain(message)).encode()
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Wait for a message.

    Raises:
        EOFError: The other end is gone.
        ValueError: What came is no message.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    return _made(json.loads(_exactly(stream, length)))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple | list):
        items = [_plain(one) for one in value]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        # pairs, so that no key of ours can be taken for a mark
        return {"pairs": [[str(key), _plain(one)] for key, one in value.items()]}
    if isinstance(value, FlopcensusError):
        return {_ERROR: [one.__name__ for one in type(value).__mro__], _WORDS: str(value)}
    if type(value).__name__ in (*_CLASSES, *_LATER):
        return {_CLASS: type(value).__name__, "fields": {n: _plain(getattr(value, n)) for n in _names(value)}}
    return _number(value)


def _number(value: Any) -> Any:
    """A number of numpy as Python's own."""
    if not hasattr(value, "item"):
        raise TypeError(f"{type(value).__name__} does not travel between processes")
    return value.item()


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        return iter(type(value).model_fields)
    return (field.name for field in dataclasses.fields(value))


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return [_made(one) for one in value]
    if not isinstance(value, dict):
        return value
    if _TUPLE in value:
        return tuple(_made(one) for one in value[_TUPLE])
    if "pairs" in value:
        return {key: _made(one) for key, one in value["pairs"]}
    if _ERROR in value:
        known = (getattr(bench.errors, name, None) for name in value[_ERROR])
        return next(one for one in known if isinstance(one, type))(value[_WORDS])
    if value.get(_CLASS) in _LATER:
        made = getattr(importlib.import_module(_LATER[value[_CLASS]]), value[_CLASS])
    elif value.get(_CLASS) in _CLASSES:
        made = _CLASSES[value[_CLASS]]
    else:
        raise ValueError("not a message of ours")
    return made(**{name: _made(one) for name, one in value["fields"].items()})


def _classes() -> Iterator[type]:
    yield from (Chosen, DeviceDescription, Search, TracePoint)
    for one in vars(tasks).values():
        if isinstance(one, type) and dataclasses.is_dataclass(one) and one.__module__ == tasks.__name__:
            yield one


_CLASSES: Mapping[str, type] = {one.__name__: one for one in _classes()}
