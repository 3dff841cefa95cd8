"""How tasks and answers travel through a pipe: eight bytes of length, then the pickled object.

Both ends are this program, started by one another; nothing from outside ever comes through.
"""

from __future__ import annotations

import pickle
from typing import IO, Any

_LENGTH_BYTES = 8


def send(stream: IO[bytes], message: object) -> None:
    """Write a message whole.

    Raises:
        OSError: The other end is gone.
    """
    data = pickle.dumps(message)
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Wait for a message.

    Raises:
        EOFError: The other end is gone.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    return pickle.loads(_exactly(stream, length))  # noqa: S301 - see above


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
