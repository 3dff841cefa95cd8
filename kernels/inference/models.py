"""The models that are decoded with and read prompts, and what a pass moves and holds. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kernels.transformer.sizes import ELEMENT_BYTES, Decoder
from kernels.workload import LARGE_GPUS, Place

# Llama 3 8B (Grattafiori et al., The Llama 3 Herd of Models, arXiv:2407.21783, table 3; the vocabulary is
# that of its published weights).
LARGE = Decoder(layers=32, hidden=4096, heads=32, kv_heads=8, intermediate=14_336, vocabulary=128_256)
# The layers of Llama 3.2 1B; a smaller vocabulary, since its own head would outweigh the few layers that a
# CPU has time for.
SMALL = Decoder(layers=16, hidden=2048, heads=32, kv_heads=8, intermediate=8192, vocabulary=32_000)
# With fewer, head and embedding would outweigh the layers, and a smaller model shows more.
LEAST_LAYERS = {LARGE: 4, SMALL: 1}
PRECISIONS = ("bf16", "fp16", "fp32")
TORCH = "torch"
TOKEN_BYTES = 8


def deepest(place: Place, footprint: Callable[[Decoder], int], most: int) -> Decoder | None:
    """The model with the most layers, up to ``most``, whose footprint the place's memory holds."""
    for model in (LARGE, SMALL) if place.kind in LARGE_GPUS else (SMALL,):
        for layers in range(min(most, model.layers), LEAST_LAYERS[model] - 1, -1):
            cut = replace(model, layers=layers)
            if footprint(cut) <= place.memory_bytes:
                return cut
    return None


def bytes_moved(decoder: Decoder, batch: int, context: int, precision: str) -> float:
    """Every matrix once, and keys and values of ``context`` positions of each sequence once. Unit: B.

    What must cross main memory at least, as Pope et al., Efficiently Scaling Transformer Inference
    (arXiv:2211.05102), section 2, count it. Activations may stay in caches; the embedding's rows, the norms
    and the tokens weigh a few thousandths of it.
    """
    matrices = decoder.matrix_parameters * ELEMENT_BYTES[precision]
    return float(matrices + decoder.cache_bytes(batch, context, precision))


def footprint_bytes(decoder: Decoder, batch: int, length: int, context: int, precision: str) -> int:
    """Memory of a pass that reads ``length`` tokens a sequence into a cache of ``context``. Unit: B."""
    held = held_bytes(decoder, batch, length, context, precision)
    # The feed-forward part holds most at once: the stream, its norm, the gate before and after, and the rest.
    scratch = batch * length * (3 * decoder.intermediate + 2 * decoder.hidden)
    return held + scratch * ELEMENT_BYTES[precision]


def held_bytes(decoder: Decoder, batch: int, length: int, context: int, precision: str) -> int:
    """What is held between passes: weights, cache, tokens, what each layer made, and the output. Unit: B."""
    element = ELEMENT_BYTES[precision]
    layers = 4 * decoder.layers * batch * length * decoder.hidden
    output = batch * (length * decoder.hidden + decoder.vocabulary)
    tokens = batch * (length + 1) * TOKEN_BYTES
    cache = decoder.cache_bytes(batch, context, precision)
    return (decoder.parameters + layers + output) * element + cache + tokens
