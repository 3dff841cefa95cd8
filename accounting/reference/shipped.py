"""Where the shipped configs lie: inside the wheel when installed, in the checkout when editable."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bench.errors import InputError


def configs_root() -> Path:
    """Return the folder of shipped facts and scenarios.

    Raises:
        InputError: neither the wheel's copy nor a checkout's ``configs/`` is there.
    """
    installed = Path(str(files("flopcensus"))) / "_configs"
    checkout = Path(__file__).resolve().parents[2] / "configs"
    for candidate in (installed, checkout):
        if (candidate / "countries.csv").is_file():
            return candidate
    raise InputError(
        f"the shipped configs are missing (looked in {installed} and {checkout}); reinstall flopcensus"
    )
