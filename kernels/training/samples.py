"""A few elements of each weight, to see that a step changes it and as it should."""

from __future__ import annotations

import torch

from kernels.shared import tensors

SAMPLED = 16


class Samples:
    """A few elements of each weight, always the same ones."""

    def __init__(self, weights: list[torch.Tensor], seed: int) -> None:
        draw = torch.Generator().manual_seed(seed + 2)
        drawn = (torch.randint(weight.numel(), (SAMPLED,), generator=draw) for weight in weights)
        self._weights = weights
        self._places = [places.to(weights[0].device) for places in drawn]
        self.remember()

    def remember(self) -> None:
        """Keep the weights as they are now."""
        self._before = self.of(self._weights)

    def unchanged(self) -> int:
        """Of how many weights most elements are still what they were."""
        same = self.of(self._weights) == self._before
        return int((2 * same.view(-1, SAMPLED).sum(dim=1) > SAMPLED).sum())

    def of(self, parts: list[torch.Tensor]) -> torch.Tensor:
        """The sampled elements of tensors shaped like the weights, in float64."""
        pairs = zip(parts, self._places, strict=True)
        return tensors.float64(torch.cat([part.detach().view(-1)[places] for part, places in pairs]))
