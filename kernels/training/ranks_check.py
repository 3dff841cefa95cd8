"""A step of several ranks judged by the same step on one: gradients and loss of the whole batch.

Imports torch: load it only to run something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from kernels.training.check import BACKWARD_MARGIN, FORWARD_MARGIN, layer_error
from kernels.transformer.sizes import Decoder
from kernels.workload import Verdict


def compare(
    gradients: tuple[Sequence[torch.Tensor], Sequence[torch.Tensor]],
    losses: tuple[float, float],
    precision: str,
    decoder: Decoder,
) -> Verdict:
    """Whether gradients and loss agree, within the roundings that `kernels.training.check` allows.

    Of each weight the length of the difference counts, relative to the length of the gradient; of the loss
    the relative difference.

    Args:
        gradients: What the ranks found, and what one rank finds alone, weight by weight.
        losses: The same of the mean loss.
        precision: What was computed in.
        decoder: The model.
    """
    error = layer_error(precision, decoder.hidden) * math.sqrt(1 + decoder.layers)
    apart = torch.stack(
        [(found - wanted).norm() / wanted.norm() for found, wanted in zip(*gradients, strict=True)]
    )
    found_loss, wanted_loss = losses
    shares = {
        # Torch's max, unlike Python's, is NaN where any one value is.
        "gradients": float(apart.max()) / (BACKWARD_MARGIN * error),
        "loss": abs(found_loss / wanted_loss - 1) / (FORWARD_MARGIN * error),
    }
    detail = ", ".join(f"{name} at {share:.2g}" for name, share in shares.items())
    return Verdict(all(share <= 1 for share in shares.values()), f"{detail} of its tolerance")
