"""Tables: whatever a file is written in, its cells come out the same; what cannot be told is refused."""

from __future__ import annotations

import csv
import datetime
import io
import os
import runpy
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.census.readers.cells import NumberStyle, number
from accounting.census.readers.tables import Table, open_table
from accounting.errors import InputFaults

TEXT = 'Name,Größe,Note\nÉcole,1.5,"a, b"\nZwei,2000,"two\nlines"\nDrei,,\n'
ROWS = [
    {"Name": "École", "Größe": "1.5", "Note": "a, b"},
    {"Name": "Zwei", "Größe": "2000", "Note": "two\nlines"},
    {"Name": "Drei", "Größe": "", "Note": ""},
]


def write(folder: Path, content: bytes | str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def cells(table: Table) -> list[dict[str, str]]:
    return [dict(row.cells) for row in table.rows()]


def refused(path: Path, *, read: bool = False) -> str:
    with pytest.raises(InputFaults) as caught:
        table = open_table(path)
        if read:
            list(table.rows())
    assert len(caught.value.faults) == 1
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, newline: str) -> None:
    table = open_table(write(tmp_path, TEXT.replace("\n", newline).encode(encoding)))
    expected = [{k: v.replace("\n", newline) for k, v in row.items()} for row in ROWS]
    assert cells(table) == cells(table) == expected
    assert [row.line for row in table.rows()] == [2, 3, 5]
    assert bool(table.warnings) == (encoding == "cp1252")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, delimiter: str) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["Name, long; name", "Größe", "Note"])
    writer.writerows(list(row.values()) for row in ROWS)
    table = open_table(write(tmp_path, stream.getvalue()))
    assert table.delimiter == delimiter
    assert [list(row.values()) for row in cells(table)] == [list(row.values()) for row in ROWS]


def test_the_separator_line_of_a_spreadsheet(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "sep=;\na,x;b\n1;2\n"))
    assert table.columns == ("a,x", "b")
    assert [row.line for row in table.rows()] == [3]


def test_short_rows_are_padded_and_long_ones_have_a_surplus(tmp_path: Path) -> None:
    rows = list(open_table(write(tmp_path, "a,b\n1\n1,2,,\n1,2,3\n\n,\n")).rows())
    assert dict(rows[0].cells) == {"a": "1", "b": ""}
    assert [row.surplus for row in rows] == [(), (), ("3",), ()]
    assert [row.line for row in rows] == [2, 3, 4, 6]


def test_a_column_without_a_name_is_said_and_not_read(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, ",a,b,,\n0,1,2,,\n"))
    assert cells(table) == [{"a": "1", "b": "2"}]
    assert table.columns == ("a", "b")
    assert "without a name" in table.warnings[0]


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("a;b\n1;12,34\n", NumberStyle.COMMA),
        ("a;b\n1;12.34\n", NumberStyle.POINT),
        ("a;b\n1;1.234,5\n", NumberStyle.COMMA),
        ("a;b\n1;1,234\n", NumberStyle.UNDECIDED),
        ("a;b\n31.12.2024;text, more\n", NumberStyle.UNDECIDED),
        ('a,b\n1,"12,34"\n', NumberStyle.POINT),
        # a column of version numbers among others; each column is read as it shows itself
        ("v;b;c\n7.4;12,34;0,5\n", NumberStyle.UNDECIDED),
    ],
)
def test_the_decimal_sign_by_evidence(tmp_path: Path, text: str, style: NumberStyle) -> None:
    assert open_table(write(tmp_path, text)).style is style


def test_each_column_shows_its_own_decimal_sign(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "v;b;c\n7.4;12,34;1,234\n7.5;1,234;8\n"))
    assert [table.style_of(column) for column in "vbc"] == [
        NumberStyle.POINT,
        NumberStyle.COMMA,
        NumberStyle.UNDECIDED,
    ]
    # text that looks like decimals now and then is no column of numbers
    assert open_table(write(tmp_path, "v;b\n7.4;x\n8,16;y\nnone;z\nother;z\n")).styles == {}


