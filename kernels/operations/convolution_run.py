"""Convolutions with their operands in place, and whether they are right.

Imports torch: load it only to run something.

The reference is the sum itself in float64, from the stored operands: for sampled outputs, and for all of them
through a projection. For random signs x over the channels out, Σ_c x_c·out_c is the convolution of the images
with the one filter Σ_c x_c·w_c: a product of all pixels with that filter's nine columns, and nine shifted
planes of it added up (Freivalds, Probabilistic machines can use less running time, IFIP 1977, on C·x).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d, pad

from kernels.products.check import Accuracy
from kernels.shared import tensors
from kernels.workload import Place, Verdict

WINDOW = 3
SAMPLED_OUTPUTS = 64
# Winograd's method is a fair way of convolving, and on 4×4 tiles errs up to some ten times as much in float32
# as the direct sum (Lavin and Gray, Fast algorithms for convolutional neural networks, arXiv:1509.09308). A
# product's tolerance is several times what its sums err by, and this many times that leaves room.
WINOGRAD = 4.0
# Float64 copies of images are held to this many elements.
BLOCK_ELEMENTS = 1 << 22


@dataclass
class Stage:
    """One convolution: ``images`` (batch, in, side, side), ``weights`` (out, in, 3, 3), ``output``."""

    images: torch.Tensor
    weights: torch.Tensor
    output: torch.Tensor

    @property
    def terms(self) -> int:
        """Of each sum."""
        return self.weights[0].numel()


class PreparedConvolution:
    """Stages with their images and weights in place."""

    def __init__(self, precision: str, stages: Sequence[Stage], seed: int, *, channels_last: bool) -> None:
        self.stages = tuple(stages)
        self._precision, self._seed, self._channels_last = precision, seed, channels_last

    @property
    def backend(self) -> str:
        """The library behind torch, and the order in memory where it is not torch's own."""
        name = f"torch/{_library(self.stages[0].images.device.type)}"
        return f"{name} channels last" if self._channels_last else name

    @contextmanager
    def setting(self) -> Iterator[None]:
        """No TF32, neither in products nor in cuDNN's convolutions, which have a switch of their own."""
        switches = torch.backends.cudnn
        before = switches.allow_tf32
        switches.allow_tf32 = False
        try:
            with tensors.numerics(self._precision), torch.no_grad():
                yield
        finally:
            switches.allow_tf32 = before

    def poison(self) -> None:
        """Fill the outputs with NaN, and twins that the next ones' memory may come from."""
        for stage in self.stages:
            stage.output.fill_(math.nan)
        for twin in [torch.empty_like(stage.output) for stage in self.stages]:
            twin.fill_(math.nan)

    def run(self) -> None:
        """Each stage once; its last output is let go first, so that memory is reused rather than mapped."""
        for stage in self.stages:
            stage.output = stage.images[:0]
            stage.output = conv2d(stage.images, stage.weights, padding=1)

    def check(self) -> Verdict:
        """Sampled outputs of every stage, and all outputs against a projection."""
        shares = []
        for number, stage in enumerate(self.stages):
            if stage.output.shape != stage.images.shape:
                return Verdict(correct=False, detail=f"stage {number}: shape {tuple(stage.output.shape)}")
            draw = torch.Generator().manual_seed(self._seed + number)
            shares.append((_worst_sampled(stage, draw), _worst_projected(stage, draw)))
        # NaN is not at most one.
        correct = all(share <= 1 for pair in shares for share in pair)
        told = ", ".join(f"{sampled:.3g} and {projected:.3g}" for sampled, projected in shares)
        return Verdict(correct, f"sampled outputs and projection by stage at {told} of their tolerance")

    def digest(self) -> str | None:
        """Hash of the outputs on a CPU; GPU libraries may add up parts of a sum in any order."""
        if self.stages[0].images.device.type != "cpu":
            return None
        parts = "".join(tensors.digest(stage.output) for stage in self.stages)
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def prepare(
    precision: str,
    batch: int,
    stages: Sequence[tuple[int, int]],
    place: Place,
    seed: int,
    *,
    channels_last: bool,
) -> PreparedConvolution:
    """Standard normal images and weights for stages of (channels, side)."""
    dtype, source = tensors.dtype_of(precision), tensors.generator(place.device, seed)

    def draw(count: int, channels: int, side: int) -> torch.Tensor:
        flat = tensors.normal_matrix(count, side * side * channels, dtype, source)
        if channels_last:
            return flat.view(count, side, side, channels).permute(0, 3, 1, 2)
        return flat.view(count, channels, side, side)

    def stage(channels: int, side: int) -> Stage:
        images, weights = draw(batch, channels, side), draw(channels, channels, WINDOW)
        return Stage(images, weights, torch.full_like(images, math.nan))

    prepared = [stage(channels, side) for channels, side in stages]
    return PreparedConvolution(precision, prepared, seed, channels_last=channels_last)


