"""The ways of multiplying matrices at hand: torch's own, and the libraries that it or NumPy reach.

Imports torch: load it only to run something.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch

from kernels.products import bindings, check, libraries, matrices
from kernels.products.bindings import Product
from kernels.products.libraries import SCALED
from kernels.products.matrices import Operands
from kernels.shared import tensors
from kernels.workload import CUDA_KINDS, Place, Verdict

DEFAULT = "torch"
TRANSPOSED = "transposed"
PROBE_SIDE = 128
PROBE_SEED = 1
TRITON = "triton"


@dataclass(frozen=True)
class Way:
    """One way of multiplying.

    Attributes:
        name: As it is asked for.
        bind: Prepares what can be prepared once, and returns the product.
        transposed: Whether B lies as N×K.
        fresh: Whether each product returns newly allocated memory rather than the given C.
        library: What torch is told to prefer on a GPU.
        fast_sum: Whether sums are knowingly kept in fewer bits than float32.
    """

    name: str
    bind: Callable[[Operands], Product]
    transposed: bool = False
    fresh: bool = False
    library: str | None = None
    fast_sum: bool = False

    @contextmanager
    def setting(self, precision: str) -> Iterator[None]:
        """Switches that must hold while it multiplies."""
        with tensors.numerics(precision), libraries.preferring(self.library):
            yield


class PreparedGemm:
    """A matrix product with its operands in place."""

    def __init__(self, operands: Operands, way: Way, seed: int) -> None:
        self.operands, self.way = operands, way
        self.a, self.b, self.c = operands.a, operands.b, operands.c
        self._seed = seed
        with self.setting():
            self._product = way.bind(operands)

    @property
    def backend(self) -> str:
        """Library that does the work; for torch's default also the one behind it."""
        first, _, rest = self.way.name.partition(" ")
        if first != DEFAULT:
            return self.way.name
        return f"{DEFAULT}/{libraries.behind_torch(self.operands)} {rest}".strip()

    @contextmanager
    def setting(self) -> Iterator[None]:
        """The precision's switches: fp32 means fp32."""
        with self.way.setting(self.operands.precision):
            yield

    def poison(self) -> None:
        """Fill C with NaN; where C is allocated anew, also a twin that its memory may come from."""
        _spoil(self.c)
        if self.way.fresh:
            _spoil(torch.empty_like(self.operands.c))

    def run(self) -> None:
        """C = A·B."""
        if self.way.fresh:
            self.c = self.operands.c[:0]  # lets go of the last C, so that memory is reused rather than mapped
        self.c = self._product()

    def check(self) -> Verdict:
        """Sampled elements, then the whole of C against a random projection."""
        if self.c.shape != self.operands.c.shape:
            return Verdict(correct=False, detail=f"C has shape {tuple(self.c.shape)}")
        return check.verify(self.operands, self.c, self._seed, fast_sum=self.way.fast_sum)

    def digest(self) -> str | None:
        """Hash of C; None where the library may sum in another order the next time.

        Our own Triton product sums each element of C in one program, in a fixed order.
        """
        if self.way.name != TRITON and not libraries.repeats_bitwise(self.c.device.type):
            return None
        return tensors.digest(self.c)


def _spoil(c: torch.Tensor) -> None:
    c.fill_(math.nan if c.is_floating_point() else torch.iinfo(c.dtype).min)


def prepare(
    precision: str, sides: tuple[int, int, int], place: Place, *, seed: int, way: Way
) -> PreparedGemm:
    """Operands in place for M, N and K."""
    operands = matrices.draw(precision, *sides, place, seed=seed, transposed=way.transposed)
    return PreparedGemm(operands, way, seed)


def ways(precision: str, place: Place) -> dict[str, Way]:
    """Every way that works there, by name, torch's default first."""
    place = place.for_probe()
    found = _conceivable(precision, place)
    return {way.name: way for way in found if _failure(way, precision, place) is None}


def way(name: str, precision: str, place: Place) -> Way:
    """The way of that name, whether or not it works there: trying all of them takes seconds on a GPU.

    Raises:
        ValueError: There is none of that name for the precision and the kind of device.
    """
    others: list[str] = []
    for each in _conceivable(precision, place.for_probe()):
        if each.name == name:
            return each
        others.append(each.name)
    raise ValueError(
        f"no backend {name!r} for {precision} on {place.device}; known there: {', '.join(others)}"
    )


