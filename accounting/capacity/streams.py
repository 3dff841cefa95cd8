"""Streams of standard normals, one for each seed and name, at any place without those before it.

A counter-based generator (Philox 4x64-10; Salmon et al. 2011, doi:10.1145/2063384.2063405) is keyed by a hash
of the seed; the hash of a name is the upper half of its counter, the place in the stream the lower half. So
normals depend on seed, name and place, and on nothing else that is drawn.

Normals come from 64 random bits a pair, by Box and Muller (1958, doi:10.1214/aoms/1177706645), in float32:
they take a fixed number of bits, which is what makes places addressable, and a third of the time that numpy's
own normals take. Beyond 6.6 standard deviations there are none, and single ones are right to about 1e-6.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Normals = NDArray[np.float32]

# a stream is laid out in blocks of so many normals: half of them cosines, half sines
BLOCK = 1000
_PAIRS = BLOCK // 2
# a step of the counter gives four words of 64 bits
_COUNTS_A_BLOCK = _PAIRS // 4
_MAGNITUDE = np.int32(0x7FFFFFFF)
_HALF_STEP = np.float32(2.0**-32)
_STEP = np.float32(2.0**-31)
_ANGLE_STEP = np.float32(np.pi * 2.0**-31)


class Streams:
    """All streams of a seed. It has a generator and room of its own: one for each thread.

    >>> ours = np.empty(3, np.float32)
    >>> Streams(1).fill("a", ours)
    >>> bool((ours == Streams(1).fill("a", np.empty(3, np.float32))).all())
    True
    """

    def __init__(self, seed: int) -> None:
        """Key the generator; any whole number will do."""
        key = np.frombuffer(hashlib.blake2b(str(seed).encode(), digest_size=16).digest(), dtype="<u8")
        self._bits = np.random.Philox(key=key, counter=0)
        # the generator copies the state that it is given: one is kept, and its counter changed in place
        self._state = self._bits.state
        self._counter: NDArray[np.uint64] = self._state["state"]["counter"]
        self._room = _Room(1)

    def fill(self, name: str, out: Normals, start: int = 0, sd: float = 1.0) -> Normals:
        """Fill ``out`` with the normals of ``name`` from place ``start`` on, times ``sd``, and return it.

        Raises:
            ValueError: ``start`` is not a multiple of ``BLOCK``.
        """
        if start % BLOCK:
            raise ValueError(f"streams are entered at multiples of {BLOCK} (found {start})")
        blocks = -(-out.size // BLOCK)
        if self._room.blocks != blocks:
            self._room = _Room(blocks)
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        self._counter[0] = start // BLOCK * _COUNTS_A_BLOCK
        self._counter[1] = 0
        self._counter[2:] = np.frombuffer(digest, dtype="<u8")
        self._bits.state = self._state
        words = self._bits.random_raw(blocks * _PAIRS).view(np.int32).reshape(blocks, BLOCK)
        return self._room.normals(words, out, sd)


class _Room:
    """Scratch space for some blocks, so that a stream allocates nothing but its random bits."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self._magnitude = np.empty((blocks, _PAIRS), np.int32)
        self._radius = np.empty((blocks, _PAIRS), np.float32)
        self._angle = np.empty((blocks, _PAIRS), np.float32)
        self._whole = np.empty((blocks, BLOCK), np.float32)

    def normals(self, words: NDArray[np.int32], out: Normals, sd: float) -> Normals:
        radius, angle = self._radius, self._angle
        # 31 bits and half a step: uniform in (0, 1), finest near 0, where the tails come from
        np.bitwise_and(words[:, :_PAIRS], _MAGNITUDE, out=self._magnitude)
        np.copyto(radius, self._magnitude, casting="unsafe")
        np.multiply(radius, _STEP, out=radius)
        np.add(radius, _HALF_STEP, out=radius)
        np.log(radius, out=radius)
        np.multiply(radius, np.float32(-2.0 * sd * sd), out=radius)
        np.sqrt(radius, out=radius)
        np.copyto(angle, words[:, _PAIRS:], casting="unsafe")
        np.multiply(angle, _ANGLE_STEP, out=angle)
        whole = out.reshape(self._whole.shape) if out.size == self._whole.size else self._whole
        cosines, sines = whole[:, :_PAIRS], whole[:, _PAIRS:]
        np.cos(angle, out=cosines)
        np.sin(angle, out=sines)
        np.multiply(cosines, radius, out=cosines)
        np.multiply(sines, radius, out=sines)
        if whole is self._whole:
            out[:] = whole.reshape(-1)[: out.size]
        return out