def test_both_decimal_signs_name_both_lines(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "a;b\n1;12.34\n2;3\n3;12,34\n"))
    assert "t.csv:4:1" in message
    assert "line 2: 12.34, line 4: 12,34" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "t.csv: the file is empty"),
        (b"\n\n", "t.csv: the file is empty"),
        (b"\xef\xbb\xbf", "t.csv: the file is empty"),
        (b"a,b\n", "t.csv:1:1: no rows below the header"),
        (b"a,b,a\n1,2,3\n", "t.csv:1:1: the header names a column twice (places 1 and 3)"),
        (b"a,b\n1,2\n1,\x00\n", "t.csv:3:1: a NUL byte"),
        ("a,b\n1,2\n".encode("utf-16-le"), "t.csv:1:1: a NUL byte"),
        ("a,b\n1,2\n".encode("utf-32"), "UTF-32"),
        ("a,b\né,2\n".encode() + b"x,y\nz,\xe9\n", "t.csv:4:1: mixed encodings"),
        (b"a,b\nz,\xe9\n" + "é,2\n".encode(), "t.csv:2:1: mixed encodings"),
        (b"a,b\nz,\xe9\x81\n", "t.csv:2:1: neither UTF-8 nor Windows-1252"),
        (b'a,b\n1,2\n1,"open\n3,4\n', "t.csv:3:1: a quote opened in this row is never closed"),
        (b'a,b\n1,"x"y\n', "t.csv:2:1: a quote inside a quoted cell must be doubled"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "t.csv:2:1: a cell longer than"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls or a workbook with a password"),
        (b"PK\x03\x04 not a zip", "a damaged workbook"),
        (b"\xff\xfe\x00\xd8\x00\xd8", "not UTF-16"),
    ],
)  # fmt: skip
def test_what_is_no_table(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refused(write(tmp_path, content), read=True)


def test_a_fault_is_found_past_the_first_chunk(tmp_path: Path) -> None:
    filler = ("é" * 7 + ",b\n").encode() * 150_000
    assert ":150002:1: mixed encodings" in refused(write(tmp_path, b"a,b\n" + filler + b"\xe9,1\n"))
    assert ":150002:1: a NUL byte" in refused(write(tmp_path, b"a,b\n" + filler + b"\0,1\n"))
    assert sum(1 for _ in open_table(write(tmp_path, b"a,b\n" + filler)).rows()) == 150_000


def test_one_endless_line_is_refused_quickly(tmp_path: Path) -> None:
    assert "t.csv:1:1" in refused(write(tmp_path, b"x" * 100_000_000))
    assert "t.csv:2:1: a line longer than" in refused(write(tmp_path, b"a,b\n" + b"1," * 5_000_000))


def test_a_long_file_takes_no_more_memory_than_a_short_one(repository: Path, tmp_path: Path) -> None:
    measure = runpy.run_path(str(repository / "benchmarks" / "readers.py"))["measure"]
    _, _, _, short_mb = measure(tmp_path / "short.csv", 1000)
    seen, kept, _, long_mb = measure(tmp_path / "long.csv", 100_000)
    assert (seen, kept) == (100_000, 66_666)
    assert long_mb < short_mb + 10


def test_pipes_folders_and_absent_files(tmp_path: Path) -> None:
    assert "not a plain file" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "absent.csv")
    os.mkfifo(tmp_path / "pipe")
    assert "not a plain file" in refused(tmp_path / "pipe")


def test_missing_columns_come_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputFaults) as caught:
        open_table(write(tmp_path, "Countri,b\n1,2\n")).require(["Country", "b", "Owner"])
    assert "t.csv:1:1: the column 'Country' is missing; did you mean Countri?" in str(caught.value)
    assert len(caught.value.faults) == 2


def workbook(folder: Path, *rows: list[Any], name: str = "t.xlsx") -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(folder / name)
    return folder / name


def test_a_workbook_gives_the_cells_of_its_csv(tmp_path: Path) -> None:
    table = open_table(
        workbook(tmp_path, list(ROWS[0]), ["École", 1.5, "a, b"], ["Zwei", 2000, "two\nlines"], ["Drei"])
    )
    assert cells(table) == ROWS
    assert [row.line for row in table.rows()] == [2, 3, 4]


def test_cells_of_a_workbook_as_text(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 5, 31)
    row = [True, 3.0, 4.01e22, 0.1, day, day.replace(hour=6), None, 10**20]
    path = workbook(tmp_path, list("abcdefgh"), row)
    (read,) = cells(open_table(path))
    assert list(read.values())[:7] == [
        "True",
        "3",
        "4.01e+22",
        "0.1",
        "2024-05-31",
        "2024-05-31 06:00:00",
        "",
    ]
    assert number(read["h"]) == 1e20


def test_blank_rows_of_a_sheet_are_none_and_the_lines_stay(tmp_path: Path) -> None:
    path = workbook(tmp_path, [], ["a", "b"], [], [1, 2], [None, ""], [3])
    assert [(row.line, dict(row.cells)) for row in open_table(path).rows()] == [
        (4, {"a": "1", "b": "2"}),
        (6, {"a": "3", "b": ""}),
    ]


