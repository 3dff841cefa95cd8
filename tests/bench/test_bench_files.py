"""Files whole or not at all, and a journal that outlives a kill."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bench.errors import InputError, RecordError
from bench.files import PART, claimed, lock, write_bytes_atomic, write_text_atomic
from bench.running.journal import Journal, read_journal


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text_atomic(path, "± 1 %\n")
    assert path.read_bytes() == b"\xc2\xb1 1 %\n"


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_bytes_atomic(path, b"old")

    def full_disk(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        write_bytes_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_bytes_atomic(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"taken.*cannot be written.*choose a folder") as caught:
        write_text_atomic(tmp_path / "taken" / "file", "")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_mode_is_that_of_any_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    plain, written = tmp_path / "plain", tmp_path / "written"
    plain.write_text("", encoding="utf-8")
    write_text_atomic(written, "")
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    written.chmod(0o640)
    write_text_atomic(written, "again")
    assert stat.S_IMODE(written.stat().st_mode) == 0o640


def test_journal_gives_back_what_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("start", {"node": "ü"})
        # On the disk before the journal is closed.
        assert read_journal(path) == ({"kind": "start", "node": "ü"},)
        journal.append("result", {"result": [1.5, None]})
    assert read_journal(path) == (
        {"kind": "start", "node": "ü"},
        {"kind": "result", "result": [1.5, None]},
    )


def test_every_cut_keeps_the_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        for value in (1e9, 2e9, 3e9):
            journal.append("result", {"value": value})
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert len(read_journal(path)) == whole[:length].count(b"\n")


@pytest.mark.parametrize("line", [b"{", b"\xff\xfe", b"[]", b'{"other": 1}', b'{"kind": 3}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"kind": "start"}\n' + line + b"\n")
    with pytest.raises(RecordError, match=r"journal\.jsonl:2: not a line of a journal"):
        read_journal(path)


def test_a_journal_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path)
    with pytest.raises(RecordError, match="cannot be read"):
        read_journal(tmp_path / "absent")


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_a_part_that_nobody_holds_is_swept_and_one_in_work_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.files._swept", set())
    left, held, other = (
        tmp_path / f".file.{name}{end}" for name, end in (("a", PART), ("b", PART), ("c", ".part"))
    )
    for part in (left, held, other):
        part.write_bytes(b"half a fi")
    with held.open("rb") as file:
        assert lock(file.fileno())
        write_bytes_atomic(tmp_path / "file", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", held.name, other.name}


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_a_folder_is_one_run_s_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with claimed(folder), pytest.raises(InputError, match="another run is writing there"), claimed(folder):
        pass
    with claimed(folder, 1.0):
        assert list(folder.iterdir()) == []
