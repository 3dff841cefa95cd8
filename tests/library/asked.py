"""The command line's answer to the same question."""

from __future__ import annotations

import json
from typing import Any

from tests.cli import in_process


def printed(*arguments: str) -> Any:
    """What a command prints with ``--format json``, whatever its verdict."""
    result = in_process(*arguments, "--format", "json")
    assert result.returncode in (0, 1), result.stderr
    return json.loads(result.stdout)
