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
from importlib import import_module

import torch

from kernels.products import check, libraries, matrices
from kernels.products.libraries import SCALED
from kernels.products.matrices import FP4_SCALE, FP4_SCALE_BLOCK, Operands
from kernels.shared import tensors
from kernels.workload import Place, Verdict

Product = Callable[[], torch.Tensor]
"""Multiplies; returns what holds C."""

DEFAULT = "torch"
TRANSPOSED = "transposed"
PROBE_SIDE = 128
PROBE_SEED = 1
GPUS = ("cuda", "rocm")
TRITON = "triton"
# scales of 4-bit blocks come in tiles of 128 rows by 4 (NVIDIA, cuBLAS documentation, "1D block scaling")
SCALE_ROWS, SCALE_COLUMNS = 128, 4


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
    spot = _spot(place)
    found = _conceivable(precision, spot)
    return {way.name: way for way in found if _failure(way, precision, spot) is None}


def way(name: str, precision: str, place: Place) -> Way:
    """The way of that name, whether or not it works there: trying all of them takes seconds on a GPU.

    Raises:
        ValueError: There is none of that name for the precision and the kind of device.
    """
    others: list[str] = []
    for each in _conceivable(precision, _spot(place)):
        if each.name == name:
            return each
        others.append(each.name)
    raise ValueError(
        f"no backend {name!r} for {precision} on {place.device}; known there: {', '.join(others)}"
    )


def _spot(place: Place) -> Place:
    """The place without what changes from call to call, so that a probe is made once."""
    return Place(place.device, place.kind, isa=place.isa, architecture=place.architecture)


def lacks(precision: str, place: Place) -> str | None:
    """Why torch cannot multiply in this precision there, or would do so in another; None where it can."""
    if place.kind == "cpu" and (reason := _lacks_on_cpu(precision)):
        return reason
    if precision == "fp4" and not hasattr(torch, "float4_e2m1fn_x2"):
        return f"torch {torch.__version__} has no fp4 type; 2.8 has"
    return _default_failure(precision, _spot(place))


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
        yield Way(f"{DEFAULT} {TRANSPOSED}", _torch_product, transposed=True)
    if place.kind == "cpu":
        yield from _cpu_ways(precision)
    elif place.kind in GPUS:
        yield from _gpu_ways(precision, place)


def _torch_way(precision: str) -> Way:
    """What torch does by itself: scaled products take B transposed only."""
    return Way(DEFAULT, _torch_product, transposed=precision in SCALED)


def _cpu_ways(precision: str) -> Iterator[Way]:
    if precision in ("fp32", "bf16", "fp16"):
        yield Way("onednn", _onednn, transposed=True, fresh=True)
        yield Way("onednn packed", _onednn_packed, transposed=True, fresh=True)
    if precision == "int8":
        yield Way("onednn packed", _onednn_packed_int8, transposed=True, fresh=True)
    if precision == "fp32":
        yield Way("mkl packed", _mkl_packed, transposed=True, fresh=True)
    if precision in ("fp32", "fp64"):
        yield Way(libraries.behind_numpy(), _numpy_product)


def _gpu_ways(precision: str, place: Place) -> Iterator[Way]:
    if precision == "fp8":
        yield Way("torch fast sum", _fast_sum_product, transposed=True, fast_sum=True)
    if precision not in (*SCALED, "int8"):
        for library in ("cublas", "cublaslt") if place.kind == "cuda" else ("hipblas", "hipblaslt", "ck"):
            yield Way(library, _torch_product, library=library)
            yield Way(f"{library} {TRANSPOSED}", _torch_product, library=library, transposed=True)
    if (triton := _triton_product(precision, place)) is not None:
        # The narrow precisions and TF32 want both operands with K innermost; fp8 sums stay in the unit.
        narrow = precision in ("fp8", "int8", "tf32")
        yield Way(TRITON, triton, transposed=narrow, fast_sum=precision == "fp8")