def accuracy(stage: Stage) -> Accuracy:
    """What a right output may be off by: as a product's, with room for Winograd's method."""
    result = torch.finfo(stage.output.dtype).eps / 2
    return Accuracy(result, WINOGRAD * tensors.UNIT_ROUNDOFF_FP32)


def _worst_sampled(stage: Stage, draw: torch.Generator) -> float:
    """Largest error of sampled outputs, the first and the last among them, as a share of its tolerance."""
    batch, channels, side, _ = stage.output.shape
    sides = (batch, channels, side, side)
    picked = [torch.randint(each, (SAMPLED_OUTPUTS,), generator=draw) for each in sides]
    for indices, each in zip(picked, sides, strict=True):
        indices[0], indices[-1] = 0, each - 1
    image, channel, row, column = (indices.to(stage.images.device) for indices in picked)
    filters = tensors.float64(stage.weights[channel])
    expected = torch.zeros(SAMPLED_OUTPUTS, dtype=torch.float64, device=filters.device)
    for down in range(WINDOW):
        for right in range(WINDOW):
            pixels = _pixels(stage.images, image, row + down - 1, column + right - 1)
            expected += (tensors.float64(pixels) * filters[:, :, down, right]).sum(dim=1)
    error = (tensors.float64(stage.output[image, channel, row, column]) - expected).abs()
    return float((error / accuracy(stage).element(expected, stage.terms)).max())


def _pixels(
    images: torch.Tensor, image: torch.Tensor, row: torch.Tensor, column: torch.Tensor
) -> torch.Tensor:
    """All channels of picked pixels; nothing where they lie beyond the border."""
    side = images.shape[-1]
    within = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    found = images[image, :, row.clamp(0, side - 1), column.clamp(0, side - 1)]
    return found * within[:, None]


def _worst_projected(stage: Stage, draw: torch.Generator) -> float:
    """Largest error of outputs summed over channels with random signs, as a share of its tolerance."""
    channels = stage.output.shape[1]
    signs = (torch.randint(2, (channels,), generator=draw) * 2 - 1).double()
    weights = tensors.float64(stage.weights)
    signs = signs.to(weights.device)
    columns = torch.einsum("o,oikl->ikl", signs, weights)
    worst, step = 0.0, max(1, BLOCK_ELEMENTS // stage.images[0].numel())
    for start in range(0, len(stage.images), step):
        part = slice(start, start + step)
        found = torch.einsum("o,nohw->nhw", signs, tensors.float64(stage.output[part]))
        error = float((found - _convolved(tensors.float64(stage.images[part]), columns)).abs().max())
        worst = error if math.isnan(error) else max(worst, error)
        if math.isnan(worst):
            break
    return worst / accuracy(stage).projection(stage.terms, channels)


def _convolved(images: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Images (n, in, side, side) with one filter (in, 3, 3): nine products a pixel, added where they land."""
    side = images.shape[-1]
    planes = pad(torch.einsum("nihw,ikl->nklhw", images, columns), (1, 1, 1, 1))
    shifted = (
        planes[:, down, right, down : down + side, right : right + side]
        for down in range(WINDOW)
        for right in range(WINDOW)
    )
    return torch.stack(list(shifted)).sum(dim=0)


def _library(kind: str) -> str:
    if kind == "cuda":
        return "miopen" if torch.version.hip else "cudnn"
    if kind == "cpu":
        return "onednn" if torch.backends.mkldnn.is_available() else "native"  # type: ignore[no-untyped-call]
    return kind