def lacks(precision: str, place: Place) -> str | None:
    """Why torch cannot multiply in this precision there, or would do so in another; None where it can."""
    if place.kind == "cpu" and (reason := _lacks_on_cpu(precision)):
        return reason
    if precision == "fp4" and not hasattr(torch, "float4_e2m1fn_x2"):
        return f"torch {torch.__version__} has no fp4 type; 2.8 has"
    return _default_failure(precision, place.for_probe())


def _lacks_on_cpu(precision: str) -> str | None:
    if precision == "tf32":
        return "CPUs have no TF32; torch would multiply in fp32"
    if precision in SCALED:
        return f"torch emulates {precision} on CPUs"
    if precision == "fp16" and not _onednn_does("_is_mkldnn_fp16_supported"):
        return "torch emulates fp16 on this CPU: oneDNN has no kernel for it"
    if precision == "int8" and not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return "this torch has no oneDNN and multiplies int8 one element at a time"
    return None


def _onednn_does(question: str) -> bool:
    """What torch says of oneDNN; yes where this torch does not tell."""
    ask = getattr(torch.ops.mkldnn, question, None)
    return ask is None or bool(ask())


@lru_cache
def _default_failure(precision: str, place: Place) -> str | None:
    default = _torch_way(precision)
    if failure := _failure(default, precision, place):
        return f"torch {torch.__version__} cannot on {place.device}: {failure}"
    if precision != "tf32":
        return None
    tried = _tried(default, precision, place)
    verdict = tried.check()
    return None if verdict.correct else f"torch does not multiply in TF32 on {place.device}: {verdict.detail}"


@lru_cache
def _failure(way: Way, precision: str, place: Place) -> str | None:
    """The first line of what a small product raises or warns of; None where it works."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _tried(way, precision, place)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # torch and the libraries below it raise whatever they like
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None


def _tried(way: Way, precision: str, place: Place) -> PreparedGemm:
    sides = (PROBE_SIDE, PROBE_SIDE, PROBE_SIDE)
    tried = prepare(precision, sides, place, seed=PROBE_SEED, way=way)
    with tried.setting():
        tried.run()
    float(tried.c[0, 0])  # waits for the device, which may fail late
    return tried


def _conceivable(precision: str, place: Place) -> Iterator[Way]:
    yield _torch_way(precision)
    if precision not in SCALED:
        yield Way(f"{DEFAULT} {TRANSPOSED}", bindings.torch_product, transposed=True)
    if place.kind == "cpu":
        yield from _cpu_ways(precision)
    elif place.kind in CUDA_KINDS:
        yield from _gpu_ways(precision, place)


def _torch_way(precision: str) -> Way:
    """What torch does by itself: scaled products take B transposed only."""
    return Way(DEFAULT, bindings.torch_product, transposed=precision in SCALED)


def _cpu_ways(precision: str) -> Iterator[Way]:
    if precision in ("fp32", "bf16", "fp16"):
        yield Way("onednn", bindings.onednn, transposed=True, fresh=True)
        yield Way("onednn packed", bindings.onednn_packed, transposed=True, fresh=True)
    if precision == "int8":
        yield Way("onednn packed", bindings.onednn_packed_int8, transposed=True, fresh=True)
    if precision == "fp32":
        yield Way("mkl packed", bindings.mkl_packed, transposed=True, fresh=True)
    if precision in ("fp32", "fp64"):
        yield Way(libraries.behind_numpy(), bindings.numpy_product)


def _gpu_ways(precision: str, place: Place) -> Iterator[Way]:
    if precision == "fp8":
        yield Way("torch fast sum", bindings.fast_sum_product, transposed=True, fast_sum=True)
    if precision not in (*SCALED, "int8"):
        for library in ("cublas", "cublaslt") if place.kind == "cuda" else ("hipblas", "hipblaslt", "ck"):
            yield Way(library, bindings.torch_product, library=library)
            yield Way(f"{library} {TRANSPOSED}", bindings.torch_product, library=library, transposed=True)
    if (triton := bindings.triton_product(precision, place)) is not None:
        # The narrow precisions and TF32 want both operands with K innermost; fp8 sums stay in the unit.
        narrow = precision in ("fp8", "int8", "tf32")
        yield Way(TRITON, triton, transposed=narrow, fast_sum=precision == "fp8")
