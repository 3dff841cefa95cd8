"""Files made to fill the memory, to hang or to run code are refused: YAML, gzip, zip, XML, workbooks, CSV."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from accounting.census.readers import fleet
from accounting.census.readers.formats import READERS
from accounting.documents import parse_document
from accounting.errors import InputFaults
from accounting.reference.facts import load_facts
from bench.fleets.decoding import Unusable, decode

GOLDEN = Path(__file__).parents[1] / "long_life" / "golden" / "0.1"
# of growth while a bomb is read; what it would unpack to is gigabytes
MEMORY_KIB = 200 << 10


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch ran']",
        "a: !!python/name:os.system",
        "a: !!python/object/new:subprocess.Popen [['true']]",
        "a: !ruby/object:Gem::Installer {}",
        "a: !!binary aGVsbG8=",
        "!!python/module:os : 1",
        "a: &x [1]\nb: *x",
        "a: &x {k: 1}\nb: {<<: *x}",
        "a: " + "[" * 100_000,
        "a: " + "{b: " * 100_000,
        "- " * 100_000,
        "a: 1\n---\nb: 2",
        "? [a]\n: 1",
        "%YAML 1.1\n---\na: 1",
    ],
)
def test_yaml_that_is_more_than_data_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputFaults):
        parse_document(text, "x.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_merge_key_is_a_key_like_others() -> None:
    assert parse_document("a:\n  <<: {b: 1}", "x.yaml").data == {"a": {"<<": {"b": 1}}}


def test_ten_levels_of_ten_aliases_take_no_memory() -> None:
    lines = ["a0: &a0 lol"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    with pytest.raises(InputFaults, match="anchors are not accepted"):
        parse_document("\n".join(lines), "x.yaml")


def bomb(size: int) -> bytes:
    """Return gzip that unpacks to ``size`` blanks at least, a packed megabyte repeated."""
    packer = zlib.compressobj(9, wbits=31)
    begun = packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begun + block * (size >> 20)


def test_a_gzip_bomb_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the bounds are of 256 MiB, which takes a second to fill
    monkeypatch.setattr("bench.fleets.decoding.MOST_BYTES", 4 << 20)
    monkeypatch.setattr(fleet, "_MOST_BYTES", 16 << 20)
    packed = bomb(4 << 30)
    assert len(packed) < 8 << 20
    with pytest.raises(Unusable, match="unpacks to more"):
        decode(packed)
    good = json.loads((GOLDEN / "record.json").read_text(encoding="utf-8"))
    for device in good["devices"]:
        device |= {"kind": "cuda", "accelerator": "nvidia-h100-sxm", "uuid": "GPU-1"}
    (tmp_path / "bomb.json.gz").write_bytes(packed)
    (tmp_path / "good.json").write_text(json.dumps(good), encoding="utf-8")
    ledger = fleet.read(tmp_path, load_facts())
    assert ledger.left_out == {fleet.NO_RECORD: 1}


def workbook(change: Callable[[dict[str, bytes]], None], path: Path) -> Path:
    """Write a workbook with some of its parts changed."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["Name", "Country"])
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
BOMBS: dict[str, Callable[[dict[str, bytes]], None]] = {
    "blanks": lambda parts: parts.update({SHEET: parts[SHEET] + b" " * (24 << 20)}),
    "blanks in a part that nobody reads": lambda parts: parts.update({"xl/media/x.bin": b"\0" * (24 << 20)}),
    "a billion laughs": lambda parts: parts.update(
        {SHEET: b'<!DOCTYPE x [<!ENTITY l0 "lol">' + LAUGHS + b"]><x>&l9;</x>"}
    ),
    "an entity that is a file": lambda parts: parts.update(
        {SHEET: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'}
    ),
    "entities in strings": lambda parts: parts.update(
        {"xl/sharedStrings.xml": b'<!DOCTYPE x [<!ENTITY l0 "lol">' + LAUGHS + b"]><x>&l9;</x>"}
    ),
    "many parts": lambda parts: parts.update({f"xl/p{n}.xml": b"<x/>" for n in range(10_001)}),
    "deep elements": lambda parts: parts.update({SHEET: b"<a>" * 50_000 + b"</a>" * 50_000}),
}


READ_ALL = """
import resource, sys
from pathlib import Path
from accounting.census.readers.formats import READERS
from accounting.errors import InputFaults
from accounting.reference.facts import load_facts

facts = load_facts()
for name in sys.argv[2:]:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        READERS["epoch-clusters"](Path(name), facts)
    except InputFaults as error:
        assert "root:" not in str(error)
    else:
        sys.exit(name + " was read")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used
    if grown > int(sys.argv[1]):
        sys.exit(f"{name} took {grown} KiB")
"""


def test_workbook_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    paths = [workbook(change, tmp_path / f"{name}.xlsx") for name, change in BOMBS.items()]
    command = [sys.executable, "-c", READ_ALL, str(MEMORY_KIB), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_zip_that_is_no_workbook_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.txt", "x")
    with pytest.raises(InputFaults):
        READERS["epoch-clusters"](path, load_facts())
    assert not (tmp_path.parent.parent / "escaped.txt").exists()