@lru_cache
def _triton_product(precision: str, place: Place) -> Callable[[Operands], Product] | None:
    try:
        ours = import_module("kernels.on_triton.gemm")
    except ImportError:
        return None
    if ours.lacks(precision, place) is not None:
        return None

    def bind(operands: Operands) -> Product:
        def multiply() -> torch.Tensor:
            ours.product(operands.a, operands.b, operands.c)
            return operands.c

        return multiply

    return bind


def _torch_product(operands: Operands) -> Product:
    a, b, c = operands.a, operands.b, operands.c
    if operands.precision in SCALED:
        return _scaled_product(operands, fast_sum=False)
    if operands.precision == "int8":
        return lambda: torch._int_mm(a, b, out=c)
    return lambda: torch.mm(a, b, out=c)


def _fast_sum_product(operands: Operands) -> Product:
    return _scaled_product(operands, fast_sum=True)


def _scaled_product(operands: Operands, *, fast_sum: bool) -> Product:
    """Scales of one for 8 bits; for 4 bits the same in every block, so that their order does not matter."""
    a, b, c = operands.a, operands.b, operands.c
    one = torch.ones((), dtype=torch.float32, device=a.device)
    scale_a, scale_b = one, one
    if operands.precision == "fp4":
        scale_a, scale_b = _block_scales(a), _block_scales(operands.stored_b)
        a = a.view(torch.float4_e2m1fn_x2)
        b = operands.stored_b.view(torch.float4_e2m1fn_x2).t()
    return lambda: torch._scaled_mm(
        a, b, scale_a=scale_a, scale_b=scale_b, out_dtype=c.dtype, use_fast_accum=fast_sum, out=c
    )


def _block_scales(stored: torch.Tensor) -> torch.Tensor:
    rows = -(-stored.shape[0] // SCALE_ROWS) * SCALE_ROWS
    blocks = -(-2 * stored.shape[1] // FP4_SCALE_BLOCK)
    columns = -(-blocks // SCALE_COLUMNS) * SCALE_COLUMNS
    scales = torch.full((rows * columns,), FP4_SCALE, device=stored.device)
    return scales.to(torch.float8_e4m3fn)


def _onednn(operands: Operands) -> Product:
    a, weight = operands.a, operands.stored_b
    multiply = torch.ops.mkldnn._linear_pointwise
    return lambda: multiply(a, weight, None, "none", [], "")


def _onednn_packed(operands: Operands) -> Product:
    """B laid out once as oneDNN likes it for this M, as is done for the constant weights of a model."""
    a = operands.a
    weight = torch.ops.mkldnn._reorder_linear_weight(operands.stored_b, a.shape[0])
    multiply = torch.ops.mkldnn._linear_pointwise
    return lambda: multiply(a, weight, None, "none", [], "")


def _onednn_packed_int8(operands: Operands) -> Product:
    """Signed by signed bytes, summed in int32, scales of one; C is handed on in float32."""
    a, columns = operands.a, operands.stored_b.shape[0]
    weight = torch.ops.onednn.qlinear_prepack(operands.stored_b, list(a.shape))
    scales, zeros = torch.ones(columns), torch.zeros(columns, dtype=torch.int64)
    multiply = torch.ops.onednn.qlinear_pointwise
    tail: tuple[object, ...] = (None, 1.0, 0, torch.float32, "none", [], "")
    return lambda: multiply(a, 1.0, 0, weight, scales, zeros, *tail)


def _mkl_packed(operands: Operands) -> Product:
    a, original, rows = operands.a, operands.stored_b, operands.a.shape[0]
    weight = torch.ops.mkl._mkl_reorder_linear_weight(original, rows)
    multiply = torch.ops.mkl._mkl_linear
    return lambda: multiply(a, weight, original, None, rows)


def _numpy_product(operands: Operands) -> Product:
    import numpy as np  # noqa: PLC0415

    a, b, c = operands.a.numpy(), operands.stored_b.numpy(), operands.c.numpy()

    def multiply() -> torch.Tensor:
        np.matmul(a, b, out=c)
        return operands.c

    return multiply
