"""The public names: nobody adds or drops one by accident, and naming one costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flopcensus as fc

VERBS = "bench calibrate catalogue compare decode estimate fleet lint load_census plan read_record supply_cut"
NAMES = {
    *VERBS.split(),
    "training_run",
    *("Answer", "BenchRecord", "Census", "Comparison", "Decoded", "Estimates", "Findings", "Fleet"),
    *("Measurements", "Plan", "SupplyCut", "TrainingRun"),
    *("DeviceError", "Fault", "FlopcensusError", "InputError", "InputFaults", "KernelsShadowedError"),
    *("MissingExtraError", "MixedValuesError", "RecordError", "RecordNotWrittenError", "UnknownNameError"),
    "__version__",
}


def test_these_are_the_public_names() -> None:
    assert set(fc.__all__) == NAMES
    assert sorted(fc.__all__) == fc.__all__
    assert set(dir(fc)) == NAMES | {"testing"}


@pytest.mark.parametrize("name", sorted(NAMES - {"__version__"}))
def test_a_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(fc, name)
    assert found.__name__ == name
    assert found.__doc__


def test_all_errors_are_of_one_tree() -> None:
    for name in NAMES:
        if name.endswith("Error") or name == "InputFaults":
            assert issubclass(getattr(fc, name), fc.FlopcensusError)


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'estimates'"):
        _ = fc.estimates  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "without"),
    [
        ("import flopcensus", ("typing", "click", "pandas", "numpy", "pydantic", "accounting", "bench")),
        ("import flopcensus as fc; dir(fc)", ("typing", "click", "pandas", "numpy", "accounting")),
        ("import flopcensus as fc; fc.estimate, fc.plan, fc.InputError", ("pandas", "scipy", "torch")),
    ],
)
def test_a_name_costs_nothing_before_it_is_used(code: str, without: tuple[str, ...]) -> None:
    # what the interpreter itself loads (site-packages with .pth files may) is not ours
    script = (
        f"import sys; before = set(sys.modules); {code}; "
        f"print(*sorted((set(sys.modules) - before) & set({without!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8", timeout=120
    )
    assert not done.stdout.split()
