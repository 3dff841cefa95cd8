"""Temporary files are the user's alone, and nobody can know their names before."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path

import pytest

from bench.files import write_text_atomic
from flopcensus import cli


def test_the_traceback_of_a_fault_of_ours_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    codes = [cli._our_fault(ValueError("a secret path")) for _ in range(2)]
    assert codes == [cli.EXIT_OUR_FAULT] * 2
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert re.fullmatch(r"flopcensus-\w{8}\.txt", file.name)
    assert "a secret path" not in capsys.readouterr().err


def test_a_file_in_the_making_is_private_and_its_name_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []
    sync = os.fsync

    def watch(handle: int) -> None:
        seen.extend(
            (p.name, stat.S_IMODE(p.stat().st_mode)) for p in tmp_path.iterdir() if p.suffix == ".part"
        )
        sync(handle)

    monkeypatch.setattr("bench.files.os.fsync", watch)
    for _ in range(2):
        write_text_atomic(tmp_path / "record.json", "{}")
    assert [mode for _, mode in seen] == [0o600, 0o600]
    assert len({name for name, _ in seen}) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]
