"""Packages of the ``[bench]`` extra, loaded when first needed."""

from __future__ import annotations

import importlib
from typing import Any

from bench.errors import MissingExtraError


def require_torch() -> Any:
    """The torch module.

    Raises:
        MissingExtraError: Torch is not installed.
    """
    return _require("torch")


def require_psutil() -> Any:
    """The psutil module.

    Raises:
        MissingExtraError: Psutil is not installed.
    """
    return _require("psutil")


def _require(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtraError(
            f"measuring needs {name}, which is not installed; "
            "install torch for your platform first, then: pip install 'flopcensus[bench]'"
        ) from error
