"""flopcensus: what AI accelerators deliver, and who holds how much of it.

``import flopcensus as fc`` offers the questions of the command line as functions (docs/library.md).
Nothing is imported before it is used.
"""

# a constant to type checkers, which take it for true; importing typing would cost more than all of this
TYPE_CHECKING = False

__version__ = "0.1.0"

# public name → where it lives
_HOMES = {
    **{
        name: f"flopcensus.library.{name}"
        for name in ("bench", "calibrate", "catalogue", "compare", "decode")
    },
    **{name: f"flopcensus.library.{name}" for name in ("estimate", "fleet", "lint", "plan")},
    **{name: f"flopcensus.library.{name}" for name in ("supply_cut", "training_run")},
    "load_census": "flopcensus.library.census",
    "read_record": "flopcensus.library.bench",
    "Answer": "flopcensus.library.answer",
    "BenchRecord": "flopcensus.library.bench",
    "Census": "flopcensus.library.census",
    "Comparison": "flopcensus.library.compare",
    "Decoded": "flopcensus.library.decode",
    "Estimates": "flopcensus.library.estimate",
    "Findings": "flopcensus.library.lint",
    "Fleet": "flopcensus.library.fleet",
    "Measurements": "flopcensus.library.calibrate",
    "Plan": "flopcensus.library.plan",
    "SupplyCut": "flopcensus.library.supply_cut",
    "TrainingRun": "flopcensus.library.training_run",
    **dict.fromkeys(("DeviceError", "FlopcensusError", "InputError", "KernelsShadowedError"), "bench.errors"),
    **dict.fromkeys(("MissingExtraError", "RecordError", "RecordNotWrittenError"), "bench.errors"),
    **dict.fromkeys(("Fault", "InputFaults", "MixedValuesError", "UnknownNameError"), "accounting.errors"),
}

if TYPE_CHECKING:
    from accounting.errors import Fault, InputFaults, MixedValuesError, UnknownNameError
    from bench.errors import (
        DeviceError,
        FlopcensusError,
        InputError,
        KernelsShadowedError,
        MissingExtraError,
        RecordError,
        RecordNotWrittenError,
    )
    from flopcensus.library.answer import Answer
    from flopcensus.library.bench import BenchRecord, bench, read_record
    from flopcensus.library.calibrate import Measurements, calibrate
    from flopcensus.library.catalogue import catalogue
    from flopcensus.library.census import Census, load_census
    from flopcensus.library.compare import Comparison, compare
    from flopcensus.library.decode import Decoded, decode
    from flopcensus.library.estimate import Estimates, estimate
    from flopcensus.library.fleet import Fleet, fleet
    from flopcensus.library.lint import Findings, lint
    from flopcensus.library.plan import Plan, plan
    from flopcensus.library.supply_cut import SupplyCut, supply_cut
    from flopcensus.library.training_run import TrainingRun, training_run
else:

    def __getattr__(name):  # noqa: ANN001, ANN202  (type checkers read the imports above)
        if name in _HOMES:
            import importlib

            return getattr(importlib.import_module(_HOMES[name]), name)
        if name == "testing":
            import importlib

            return importlib.import_module("flopcensus.testing")
        raise AttributeError(f"module 'flopcensus' has no attribute {name!r}")

    def __dir__():  # noqa: ANN202
        return sorted([*_HOMES, "__version__", "testing"])


__all__ = [
    "Answer",
    "BenchRecord",
    "Census",
    "Comparison",
    "Decoded",
    "DeviceError",
    "Estimates",
    "Fault",
    "Findings",
    "Fleet",
    "FlopcensusError",
    "InputError",
    "InputFaults",
    "KernelsShadowedError",
    "Measurements",
    "MissingExtraError",
    "MixedValuesError",
    "Plan",
    "RecordError",
    "RecordNotWrittenError",
    "SupplyCut",
    "TrainingRun",
    "UnknownNameError",
    "__version__",
    "bench",
    "calibrate",
    "catalogue",
    "compare",
    "decode",
    "estimate",
    "fleet",
    "lint",
    "load_census",
    "plan",
    "read_record",
    "supply_cut",
    "training_run",
]
