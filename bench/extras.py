"""Packages of the extras ``[bench]`` and ``[fleet]``, loaded when first needed."""

from __future__ import annotations

import importlib
from typing import Any

from bench.errors import MissingExtraError

_BENCH = "install torch for your platform first, then: pip install 'flopcensus[bench]'"
_HISTORY = ("a history", "install it with: pip install 'flopcensus[fleet]'")


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


def require_pyarrow() -> Any:
    """The pyarrow module.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    return _require("pyarrow", *_HISTORY)


def require_parquet() -> Any:
    """The pyarrow.parquet module.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    _require("pyarrow", *_HISTORY)
    return importlib.import_module("pyarrow.parquet")


def require_duckdb() -> Any:
    """The duckdb module.

    Raises:
        MissingExtraError: duckdb is not installed.
    """
    return _require("duckdb", *_HISTORY)


def _require(name: str, what: str = "measuring", mend: str = _BENCH) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtraError(f"{what} needs {name}, which is not installed; {mend}") from error
