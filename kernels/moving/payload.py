"""What is sent from one memory to another, and whether it arrived. Imports torch: load it only to run."""

from __future__ import annotations

import math

import torch

from kernels.shared import tensors
from kernels.workload import Verdict

ELEMENT_BYTES = 4
# Each block carries its number, so that one in another's place is noticed.
BLOCK_ELEMENTS = 1024
SAMPLED_BLOCKS = 64


def payload(elements: int, seed: int, *, pinned: bool = False) -> torch.Tensor:
    """Float32 normal values on the host; the bits of the first of every 1024 are the number of its block.

    Args:
        elements: How many, all of whole blocks.
        seed: Draws them.
        pinned: Whether the memory is locked in place, where the accelerator of this node reads it itself.
    """
    values = torch.empty(elements, dtype=torch.float32, pin_memory=pinned)
    pattern = tensors.normal_vector(min(elements, tensors.PATTERN_ELEMENTS), tensors.generator("cpu", seed))
    tensors.repeat_along(values, pattern)
    number(values)
    return values


def number(values: torch.Tensor) -> None:
    """Write each block's number into it."""
    blocks = torch.arange(len(values) // BLOCK_ELEMENTS, dtype=torch.int32, device=values.device)
    _blocks(values)[:, 0] = blocks


def poison(values: torch.Tensor) -> None:
    """Fill with NaN."""
    values.fill_(math.nan)


def compare(sent: torch.Tensor, found: torch.Tensor) -> Verdict:
    """Whether all arrived: the sum of all bits, every block's number, and sampled blocks bit by bit."""
    count = len(sent) // BLOCK_ELEMENTS
    misplaced = int((_blocks(found)[:, 0].cpu() != torch.arange(count, dtype=torch.int32)).sum())
    sums_differ = bit_sum(sent) != bit_sum(found)
    sample = torch.linspace(0, count - 1, min(SAMPLED_BLOCKS, count), dtype=torch.float64).long()
    blocks = (_blocks(side)[sample.to(side.device)].cpu() for side in (sent, found))
    differing = int((next(blocks) != next(blocks)).any(1).sum())
    detail = f"{misplaced} of {count} blocks misplaced, {differing} of {len(sample)} sampled ones differ"
    detail += "; sums of all bits differ" if sums_differ else "; sums of all bits agree"
    return Verdict(correct=not (misplaced or differing or sums_differ), detail=detail)


def bit_sum(values: torch.Tensor) -> int:
    """Sum of the bits of float32 values, two at a time as an integer, modulo 2^64: in any order the same."""
    return int(values.view(torch.int64).sum()) % 2**64


def _blocks(values: torch.Tensor) -> torch.Tensor:
    return values.view(torch.int32).view(-1, BLOCK_ELEMENTS)
