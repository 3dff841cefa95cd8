"""What architectures do per clock, and how many units a whole accelerator has: what a spec peak rests on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from accounting.errors import InputFaults
from accounting.reference.shipped import configs_root
from accounting.validation import Fact, FactModel, Id, Text, check_unique, load

RatedPrecision = Literal["fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4"]
PositiveFloat = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
Rates = dict[str, float]


def _pattern(text: str) -> str:
    """Check a regular expression. Raises PydanticCustomError where it cannot be compiled."""
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError("pattern", f"not a regular expression: {error}", {"found": text}) from None
    return text


class Rated(FactModel):
    """Something with a rate per clock by precision, each with its source."""

    flop_per_clock: dict[RatedPrecision, Fact[PositiveFloat]] = Field(
        description="dense operations of one unit in one clock at most, a multiply-add counted as two",
        min_length=1,
    )

    @property
    def rates(self) -> Rates:
        """The rates alone. Unit: FLOP per clock and unit."""
        return {str(precision): fact.value for precision, fact in self.flop_per_clock.items()}


class GpuArchitecture(Rated):
    """A GPU architecture under the name that drivers give it (``9.0``, ``gfx942``)."""

    architecture: Text = Field(description="the name that drivers give it")
    name: Text
    unit: Literal["SM", "CU"] = Field(
        description="SM: streaming multiprocessor (NVIDIA); CU: compute unit (AMD)"
    )


class InstructionSet(Rated):
    """The most that any x86 core with these instruction sets does."""

    requires: tuple[Text, ...] = Field(min_length=1, description="instruction sets that a core must have")


class Core(Rated):
    """A CPU core whose rates are known exactly, recognised by its name and instruction sets."""

    name: Text
    pattern: Annotated[Text, AfterValidator(_pattern)] = Field(
        description="regular expression found in the CPU's name"
    )
    requires: tuple[Text, ...] = Field(min_length=1, description="instruction sets that it must have")
    lacks: tuple[Text, ...] = Field((), description="instruction sets that it must not have")

    def is_that_of(self, name: str, isa: Collection[str]) -> bool:
        """Whether a CPU of this name and these instruction sets has this core."""
        sets_fit = set(self.requires) <= set(isa) and not set(self.lacks) & set(isa)
        return sets_fit and re.search(self.pattern, name) is not None


class Whole(FactModel):
    """How many units a whole accelerator has, and the clocks that its sheet's peaks assume."""

    accelerator: Id = Field(description="id in the catalogue")
    architecture: Text = Field(description="one of 'gpus'")
    units: Fact[PositiveInt] = Field(description="of the whole package")
    clock_mhz: Fact[PositiveFloat] | None = Field(None, description="that matrix peaks assume, MHz")
    vector_clock_mhz: Fact[PositiveFloat] | None = Field(
        None, description="that fp64 and fp32 peaks assume where it is another, MHz"
    )
    devices: PositiveInt = Field(1, description="as how many devices a driver shows one package")
    tdp_is_of_the_module: bool = Field(
        False, description="whether the sheet's power includes a CPU, so that it is no limit of the GPU"
    )

    @property
    def units_of_a_device(self) -> float:
        """Units of one of the devices that the driver shows."""
        return self.units.value / self.devices


class ArchitectureFile(FactModel):
    """The file ``configs/architectures.yaml``."""

    gpus: tuple[GpuArchitecture, ...]
    instruction_sets: tuple[InstructionSet, ...]
    cores: tuple[Core, ...]
    wholes: tuple[Whole, ...]


@dataclass(frozen=True)
class CoreRates:
    """What one CPU core does per clock.

    Attributes:
        rates: Operations by precision. Unit: FLOP per clock.
        exact: Whether the core is known, so that these are its own rates and no mere bound.
    """

    rates: Rates
    exact: bool


@dataclass(frozen=True)
class Architectures:
    """The rates of GPUs by architecture and of CPUs by core, and whole accelerators by id."""

    gpus: dict[str, GpuArchitecture]
    instruction_sets: tuple[InstructionSet, ...]
    cores: tuple[Core, ...]
    wholes: dict[str, Whole]

    def gpu_rates(self, architecture: str | None) -> Rates:
        """Rates of one unit of a GPU, empty where unknown. Unit: FLOP per clock.

        Args:
            architecture: as the driver reports it; AMD's may carry features (``gfx942:sramecc+:xnack-``).
        """
        found = self.gpus.get((architecture or "").partition(":")[0])
        return found.rates if found else {}

    def core_rates(self, name: str, isa: Collection[str]) -> CoreRates:
        """Rates of one CPU core: its own where it is known, else the most that its instruction sets allow."""
        core = next((core for core in self.cores if core.is_that_of(name, isa)), None)
        if core is not None:
            return CoreRates(core.rates, exact=True)
        sets = (item.rates for item in self.instruction_sets if set(item.requires) <= set(isa))
        return CoreRates(best(sets), exact=False)


def best(rates: Iterable[Rates]) -> Rates:
    """The highest rate of each precision.

    >>> best([{"fp32": 32, "fp64": 16}, {"fp32": 64}])
    {'fp32': 64, 'fp64': 16}
    """
    highest: Rates = {}
    for row in rates:
        for precision, rate in row.items():
            highest[precision] = max(rate, highest.get(precision, 0.0))
    return highest


def load_architectures(path: Path | None = None) -> Architectures:
    """Load the rates from a file, or the shipped ones.

    Raises:
        InputFaults: every fault of the file.
    """
    return _load(path or configs_root() / "architectures.yaml")


@lru_cache(maxsize=4)
def _load(path: Path) -> Architectures:
    document, content = load(path, ArchitectureFile)
    claims = [
        *(
            (document, ("gpus", place, "architecture"), gpu.architecture)
            for place, gpu in enumerate(content.gpus)
        ),
        *(
            (document, ("wholes", place, "accelerator"), w.accelerator)
            for place, w in enumerate(content.wholes)
        ),
    ]
    if faults := check_unique(claims, "row"):
        raise InputFaults(faults)
    return Architectures(
        gpus={gpu.architecture: gpu for gpu in content.gpus},
        instruction_sets=content.instruction_sets,
        cores=content.cores,
        wholes={whole.accelerator: whole for whole in content.wholes},
    )
