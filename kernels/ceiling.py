"""What the execution units and the memory of a device reach by themselves, whatever software asks of them.

Operands stay in registers, so that nothing but the units limits the rate. The effective clock can be read
right after the work: a shortfall against a data sheet then splits into clock and software.
"""

from __future__ import annotations

import ctypes
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from kernels.native.library import UNIT_NUMBERS, cpu_array, effective_clock_mhz, require_success
from kernels.shared.refusals import require_backend, require_place, require_precision
from kernels.workload import CUDA_KINDS, Choice, Metric, Place, Prepared, Shape, Unit, Verdict

Execution = Literal["vector", "matrix"]
# One iteration: a block of 256 pairs of steps and one of 255, see native/vector.c.
STEPS = 2 * (256 + 255)
ITERATIONS_EXACT = 256


@dataclass(frozen=True)
class Routine:
    """One unit of a processor, as native/vector.c and native/matrix.c keep it busy.

    Attributes:
        unit: Name of the unit in `UNIT_NUMBERS`.
        needs: Instruction sets that must all be there.
        accumulators: Registers or tiles that add up.
        lanes: Sums in one accumulator.
        products: Products that one step adds to each sum.
        iterations: Rungs: some 5, 20 and 80 ms at 2 to 4 GHz.
    """

    unit: str
    needs: frozenset[str]
    accumulators: int
    lanes: int
    products: int = 1
    iterations: tuple[int, ...] = (1024, 4096, 16384)

    @property
    def operations(self) -> int:
        """Of one iteration and thread: each product is a multiplication and an addition. Unit: FLOP."""
        return 2 * STEPS * self.accumulators * self.lanes * self.products

    def total(self, iterations: int) -> int:
        """Sum of all lanes of all accumulators, begun anew every 256 iterations; see native/vector.c.

        A pair of steps leaves each product's sum 3 units higher; the pairs forwards are one more than those
        backwards. Lane l of accumulator i begins at 8i + l mod 8 - 768 units.
        """
        begun = -(-iterations // ITERATIONS_EXACT)
        start = sum(8 * i + lane % 8 - 768 for i in range(self.accumulators) for lane in range(self.lanes))
        return begun * start + iterations * 3 * self.products * self.accumulators * self.lanes


def _routine(unit: str, needs: str, accumulators: int, lanes: int, products: int = 1) -> Routine:
    return Routine(unit, frozenset(needs.split()), accumulators, lanes, products)


def _tiles(unit: str, needs: str, products: int) -> Routine:
    # Five tiles of 16 × 16 sums; a step takes 16 cycles where a vector's takes half of one.
    return Routine(unit, frozenset(needs.split()), 5, 256, products, iterations=(128, 512, 2048))


# The widest first. A 512-bit step of bf16 is 64 FLOP, of int8 128; a product of tiles 16,384 and 32,768
# (Intel, 64 and IA-32 Architectures Software Developer's Manual, volume 2: VDPBF16PS, VPDPBUSD, TDPBF16PS).
ROUTINES: dict[Execution, dict[str, tuple[Routine, ...]]] = {
    "vector": {
        "fp32": (_routine("fp32/avx512", "avx512f", 24, 16), _routine("fp32/avx2", "avx2 fma", 10, 8)),
        "fp64": (_routine("fp64/avx512", "avx512f", 24, 8), _routine("fp64/avx2", "avx2 fma", 10, 4)),
        "fp16": (_routine("fp16/avx512", "avx512f avx512_fp16", 24, 32),),
        "bf16": (_routine("bf16/avx512", "avx512f avx512_bf16", 24, 16, 2),),
        "int8": (
            _routine("int8/avx512", "avx512f avx512_vnni", 24, 16, 4),
            _routine("int8/avx_vnni", "avx2 avx_vnni", 10, 8, 4),
        ),
    },
    "matrix": {
        "bf16": (_tiles("bf16/amx", "amx_tile amx_bf16", 32),),
        "int8": (_tiles("int8/amx", "amx_tile amx_int8", 64),),
        "fp16": (_tiles("fp16/amx", "amx_tile amx_fp16", 32),),
    },
}


@dataclass(frozen=True)
class UnitCeiling:
    """Rate of the vector or of the matrix units, all cores or multiprocessors busy."""

    execution: Execution
    family: str = "ceiling"
    metric: Metric = "flop_rate"
    unit: Unit = "FLOP/s"
    choice: Choice = "climb"
    headline: bool = False

    @property
    def name(self) -> str:
        """``ceiling_vector`` or ``ceiling_matrix``."""
        return f"{self.family}_{self.execution}"

    @property
    def summary(self) -> str:
        """One sentence on what is measured."""
        return (
            f"what the {self.execution} units reach with operands in registers, the ceiling of any software"
        )

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those that some device's units have."""
        if self.execution == "vector":
            return ("fp32", "fp64", "fp16", "bf16", "int8")
        return ("bf16", "fp16", "int8", "fp8", "tf32", "fp64")

    def flop(self, shape: Shape) -> float:
        """Iterations × threads × operations of an iteration; on GPUs as their routine counts. Unit: FLOP."""
        if "threads" in shape:
            return float(shape["iterations"] * shape["threads"] * shape["operations"])
        return float(_of_gpus().flop(shape))

    def bytes_moved(self, shape: Shape, precision: str) -> float:
        """None: operands stay in registers. Unit: B."""
        return 0.0

    def footprint_bytes(self, shape: Shape, precision: str) -> int:
        """None worth counting on CPUs; on GPUs what their routine writes. Unit: B."""
        return 0 if "threads" in shape else int(_of_gpus().footprint_bytes(shape, precision))

    def lacks(self, precision: str, place: Place) -> str | None:
        """Without compiled routines, without such units, or without leave to use them."""
        if place.kind in CUDA_KINDS:
            return self._lacks_on_gpu(precision, place)
        if place.kind != "cpu":
            return f"no routine for the units of {place.kind} devices"
        if place.native is None:
            return place.native_absent or "no compiled routines"
        candidates = ROUTINES[self.execution].get(precision, ())
        if not candidates:
            return f"no {self.execution} routine for {precision} on CPUs"
        if self._routine(precision, place) is None:
            wanted = " or ".join(" with ".join(sorted(one.needs)) for one in candidates)
            return f"the CPU or the compiler lacks {wanted}"
        return _tiles_refused(place.native) if self.execution == "matrix" else None

    def backends(self, precision: str, place: Place) -> tuple[str, ...]:
        """The compiled routine, or Triton on GPUs."""
        return ("triton",) if place.kind in CUDA_KINDS else ("native",)

    def ladder(self, precision: str, place: Place) -> tuple[Shape, ...]:
        """More and more iterations, until a call is long enough."""
        if place.kind in CUDA_KINDS:
            return tuple(_of_gpus().ladder(precision, place, self.execution))
        routine = self._routine(precision, place)
        if routine is None:
            return ()
        form = {"threads": len(place.cpus), "operations": routine.operations}
        return tuple({"iterations": iterations, **form} for iterations in routine.iterations)

    def prepare(
        self, precision: str, shape: Shape, place: Place, *, seed: int, backend: str | None = None
    ) -> Prepared:
        """Nothing to put in place on a CPU: the routine sets its registers itself."""
        require_precision(self, precision)
        require_place(self, precision, place)
        require_backend(self, precision, place, backend)
        if place.kind in CUDA_KINDS:
            prepared: Prepared = _of_gpus().prepare(precision, shape, place, seed=seed, unit=self.execution)
            return prepared
        routine = self._routine(precision, place)
        assert routine is not None and place.native is not None  # noqa: S101 - lacks() has told
        if shape["operations"] != routine.operations or shape["threads"] != len(place.cpus):
            raise ValueError(f"shape {dict(shape)} is not one of this place's ladder")
        return PreparedUnit(place.native, routine, shape["iterations"], place.cpus)

    def _routine(self, precision: str, place: Place) -> Routine | None:
        """The widest that processor and compiler both know."""
        library = place.native
        if library is None:
            return None
        for routine in ROUTINES[self.execution].get(precision, ()):
            if routine.needs <= place.isa and library.fc_has_unit(UNIT_NUMBERS[routine.unit]):
                return routine
        return None

    def _lacks_on_gpu(self, precision: str, place: Place) -> str | None:
        try:
            reason: str | None = _of_gpus().lacks(precision, place, self.execution)
        except ImportError as error:
            return f"the routine for GPUs cannot be imported: {error}"
        return reason


class PreparedUnit:
    """A unit of every core, ready to be kept busy."""

    def __init__(
        self, library: ctypes.CDLL, routine: Routine, iterations: int, cpus: tuple[int, ...]
    ) -> None:
        self._library, self._routine, self._iterations = library, routine, iterations
        self._cpus, self._cpu_array = cpus, cpu_array(cpus)
        self._totals = (ctypes.c_longlong * len(cpus))()
        self._wall_seconds = ctypes.c_double()

    @property
    def backend(self) -> str:
        """``native/`` and the instruction set."""
        return f"native/{self._routine.unit.partition('/')[2]}"

    @property
    def totals(self) -> list[int]:
        """Each thread's sum after the last call."""
        return list(self._totals)

    @property
    def wall_seconds(self) -> float:
        """Of the last call, first start to last end. Unit: s."""
        return self._wall_seconds.value

    def setting(self) -> AbstractContextManager[None]:
        """Nothing to set."""
        return nullcontext()

    def poison(self) -> None:
        """Leave sums that no number of iterations gives."""
        self._totals[:] = [-(1 << 62)] * len(self._totals)

    def run(self) -> None:
        """All cores at once."""
        result = self._library.fc_exert(
            UNIT_NUMBERS[self._routine.unit],
            self._iterations,
            self._cpu_array,
            len(self._cpus),
            self._totals,
            ctypes.byref(self._wall_seconds),
        )
        require_success(result, self._routine.unit, self._cpus)

    def check(self) -> Verdict:
        """Every thread's sum: exact, since no step rounds."""
        expected = self._routine.total(self._iterations)
        wrong = [found for found in self._totals if found != expected]
        detail = f"{len(wrong)} of {len(self._totals)} threads' sums differ from {expected}"
        return Verdict(correct=not wrong, detail=detail + (f", for example {wrong[0]}" if wrong else ""))

    def digest(self) -> str | None:
        """The sums themselves."""
        return ",".join(map(str, self._totals))

    def clock_mhz(self) -> float | None:
        """Clock under this unit's load, read between short stretches of its work. Unit: MHz."""
        stretch = max(1, self._routine.iterations[0] // 16)
        return effective_clock_mhz(self._library, self._cpus, unit=self._routine.unit, iterations=stretch)


def _tiles_refused(library: ctypes.CDLL) -> str | None:
    """Why the kernel does not let this process use AMX's tiles; None where it does."""
    result = int(library.fc_ask_for_tiles())
    if result == 0:
        return None
    import os  # noqa: PLC0415

    return f"the kernel does not let this process use AMX tiles: {os.strerror(-result)}"


def _of_gpus() -> Any:
    from kernels.on_triton import ceiling  # noqa: PLC0415 - imports torch and Triton

    return ceiling
