"""Mutants of a file: cells, columns and rows as people and spreadsheets get them wrong, and bytes."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Callable

NASTY = (
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e309",
    "1e-309",
    "9" * 40,
    "1,5",
    "1.234,5",
    "1 234",
    "12%",
    "=1+1",
    '=HYPERLINK("http://x")',
    "@SUM(A1)",
    "31/12/2024",
    "12/31/2024",
    "2024-13-45",
    "2024",
    "0000-00-00",
    "#N/A",
    "#REF!",
    "null",
    "None",
    "true",
    "TRUE",
    "NO",
    "Norway",
    "France",
    "Korea (Republic of)",
    "\u202eabc",
    "\ufeff",
    "é",
    "\x00",
    '"',
    "'",
    ",",
    ";",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "[",
    "]",
    "[]",
    "{}",
    "[{}]",
    '[{"a": NaN}]',
    "[" * 3000,
    "A" * 70000,
    "NVIDIA H100 SXM5 80GB",
    "AMD Radeon Instinct MI250X",
    "15k to 20k",
    "100 to 50",
    "1.0E+18",
    "1e18",
    "0x10",
    "1_000",
    "٣",
    "2024-02-30",
    "1899-12-30",
    "9999-12-31",
    "&a",
    "*a",
    "!!python/object:x",
    "- - - -",
    "? :",
    "|",
    ">",
    "<<: *a",
    "%YAML 9",
)

Change = Callable[[random.Random, bytes], bytes]


def mutant(chance: random.Random, seed: bytes) -> bytes:
    """Return a changed copy of ``seed``: one to six changes, of cells, rows, columns, marks or bytes."""
    made = seed
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        made = chance.choice(_CHANGES)(chance, made)
    return made[:2_000_000]


def workbook_mutant(chance: random.Random, seed: bytes) -> bytes:
    """Return a changed copy of a workbook: bytes of one of its parts, or of the archive itself."""
    if chance.random() < 0.2:
        return _some_bytes(chance, seed)
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(parts))
    change = chance.choice((_some_bytes, _some_bytes, _words, _tag))
    parts[name] = change(chance, parts[name])
    if chance.random() < 0.1:
        del parts[chance.choice(sorted(parts))]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return made.getvalue()


def _tag(chance: random.Random, made: bytes) -> bytes:
    """Change what stands between two marks of an XML text."""
    pieces = made.split(b">")
    place = chance.randrange(len(pieces))
    pieces[place] = chance.choice((chance.choice(NASTY).encode("utf-8", "replace") + pieces[place], b""))
    return b">".join(pieces)


def _table(made: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(made.decode("utf-8", "replace"), newline="")))
    except csv.Error:
        return [[]]


def _bytes(table: list[list[str]], delimiter: str = ",") -> bytes:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows(table)
    return stream.getvalue().encode("utf-8", "replace")


def _cell(chance: random.Random, made: bytes) -> bytes:
    table = _table(made)
    row = chance.choice(table) if table else []
    if row:
        row[chance.randrange(len(row))] = chance.choice(NASTY)
    return _bytes(table)


def _column(chance: random.Random, made: bytes) -> bytes:
    table = _table(made)
    if not table or not table[0]:
        return made
    place, other = (chance.randrange(len(table[0])) for _ in range(2))
    what = chance.randrange(3)
    for row in table:
        if max(place, other) >= len(row):
            continue
        if what == 0:
            del row[place]
        elif what == 1:
            row.insert(other, row[place])
        else:
            row[place], row[other] = row[other], row[place]
    return _bytes(table)


def _row(chance: random.Random, made: bytes) -> bytes:
    table = _table(made)
    if len(table) < 2:
        return made
    place, what = chance.randrange(len(table)), chance.randrange(4)
    if what == 0:
        del table[place]
    elif what == 1:
        table.insert(chance.randrange(len(table)), list(table[place]))
    elif what == 2:
        table[place] = table[place][: chance.randrange(len(table[place]) + 1)]
    else:
        table[place] = [*table[place], *chance.choices(NASTY, k=3)]
    return _bytes(table)


def _marks(chance: random.Random, made: bytes) -> bytes:
    what = chance.randrange(5)
    if what == 0:
        return _bytes(_table(made), chance.choice(";\t|:"))
    text = made.decode("utf-8", "replace")
    if what == 1:
        return text.encode(chance.choice(["utf-16", "utf-16-le", "cp1252", "utf-8-sig", "utf-32"]), "replace")
    if what == 2:
        return made.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\n\n", b"\x0b"]))
    if what == 3:
        return made.replace(b".", b",") if chance.random() < 0.5 else made.replace(b'"', b"")
    return (
        b""
        if chance.random() < 0.1
        else made + chance.choice([b"\x00", b"\x1a", b'"', b"\xff\xfe", b"\n" * 50])
    )


def _some_bytes(chance: random.Random, made: bytes) -> bytes:
    changed = bytearray(made)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed) + 1)
        what = chance.randrange(4)
        if what == 0 and place < len(changed):
            changed[place] ^= 1 << chance.randrange(8)
        elif what == 1:
            changed[place:place] = chance.choice(NASTY)[:50].encode("utf-8", "replace")
        elif what == 2:
            del changed[place : place + chance.randint(1, 20)]
        else:
            other = chance.randrange(len(changed) + 1)
            changed[place:place] = changed[other : other + chance.randint(1, 40)]
    return bytes(changed)


def _words(chance: random.Random, made: bytes) -> bytes:
    """Swap a word for a nasty one or for another word of the file: what YAML and claims are made of."""
    words = made.decode("utf-8", "replace").split(" ")
    words[chance.randrange(len(words))] = chance.choice([*NASTY, chance.choice(words)])
    return " ".join(words).encode("utf-8", "replace")


_CHANGES: tuple[Change, ...] = (_cell, _cell, _column, _row, _marks, _some_bytes, _some_bytes, _words)
