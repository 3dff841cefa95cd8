"""The matrix products of a transformer layer at the sizes of published models, with torch's own library.

The best of a searched grid of shapes (`kernels.gemm`) says what a device can reach; these say what a model
finds without searching. The two are meant to be read side by side.

One call multiplies each product of the set once. Be F_i the FLOP of product i and t_i its time, so that its
own rate is r_i = F_i / t_i and its share of the work w_i = F_i / ΣF. The value of the workload is then

    ΣF / Σt  =  ΣF / Σ(F_i / r_i)  =  1 / Σ(w_i / r_i),

which is the harmonic mean of the products' rates, weighted by FLOP: no mean has to be chosen, and a product
that is slow counts by the time it takes.

Sizes: Llama 3 8B and 70B on GPUs (Grattafiori et al., The Llama 3 herd of models, arXiv:2407.21783, table 3;
vocabulary of the released weights), on a CPU those of Qwen1.5-0.5B (as released). Weights lie as a linear
layer keeps them, (out, in), with queries, keys and values in one matrix, and gate and up in another. The head
multiplies every token once in a model and not once a layer; it stands here with the columns that fall to one
layer (vocabulary ÷ layers, rounded up to whole tiles of 128), so that it weighs what it weighs in the model.

Two batches: few tokens, as when text is generated, where the weights set the pace; and many, as in training.
Only one layer's weights are held: a cache that has room for all of them makes the small batch faster than in
a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernels.gemm import Gemm
from kernels.products import shapes as gemm_shapes
from kernels.shared.refusals import require_backend, require_precision
from kernels.workload import LARGE_GPUS, Choice, Metric, Place, Shape, Unit, Verdict

if TYPE_CHECKING:
    from kernels.products.ways import PreparedGemm

TORCH = "torch"
# Columns of a tile: what the head's share of columns is rounded up to.
TILE_COLUMNS = 128
# Operands that a GPU with 20 GB free may take: the widest weights, 3.5 GB in fp32, and their activations.
WIDE_MEMORY_BYTES = 8 * 10**9
GPU_BATCHES, CPU_BATCHES = (16, 4096), (16, 256)
# Each product has operands of its own: seeds are spread by more than there are products.
SEEDS_APART = 16
_GEMM = Gemm()


@dataclass(frozen=True)
class Model:
    """Published sizes of a decoder.

    Attributes:
        hidden: Width of the residual stream; queries together are as wide.
        key_value: Width of all keys; values are as wide.
        intermediate: Width of the feed-forward part.
        vocabulary: Columns of the head.
        layers: How many layers share one head.
    """

    hidden: int
    key_value: int
    intermediate: int
    vocabulary: int
    layers: int

    def shape(self, batch: int) -> Shape:
        """With that many tokens."""
        head = -(-self.vocabulary // (self.layers * TILE_COLUMNS)) * TILE_COLUMNS
        return {
            "batch": batch,
            "hidden": self.hidden,
            "key_value": self.key_value,
            "intermediate": self.intermediate,
            "head": head,
        }


LLAMA_3_8B = Model(hidden=4096, key_value=1024, intermediate=14336, vocabulary=128256, layers=32)
LLAMA_3_70B = Model(hidden=8192, key_value=1024, intermediate=28672, vocabulary=128256, layers=80)
QWEN_1_5_500M = Model(hidden=1024, key_value=1024, intermediate=2816, vocabulary=151936, layers=24)


def products(shape: Shape) -> Mapping[str, Shape]:
    """The products of a layer by name, each with its M (tokens), N and K."""
    hidden, inner = shape["hidden"], shape["intermediate"]
    sides = {
        "query_key_value": (hidden + 2 * shape["key_value"], hidden),
        "output": (hidden, hidden),
        "gate_up": (2 * inner, hidden),
        "down": (hidden, inner),
        "head": (shape["head"], hidden),
    }
    return {name: {"m": shape["batch"], "n": n, "k": k} for name, (n, k) in sides.items()}


@dataclass(frozen=True)
class GemmTypical:
    """All products of a layer, one after the other."""

    name: str = "gemm_typical"
    family: str = "typical"
    summary: str = "matrix products of a transformer layer at published sizes, torch's library; FLOP-weighted"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    precisions: tuple[str, ...] = ("bf16", "fp16", "fp32", "fp8")
    choice: Choice = "each"
    headline: bool = False

    def flop(self, shape: Shape) -> float:
        """2·M·N·K summed over the products. Unit: FLOP."""
        return sum(_GEMM.flop(sides) for sides in products(shape).values())

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """Each product's operands once: activations and weights read, results written. Unit: B."""
        return float(self.footprint_bytes(shape, precision))

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """Operands and results of all products, none shared. Unit: B."""
        return sum(gemm_shapes.footprint_bytes(sides, precision) for sides in products(shape).values())

    def lacks(self, precision: str, place: Place) -> str | None:
        """What a single product lacks."""
        return _GEMM.lacks(precision, place)

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """What torch takes by itself."""
        return (TORCH,)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """Few tokens and many, where they fit the memory."""
        batches = GPU_BATCHES if place.kind in LARGE_GPUS else CPU_BATCHES
        shapes = (_model(place).shape(batch) for batch in batches)
        return tuple(s for s in shapes if self.footprint_bytes(s, precision) <= place.memory_bytes)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> PreparedProducts:
        """Put normal random operands of every product on the device, weights as (out, in)."""
        require_precision(self, precision)
        require_backend(self, precision, place, backend)
        from kernels.products import ways  # noqa: PLC0415 - torch takes seconds to import
        from kernels.products.libraries import SCALED  # noqa: PLC0415

        # 8-bit products take weights as (out, in) only, and their way is named without saying so.
        name = ways.DEFAULT if precision in SCALED else f"{ways.DEFAULT} {ways.TRANSPOSED}"
        way = ways.way(name, precision, place)
        prepared = {
            product: ways.prepare(
                precision,
                (sides["m"], sides["n"], sides["k"]),
                place,
                seed=SEEDS_APART * seed + number,
                way=way,
            )
            for number, (product, sides) in enumerate(products(shape).items())
        }
        return PreparedProducts(prepared)


