"""Whether attention and its gradients are right. Imports torch: load it only to run something.

The reference is the closed form in float64, computed from the operands alone. For one head, with weights
P = softmax(S), S = Q·Kᵀ/√d below the diagonal, output O = P·V and G the gradient of the output:

    dV = Pᵀ·G,   dP = G·Vᵀ,   dS = P ∘ (dP − D),   D = rowsum(G ∘ O),   dQ = dS·K/√d,   dK = dSᵀ·Q/√d

(Dao et al., FlashAttention, arXiv:2205.14135, appendix B.2). Up to `WHOLE_SCORES` scores, as on CPUs, it is
followed for every element of O and of the gradients. Beyond, it is for whole rows of O and dQ of many heads,
one in every stretch of the sequence, and for all of dV and dK of one head. Every element of O is a mean of
the values up to its row, and lies between the least and the largest. Two laws bind the gradients of every
head: rows of P add up to one, so that Σ_j dV_j = Σ_i G_i; and Qᵀ·dQ = dKᵀ·K, since both are Qᵀ·dS·K/√d.

Tolerances. Kernels round P, dP, dS and O to the precision's type, of unit roundoff u, and sum in float32.
Such errors are independent, so that a sum of terms t_j off by u·t_j each is off by u·√Σt_j² or so; six times
that is allowed (as in `kernels.products.check`), and two roundings of the result. To u is added what
float32 arithmetic itself does, `ARITHMETIC`; what fp16 cannot hold at all is lost as well, `Unit.lost`.
Gradients are allowed `PARTIAL_SUMS` more roundings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import torch

from kernels.operations.attention_reference import PARTIAL_SUMS, SIGMAS, Tensors, larger, largest_share, rough
from kernels.shared import tensors
from kernels.workload import Verdict

# Twice as many as sampling looks at in the longest sequences: 32 rows of 16384 in 32 heads. With gradients a
# score takes three times the work.
WHOLE_SCORES, GRADIENTS_WORK = 1 << 24, 3
SAMPLED_HEADS = 32
SAMPLED_ROWS = 32
# Backwards, a row of P is exp(S − L), with L the logarithm of the softmax's denominator in float32: L stays
# below 16 for any sequence that fits a memory, and what it is off by is common to the row.
COMMON = 16 * tensors.UNIT_ROUNDOFF_FP32
# Σ_j P_ij² over i + 1 keys is near e/(i + 1) for scores that are standard normal; this leaves room.
SQUARED_WEIGHTS = 2 * math.e


def verify(held: Tensors, seed: int) -> Verdict:
    """Compare what was found with the closed form: all of it, or samples and laws."""
    wanted = 1 if held.upstream is None else 4
    if [output.shape for output in held.outputs] != [held.query.shape] * wanted:
        return Verdict(correct=False, detail=f"outputs have shapes {[tuple(o.shape) for o in held.outputs]}")
    shares = _whole(held) if _work(held) <= WHOLE_SCORES else _sampled(held, seed)
    told = ", ".join(f"{what} at {share:.3g}" for what, share in shares.items())
    return Verdict(correct=all(share <= 1 for share in shares.values()), detail=f"{told} of their tolerance")


def _work(held: Tensors) -> int:
    """Of comparing every element, as scores of a forward pass."""
    batch, heads, length, _ = held.query.shape
    return batch * heads * length * (length + 1) // 2 * (1 if held.upstream is None else GRADIENTS_WORK)


def _whole(held: Tensors) -> dict[str, float]:
    """Every element."""
    shares: dict[str, float] = {}
    for batch, head in _every_head(held):
        found = [held.exact(output[batch, head]) for output in held.outputs]
        for what, share in held.exact_head(batch, head).worst_of_all(found).items():
            shares[what] = larger(shares.get(what, 0.0), share)
    return shares


def _sampled(held: Tensors, seed: int) -> dict[str, float]:
    """Rows of many heads, the range of all elements, and of training one head and two laws."""
    draw = torch.Generator().manual_seed(seed)
    heads = _sampled_heads(held, draw)
    shares = {"rows": _worst_rows(held, heads, draw), "range": _worst_range(held)}
    if held.upstream is not None:
        batch, head = heads[0]
        found = [tensors.float64(output[batch, head]) for output in held.outputs[2:]]
        shares["one head's keys and values"] = held.head(batch, head).worst_key_value(found)
        shares["sums of values"] = _worst_sum(held, held.upstream)
        shares["products of queries and keys"] = _worst_product(held)
    return shares


def _sampled_heads(held: Tensors, draw: torch.Generator) -> list[tuple[int, int]]:
    batch, heads = held.query.shape[:2]
    picked = torch.randperm(batch * heads, generator=draw)[:SAMPLED_HEADS].tolist()
    return [divmod(number, heads) for number in picked]


def _sampled_rows(length: int, draw: torch.Generator) -> torch.Tensor:
    """One in each of so many stretches of the sequence, in the last stretch the last."""
    count = min(SAMPLED_ROWS, length)
    edges = torch.arange(count + 1) * length // count
    within = torch.rand(count, generator=draw) * (edges[1:] - edges[:-1])
    picked = edges[:-1] + within.long()
    picked[-1] = length - 1
    return picked


def _worst_rows(held: Tensors, heads: list[tuple[int, int]], draw: torch.Generator) -> float:
    worst = 0.0
    for batch, head in heads:
        reference = held.head(batch, head)
        picked = _sampled_rows(held.query.shape[2], draw).to(reference.query.device)
        rows = reference.rows(picked)
        found = [tensors.float64(output[batch, head])[picked] for output in held.outputs[:2]]
        worst = larger(worst, reference.worst_output(rows, found[0]))
        if held.upstream is not None:
            worst = larger(worst, reference.worst_query(rows, found[1]))
    return worst


def _worst_range(held: Tensors) -> float:
    """Every element of O: a mean of the values up to its row, and so between the least and largest of them.

    Weights may add up to one but for their roundings, independent ones in the precision's type.
    """
    worst = 0.0
    for batch, head in _every_head(held):
        value, found = tensors.float64(held.value[batch, head]), tensors.float64(held.outputs[0][batch, head])
        low, high = value.cummin(dim=0).values, value.cummax(dim=0).values
        # a bf16 result may be rounded past the end, and weights of up to one to either side of it
        allowed = (2 + SIGMAS) * held.unit.error * torch.maximum(low.abs(), high.abs()) + 2 * held.unit.lost
        middle, half = (low + high) / 2, (high - low) / 2
        worst = larger(worst, largest_share(found, middle, half + allowed))
    return worst


def _worst_sum(held: Tensors, upstream: torch.Tensor) -> float:
    """Σ_j dV_j against Σ_i G_i in every head: dV as it was rounded, and P as it and its rows were."""
    worst = 0.0
    for batch, head in _every_head(held):
        given, found = tensors.float64(upstream[batch, head]), tensors.float64(held.outputs[3][batch, head])
        weights = _squared_weights(len(given), given.device)[:, None]
        variance = held.unit.error**2 * (PARTIAL_SUMS / 3 * found**2 + weights * given**2)
        allowed = SIGMAS * (variance + (COMMON * given) ** 2).sum(dim=0).sqrt()
        worst = larger(worst, largest_share(found.sum(dim=0), given.sum(dim=0), allowed))
    return worst


def _worst_product(held: Tensors) -> float:
    """Qᵀ·dQ against dKᵀ·K in every head: both gradients as they were rounded, and dS as it was.

    An element of dS is of size P·√(2d), and enters a sum times one of Q and one of K over √d.
    """
    worst, error = 0.0, held.unit.error
    inner = 2 * float(_squared_weights(held.query.shape[2], torch.device("cpu")).sum())
    for pair in _every_head(held):
        operands = (held.query, held.outputs[1], held.outputs[2], held.key)
        query, query_found, key_found, key = (tensors.float64(each[pair]) for each in operands)
        squares = rough(query.T**2, query_found**2) + rough(key_found.T**2, key**2)
        allowed = SIGMAS * error * (PARTIAL_SUMS / 3 * squares + inner).sqrt()
        worst = larger(worst, largest_share(query.T @ query_found, key_found.T @ key, allowed))
    return worst


def _every_head(held: Tensors) -> Iterator[tuple[int, int]]:
    batch, heads = held.query.shape[:2]
    return product(range(batch), range(heads))


def _squared_weights(length: int, device: torch.device) -> torch.Tensor:
    """What Σ_j P_ij² may be, by row."""
    keys = torch.arange(1, length + 1, dtype=torch.float64)
    return (SQUARED_WEIGHTS / keys).clamp(max=1.0).to("cpu" if device.type == "mps" else device)
