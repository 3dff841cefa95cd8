"""A decoder-only transformer in closed form: sizes, parameters, FLOP and bytes. Imports no torch.

The layer is that of today's open models (Touvron et al., LLaMA, arXiv:2302.13971; grouped queries: Ainslie et
al., GQA, arXiv:2305.13245): root-mean-square normalisation, rotary positions, grouped-query attention, and a
gated feed-forward part of three matrices. A device shows what it does with a model only at the model's full
width; further layers repeat the same work, so that few of them stand for many.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernels.workload import Shape

# Weights, gradients and activations of a 16-bit or 8-bit training step are kept in bf16; fp32 in fp32.
ELEMENT_BYTES = {"bf16": 2, "fp16": 2, "fp8": 2, "fp32": 4, "tf32": 4}


@dataclass(frozen=True)
class Decoder:
    """The sizes of a stack of layers with its embedding and its head.

    Attributes:
        layers: How many.
        hidden: Width of the residual stream.
        heads: Query heads; ``hidden`` is a multiple of it.
        kv_heads: Key and value heads; ``heads`` is a multiple of it.
        intermediate: Width of the feed-forward part.
        vocabulary: Tokens that the head tells apart.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    intermediate: int
    vocabulary: int

    @classmethod
    def of(cls, shape: Shape) -> Decoder:
        """The sizes that a shape holds."""
        return cls(**{name: shape[name] for name in cls.__dataclass_fields__})

    def sizes(self) -> dict[str, int]:
        """As part of a shape."""
        return {name: int(getattr(self, name)) for name in self.__dataclass_fields__}

    @property
    def head_size(self) -> int:
        """Width of a head."""
        return self.hidden // self.heads

    @property
    def layer_parameters(self) -> int:
        """Matrix elements of a layer: queries and output, keys and values, three that feed forward."""
        attention = 2 * self.hidden * self.hidden + 2 * self.hidden * self.kv_heads * self.head_size
        return attention + 3 * self.hidden * self.intermediate

    @property
    def matrix_parameters(self) -> int:
        """All that every token is multiplied with: the layers and the head, not the embedding."""
        return self.layers * self.layer_parameters + self.hidden * self.vocabulary

    @property
    def parameters(self) -> int:
        """All: matrices, embedding, two norms a layer and one at the end."""
        return self.matrix_parameters + self.hidden * self.vocabulary + self.hidden * (2 * self.layers + 1)

    def forward_flop(self, tokens: float, context: float) -> float:
        """FLOP of ``tokens`` that each attend to ``context`` others: 2·N + 4·layers·hidden·context a token.

        N counts ``matrix_parameters``; the second term is the scores and the weighted sum, 2·hidden·context
        each. Source: Chowdhery et al., PaLM (arXiv:2204.02311), appendix B, of which this is the forward
        third. What a causal kernel leaves out above the diagonal is counted all the same, as there: model
        FLOP utilisations are compared on that convention. Norms, rotations and the softmax are not counted.
        """
        return tokens * (2.0 * self.matrix_parameters + 4.0 * self.layers * self.hidden * context)

    def training_flop(self, batch: int, sequence: int) -> float:
        """FLOP of a step, forward and twice that backward: 6·N + 12·layers·hidden·sequence a token.

        Source: PaLM (arXiv:2204.02311), appendix B. The optimiser's few operations a parameter and anything
        computed again are not model FLOP.
        """
        return 3.0 * self.forward_flop(batch * sequence, sequence)

    def prefill_flop(self, sequence: int) -> float:
        """FLOP of reading a prompt of which the last position alone goes through the head.

        As `forward_flop`, without the head's 2·hidden·vocabulary for every position but the last.
        """
        skipped = 2.0 * (sequence - 1) * self.hidden * self.vocabulary
        return self.forward_flop(sequence, sequence) - skipped

    def cache_bytes(self, batch: int, context: int, precision: str) -> int:
        """Keys and values of ``context`` tokens in every layer. Unit: B."""
        elements = 2 * self.layers * batch * context * self.kv_heads * self.head_size
        return elements * ELEMENT_BYTES[precision]