def test_formulas_without_results_are_said(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["a", "b"], [1, "=A2*2"], ["=1", "=2"], [3, 4])
    rows = list(open_table(path).rows())
    assert [(row.line, row.formulas, row.cells["b"]) for row in rows] == [
        (2, ("b",), ""),
        (3, ("a", "b"), ""),
        (4, (), "4"),
    ]


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Data").append(["a"])
    book["Data"].append([1])
    assert book.active is not None
    book.active.append(["other"])
    book.active.append([2])
    book.save(tmp_path / "t.xlsx")
    assert cells(open_table(tmp_path / "t.xlsx", sheet="Data")) == [{"a": "1"}]
    table = open_table(tmp_path / "t.xlsx")
    assert table.columns == ("other",)
    assert "2 sheets; 'Sheet' is read" in table.warnings[0]
    with pytest.raises(InputFaults, match="did you mean Data"):
        open_table(tmp_path / "t.xlsx", sheet="Dat")


def repacked(path: Path, changes: dict[str, bytes]) -> Path:
    """Rewrite parts of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (parts | changes).items():
            archive.writestr(name, content)
    return path


def sheet(rows: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return (
        f'<worksheet xmlns="{space}"><dimension ref="A1"/><sheetData>{rows}</sheetData></worksheet>'.encode()
    )


HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
FAR = HEADER + '<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>'
SHEET = "xl/worksheets/sheet1.xml"


def test_a_wrong_extent_cuts_nothing_off(tmp_path: Path) -> None:
    rows = HEADER + '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2</v></c></row>'
    path = repacked(workbook(tmp_path, ["a"], [1]), {SHEET: sheet(rows)})
    assert [(dict(row.cells), row.surplus) for row in open_table(path).rows()] == [({"a": "1"}, ("2",))]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"xl/bomb": b"\0" * 50_000_000}, "to fill the memory; save the table as CSV (found 'xl/bomb')"),
        ({SHEET: sheet(HEADER + '<row r="2"><c r="A2"><v>1</v>')[:-40]}, "a damaged workbook"),
        ({SHEET: sheet(FAR)}, "no spreadsheet holds"),
        ({SHEET: b'<!DOCTYPE x [<!ENTITY a "b">]>' + sheet(HEADER)}, "declares XML entities"),
        ({"xl/workbook.xml": b"<workbook/>"}, "no sheet of cells"),
        ({"xl/workbook.bin": b""}, "binary workbook"),
    ],
)  # fmt: skip
def test_workbooks_that_harm(tmp_path: Path, changes: dict[str, bytes], words: str) -> None:
    path = repacked(workbook(tmp_path, ["a"], [1]), changes)
    assert words in refused(path, read=True)


def test_zips_that_are_no_workbooks(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.csv", "a,b\n1,2\n")
    assert "no .xlsx workbook" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(10_001):
            archive.writestr(f"xl/{place}", b"")
    assert "more than 10,000 parts" in refused(path)


def test_a_zip_that_declares_too_much(tmp_path: Path) -> None:
    """Sizes are believed as declared: no more than that is unpacked."""
    path = workbook(tmp_path, ["a"], [1])
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        part = archive.getinfo(SHEET)
    place = content.rindex(SHEET.encode()) - 46 + 24
    assert content[place : place + 4] == part.file_size.to_bytes(4, "little")
    content[place : place + 4] = (900 << 20).to_bytes(4, "little")
    path.write_bytes(content)
    assert "unpacks to 900 MB" in refused(path)


def test_links_to_other_workbooks_are_not_followed(tmp_path: Path) -> None:
    path = repacked(
        workbook(tmp_path, ["a"], [1]), {"xl/externalLinks/externalLink1.xml": b"<externalLink/>"}
    )
    table = open_table(path)
    assert cells(table) == [{"a": "1"}]
    assert "links to other workbooks" in table.warnings[0]


CELL = st.text(st.characters(exclude_categories=["C"]), max_size=8).map(str.strip)


@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
)
def test_what_a_writer_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    path = write(tmp_path_factory.mktemp("t"), stream.getvalue())
    try:
        table = open_table(path)
    except InputFaults as error:
        assert "point and with a comma" in str(error)
        return
    assert [list(row.values()) for row in cells(table)] == rows


PIECES = st.sampled_from(
    [b"a,b\n", b"1;2\r\n", b'"', b"\xff\xfe", b"PK\x03\x04", b"\xe9", "é".encode(), b"\0", b"=1\t"]
)


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=12).map(b"".join)))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write(tmp_path_factory.getbasetemp(), content, "fuzz.csv")
    try:
        assert list(open_table(path).rows())
    except InputFaults as error:
        assert len(str(error).splitlines()) == 1


@lru_cache
def whole_workbook() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return workbook(Path(folder), ["a", "b"], [1, "x"]).read_bytes()


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_workbook_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.xlsx"
    content = bytearray(whole_workbook())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        list(open_table(path).rows())
    except InputFaults as error:
        assert len(str(error).splitlines()) == 1