def _model(place: Place) -> Model:
    if place.kind not in LARGE_GPUS:
        return QWEN_1_5_500M
    return LLAMA_3_70B if place.memory_bytes >= WIDE_MEMORY_BYTES else LLAMA_3_8B


class PreparedProducts:
    """The products with their operands in place, by name."""

    def __init__(self, products: Mapping[str, PreparedGemm]) -> None:
        self.products = products
        self._in_order = tuple(products.values())

    @property
    def backend(self) -> str:
        """What multiplies; the same for all products."""
        return self._in_order[0].backend

    def setting(self) -> AbstractContextManager[None]:
        """The precision's switches, the same for all products."""
        return self._in_order[0].setting()

    def poison(self) -> None:
        """Fill every result with NaN."""
        for product in self._in_order:
            product.poison()

    def run(self) -> None:
        """Each product once."""
        for product in self._in_order:
            product.run()

    def check(self) -> Verdict:
        """Every product, by sampled elements and a random projection of all of its result."""
        verdicts = {name: product.check() for name, product in self.products.items()}
        wrong = {name: verdict.detail for name, verdict in verdicts.items() if not verdict.correct}
        if wrong:
            return Verdict(correct=False, detail="; ".join(f"{name}: {why}" for name, why in wrong.items()))
        return Verdict(
            correct=True, detail=f"{len(verdicts)} products within tolerance: sampled elements, projection"
        )

    def digest(self) -> str | None:
        """Hash over all results; None where a product does not promise the same bits."""
        hashed = hashlib.blake2b(digest_size=16)
        for product in self._in_order:
            digest = product.digest()
            if digest is None:
                return None
            hashed.update(digest.encode())
        return hashed.hexdigest()
