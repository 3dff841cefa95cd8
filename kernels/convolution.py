"""Two-dimensional convolution: the 3×3 convolutions of a residual network for images, in its four stages.

One call convolves, at one batch size, the inputs of each stage of ResNet-50 (He et al., Deep residual
learning for image recognition, arXiv:1512.03385, table 1): 64 channels of 56×56, 128 of 28×28, 256 of 14×14
and 512 of 7×7, as many channels out as in, a stride of one and a border of one zero. Each stage has the same
FLOP, so that the value is the plain harmonic mean of the stages' rates.

FLOP are counted as is the custom, as if every output had all its 3×3 neighbours: those in the border of zeros
are counted too, 2.4 % of the terms at 56×56 and 18 % at 7×7 (a side of s has 3s − 2 neighbours within
and 2 without). They are those of the direct sum: a library that convolves by Winograd's or Fourier's method
does fewer, and may pass the hardware's peak by this count.

Channels lie last in memory in 16 bits on CPUs and on NVIDIA's GPUs, whose matrix units are fed so (NVIDIA,
Convolutional layers user's guide, on NHWC), elsewhere where torch has them by default. TF32 is off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.shared.refusals import require_backend, require_precision
from kernels.workload import LARGE_GPUS, Choice, Metric, Place, Shape, Unit

if TYPE_CHECKING:
    from kernels.operations.convolution_run import PreparedConvolution

# Channels and side of each stage's images.
STAGES = ((64, 56), (128, 28), (256, 14), (512, 7))
WINDOW = 3
ELEMENT_BYTES = {"bf16": 2, "fp16": 2, "fp32": 4}
CPU_BATCHES = (1, 2, 4, 8, 16, 32, 64)
GPU_BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048)
CHANNELS_LAST, CHANNELS_FIRST = "torch channels last", "torch"


@dataclass(frozen=True)
class Convolution:
    """Four stages of 3×3 convolutions, one after the other."""

    name: str = "convolution"
    family: str = "convolution"
    summary: str = "3×3 convolutions of ResNet-50's four stages at the best batch size; padding counted"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp16", "fp32")
    choice: Choice = "climb"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """2·batch·side²·channels²·9 for each stage, border included. Unit: FLOP."""
        return sum(2.0 * shape["batch"] * (side * channels * WINDOW) ** 2 for channels, side in STAGES)

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Inputs and weights read once, outputs written once. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Inputs, outputs as large, and weights; what a library takes as workspace is its own. Unit: B."""
        images = 2 * shape["batch"] * sum(channels * side**2 for channels, side in STAGES)
        weights = sum((channels * WINDOW) ** 2 for channels, _ in STAGES)
        return (images + weights) * ELEMENT_BYTES[precision]

    def lacks(self, precision: str, place: Place) -> str | None:
        """What one image raises there; nothing where it runs."""
        from kernels.shared import probe  # noqa: PLC0415 - torch takes seconds to import

        return probe.failure(self, precision, {"batch": 1}, place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """Both orders in memory, the one that suits the place first."""
        both = (CHANNELS_LAST, CHANNELS_FIRST)
        return both if precision != "fp32" and place.kind in ("cpu", "cuda") else both[::-1]

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Doubled batches that fit the memory."""
        batches = GPU_BATCHES if place.kind in LARGE_GPUS else CPU_BATCHES
        shapes = ({"batch": batch} for batch in batches)
        return tuple(s for s in shapes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedConvolution:
        """Put standard normal images and weights on the device."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        chosen = backend or self.backends(precision, place)[0]
        from kernels.operations import convolution_run  # noqa: PLC0415

        last = chosen == CHANNELS_LAST
        return convolution_run.prepare(precision, shape["batch"], STAGES, place, seed, channels_last=last)
