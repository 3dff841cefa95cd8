"""Whether a pass through a decoder is right: each part of each layer against float64, from what it was given.

A whole pass cannot be judged by its end alone: roundings to 16 bits add up over the layers and hide, for
example, that one key of a thousand was passed over. So each part is computed again, in float64 and by code of
its own, from the tensor that the pass itself gave to that part, and its result may differ by the roundings
within the part. Every weight takes part. So does every token and sequence in the linear parts, summed with
random signs (Freivalds, Probabilistic machines can use less running time, IFIP 1977); attention and the
feed-forward part, which are not linear, are computed for `SAMPLED_ROWS` of them.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cached_property

import torch

from kernels.shared import tensors
from kernels.transformer.model import NORM_EPSILON, ROTARY_BASE, Cache, Layer, Passage, Weights
from kernels.workload import Verdict

SAMPLED_ROWS = 3
# Where roundings fall at random, an error of size σ is expected. Its root mean square over a row comes out
# close to σ or below; a single element among millions may reach six times σ.
ROW_SIGMAS, ELEMENT_SIGMAS = 2.0, 7.0
# Roundings to the storage type from what a part is given to what it gives: a norm rounds twice; a product, a
# sum, a gate once; a rotation its cosine, sine, products and sum.
NORM, PRODUCT, ROTATION, GATE = 2, 1, 4, 3
# Float32 gives the angle of a position p to some units in its last place: the power of the base, the product.
ANGLE_ULPS = 4.0
# Of a weight at a time: on a CPU few joins of threads, which a busy machine delays; on a GPU few launches.
BLOCK_ELEMENTS_ON_CPU, BLOCK_ELEMENTS_ELSEWHERE = 1 << 20, 1 << 24
# Keeps a tolerance of exact zeros from being divided by.
TINY = 1e-30


@dataclass
class Outcome:
    """What a pass was given and what it made.

    Attributes:
        weights: Of the model.
        tokens: (batch, positions).
        caches: One a layer; the pass writes its own positions.
        start: Position of the first token.
        passages: What each layer made.
        hidden: Last position's states after the last norm, (batch, hidden).
        logits: (batch, vocabulary).
        chosen: The next token of each sequence, (batch,).
    """

    weights: Weights
    tokens: torch.Tensor
    caches: list[Cache]
    start: int
    passages: list[Passage]
    hidden: torch.Tensor
    logits: torch.Tensor
    chosen: torch.Tensor


def verify(outcome: Outcome, seed: int) -> Verdict:
    """Compare every part with its reference."""
    if len(outcome.passages) != len(outcome.weights.layers):
        return Verdict(correct=False, detail=f"{len(outcome.passages)} layers were passed through")
    reference = _Reference(outcome, seed)
    shares = {"embedding": reference.embedding(), **reference.head()}
    for number, layer in enumerate(outcome.weights.layers):
        shares |= {
            f"{part} of layer {number}": share for part, share in reference.layer(number, layer).items()
        }
    # A share that is no number is the worst of all.
    worst = max(shares, key=lambda part: math.inf if math.isnan(shares[part]) else shares[part])
    detail = f"worst of {len(shares)} parts: {worst} at {shares[worst]:.3g} of its tolerance"
    return Verdict(correct=shares[worst] <= 1, detail=detail)


@dataclass(frozen=True)
class Accuracy:
    """What results stored in a type may be off by.

    Attributes:
        unit: The type's unit roundoff.
    """

    unit: float

    def sigma(self, roundings: float, terms: float, spread: float = 0.0) -> float:
        """Expected error, relative to the size of the result.

        Each rounding to the storage type errs by up to a unit, evenly spread, so by unit/√3 on average; a sum
        of so many terms in float32 by √terms of its own unit rather than terms (Higham, Accuracy and
        Stability, 2nd ed., section 2.8); ``spread`` is any other relative error.
        """
        own = roundings * self.unit**2 / 3 + terms * tensors.UNIT_ROUNDOFF_FP32**2 / 3
        return math.sqrt(own + spread**2)


def share(found: torch.Tensor, expected: torch.Tensor, sigma: float) -> float:
    """Largest error as a share of its tolerance, by rows and by elements; NaN where something is NaN."""
    size = expected.square().mean(dim=-1, keepdim=True).sqrt()
    error = found - expected
    rows = error.square().mean(dim=-1, keepdim=True).sqrt() / (ROW_SIGMAS * sigma * size)
    elements = error.abs() / (ELEMENT_SIGMAS * sigma * (size + expected.abs()))
    return float(torch.maximum(rows.max(), elements.max()))


class _Reference:
    """The reference of one pass; rows are (sequence, position) pairs, counted through."""

    def __init__(self, outcome: Outcome, seed: int) -> None:
        self._outcome, self._weights, self._decoder = outcome, outcome.weights, outcome.weights.decoder
        self._accuracy = Accuracy(torch.finfo(outcome.weights.head.dtype).eps / 2)
        self._batch, self._length = outcome.tokens.shape
        self._rows = _sampled(self._batch * self._length, seed)
        count = self._batch * self._length
        signs = torch.randint(2, (count,), generator=torch.Generator().manual_seed(seed)).double() * 2 - 1
        # Float64 lives on the CPU where the device has none.
        self._signs = signs.to(tensors.float64(outcome.weights.norm).device)

    def embedding(self) -> float:
        """Rows of the embedding, bit by bit."""
        rows = self._weights.embedding[self._outcome.tokens]
        return 0.0 if torch.equal(self._outcome.passages[0].entered, rows) else math.inf

    def head(self) -> dict[str, float]:
        """The last norm, the logits, and that the largest was chosen."""
        outcome, decoder = self._outcome, self._decoder
        hidden = tensors.float64(outcome.hidden)
        expected = _norm(self._left(len(outcome.passages) - 1)[:, -1], self._weights.norm)
        some = _sampled(self._batch, self._batch)
        every = self._signs[: self._batch]

        def picked(values: torch.Tensor) -> torch.Tensor:
            return torch.cat((values[some], (every @ values)[None]))

        logits = self._times(self._weights.head, picked(hidden))
        found = picked(tensors.float64(outcome.logits))
        return {
            "last norm": share(hidden, expected, self._accuracy.sigma(NORM + 2, decoder.hidden)),
            "head": share(found, logits, self._accuracy.sigma(PRODUCT, decoder.hidden)),
            "choice": 0.0 if self._is_greedy() else math.inf,
        }

    def layer(self, number: int, layer: Layer) -> dict[str, float]:
        """Its parts, each from what the pass gave to it."""
        passage = self._outcome.passages[number]
        entered = _norm(self._flat(passage.entered), layer.attention_norm)
        attended = self._flat(passage.entered + passage.projected)[self._rows]
        return {
            **self._cached(number, layer, entered),
            "attention": self._attention(number, layer, entered[self._rows]),
            "output product": self._projected(layer, passage),
            "feed-forward": self._fed(layer, passage, _norm(attended, layer.feed_norm)),
            "residual sum": self._summed(number),
        }

    def _cached(self, number: int, layer: Layer, entered: torch.Tensor) -> dict[str, float]:
        """Keys, turned back by their angles, and values that were written."""
        outcome, cache = self._outcome, self._outcome.caches[number]
        own = slice(outcome.start, outcome.start + self._length)
        rows = self._picked(entered)
        keys = tensors.float64(cache.keys[:, :, own])
        angles = _angles(keys.shape[-1], outcome.start, self._length, keys.device)
        values = tensors.float64(cache.values[:, :, own])
        norm_and_product, terms = NORM + PRODUCT, self._decoder.hidden
        exact = self._accuracy.sigma(norm_and_product, terms)
        turned = self._accuracy.sigma(norm_and_product + ROTATION, terms, self._angle_error)
        return {
            "keys": share(self._picked(_joined(_turn(keys, -angles))), self._times(layer.key, rows), turned),
            "values": share(self._picked(_joined(values)), self._times(layer.value, rows), exact),
        }

    def _attention(self, number: int, layer: Layer, entered: torch.Tensor) -> float:
        """Sampled rows: every head over the keys and values in the cache."""
        query, mixed = self._times(layer.query, entered), self._flat(self._outcome.passages[number].mixed)
        return max(
            (self._mix(number, row, each, mixed[row]) for row, each in zip(self._rows, query, strict=True)),
            key=lambda found: math.inf if math.isnan(found) else found,
        )

    def _mix(self, number: int, row: int, query: torch.Tensor, found: torch.Tensor) -> float:
        decoder, cache = self._decoder, self._outcome.caches[number]
        sequence, position = row // self._length, self._outcome.start + row % self._length
        keys = tensors.float64(cache.keys[sequence, :, : position + 1])
        values = tensors.float64(cache.values[sequence, :, : position + 1])
        heads = query.view(decoder.kv_heads, -1, 1, decoder.head_size)
        turned = _turn(heads, _angles(decoder.head_size, position, 1, heads.device))
        scores = turned.squeeze(2) @ keys.mT / math.sqrt(decoder.head_size)
        expected = scores.softmax(dim=-1) @ values
        return share(
            found.view(decoder.heads, -1), expected.view(decoder.heads, -1), self._mix_sigma(scores, position)
        )

    def _mix_sigma(self, scores: torch.Tensor, position: int) -> float:
        """A query's relative error is one of a score's usual size, and so, absolute, a weight's relative one.

        Scores and weights may be rounded too, and the mix is.
        """
        size = float(scores.square().mean())
        query = NORM + PRODUCT + ROTATION
        terms = self._decoder.hidden + self._decoder.head_size
        spread = self._angle_error * math.sqrt(size)
        return self._accuracy.sigma((query + 1) * size + 3, terms * (1 + size) + position, spread)

    def _projected(self, layer: Layer, passage: Passage) -> float:
        rows, found = self._picked(self._flat(passage.mixed)), self._picked(self._flat(passage.projected))
        sigma = self._accuracy.sigma(PRODUCT, self._decoder.hidden)
        return share(found, self._times(layer.output, rows), sigma)

    def _fed(self, layer: Layer, passage: Passage, entered: torch.Tensor) -> float:
        gate, up = self._times(layer.gate, entered), self._times(layer.up, entered)
        expected = self._times(layer.down, gate * gate.sigmoid() * up)
        # The norm's error reaches the product through the gate and through what is gated.
        roundings = 2 * (NORM + PRODUCT) + GATE + PRODUCT
        sigma = self._accuracy.sigma(roundings, 2 * self._decoder.hidden + self._decoder.intermediate)
        return share(self._flat(passage.fed)[self._rows], expected, sigma)

    def _summed(self, number: int) -> float:
        """Every element that enters the next layer: two sums, each rounded once; twice that is allowed."""
        if number + 1 == len(self._outcome.passages):
            return 0.0  # judged by the last norm
        passage, after = self._outcome.passages[number], self._outcome.passages[number + 1].entered
        expected, middle = (
            self._left(number),
            tensors.float64(passage.entered) + tensors.float64(passage.projected),
        )
        tolerance = 2 * self._accuracy.unit * (expected.abs() + middle.abs()) + TINY
        return float(((tensors.float64(after) - expected).abs() / tolerance).max())

    def _left(self, number: int) -> torch.Tensor:
        """The residual stream after a layer, (batch, positions, hidden)."""
        passage = self._outcome.passages[number]
        parts = (passage.entered, passage.projected, passage.fed)
        return sum((tensors.float64(part) for part in parts[1:]), start=tensors.float64(parts[0]))

    def _is_greedy(self) -> bool:
        logits, chosen = self._outcome.logits, self._outcome.chosen
        inside = ((chosen >= 0) & (chosen < self._decoder.vocabulary)).all()
        if not bool(inside):
            return False
        return torch.equal(logits.gather(1, chosen[:, None])[:, 0], logits.amax(dim=1))

    def _flat(self, values: torch.Tensor) -> torch.Tensor:
        """(rows, width) in float64."""
        return tensors.float64(values.reshape(-1, values.shape[-1]))

    def _picked(self, rows: torch.Tensor) -> torch.Tensor:
        """The sampled rows, and all of them summed with random signs."""
        return torch.cat((rows[self._rows], (self._signs @ rows)[None]))

    def _times(self, weight: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Rows times the transposed weight, of which a block at a time is held in float64."""
        on_cpu = rows.device.type == "cpu"
        step = max(1, (BLOCK_ELEMENTS_ON_CPU if on_cpu else BLOCK_ELEMENTS_ELSEWHERE) // weight.shape[1])
        # One buffer for all: mapping memory anew for each takes longer than filling it.
        buffer = rows.new_empty(min(step, weight.shape[0]), weight.shape[1])
        products = []
        for start in range(0, weight.shape[0], step):
            part = weight[start : start + step].to(rows.device)
            products.append(rows @ buffer[: len(part)].copy_(part).mT)
        return torch.cat(products, dim=1)

    @cached_property
    def _angle_error(self) -> float:
        return ANGLE_ULPS * tensors.UNIT_ROUNDOFF_FP32 * (self._outcome.start + self._length)


def _sampled(count: int, seed: int) -> list[int]:
    """Some of so many rows, the last always among them."""
    draw = random.Random(seed)  # noqa: S311 - samples, not secrets
    others = draw.sample(range(count - 1), min(SAMPLED_ROWS - 1, count - 1))
    return [*others, count - 1]


def _norm(rows: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    mean = rows.square().mean(dim=-1, keepdim=True)
    return rows / torch.sqrt(mean + NORM_EPSILON) * tensors.float64(scale)


def _angles(size: int, start: int, count: int, device: torch.device) -> torch.Tensor:
    """Of each position and pair: position · base^(−2i/size) (Su et al., arXiv:2104.09864, section 3.2.2)."""
    pairs = torch.arange(0, size, 2, dtype=torch.float64, device=device)
    positions = torch.arange(start, start + count, dtype=torch.float64, device=device)
    return torch.outer(positions, torch.exp(-math.log(ROTARY_BASE) * pairs / size))


def _turn(heads: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Each pair (i, i + size/2) as a complex number times e^(i·angle)."""
    half = heads.shape[-1] // 2
    pairs = torch.complex(heads[..., :half], heads[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((pairs.real, pairs.imag), dim=-1)


def _joined(heads: torch.Tensor) -> torch.Tensor:
    """(batch, heads, positions, head_size) as (rows, heads · head_size)."""
    return heads.transpose(1, 2).flatten(2).flatten(0, 1)
