"""Bookkeeping: rows kept and left out are all rows, and a million bad rows fill no memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.census.readers.cells import amount
from accounting.census.readers.reading import EXAMPLES, Reading, Readout
from accounting.census.readers.tables import open_table
from accounting.reference.facts import Facts


def reading(folder: Path, text: str) -> Reading:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return Reading(open_table(path))


def keep_all(reading: Reading) -> Readout:
    for row in reading.rows():
        reading.keep(row.line)
    return reading.finish()


def test_empty_and_overlong_rows_are_left_out(tmp_path: Path) -> None:
    readout = keep_all(reading(tmp_path, "a,b\n1,2\n,\n1,2,3\n"))
    assert (readout.rows, readout.kept) == (3, 1)
    assert readout.reasons() == {"an empty row": 1, "more cells than columns": 1}
    assert readout.summary() == (
        "1 row left out: an empty row (first t.csv:3)",
        "1 row left out: more cells than columns (first t.csv:4, found '3')",
    )


def test_a_bad_cell_is_read_as_blank_and_noted(tmp_path: Path) -> None:
    book = reading(tmp_path, "a,b\n1,2\nx,2\ny,\n,1\n")
    values = []
    for row in book.rows():
        values.append(book.take(row, "a", amount))
        book.keep(row.line)
    readout = book.finish()
    assert values == [1, None, None, None]
    assert readout.summary() == (
        "2 cells repaired: a: not a number, read as blank (first t.csv:3, found 'x')",
    )


def test_unknown_names_come_with_close_ones_and_are_never_guessed(tmp_path: Path, facts: Facts) -> None:
    book = reading(tmp_path, "Country\nFrance\nFrence\nFrence\nXyzzy\n")
    found = []
    for row in book.rows():
        found.append(book.resolve(row, "Country", facts.names.countries))
        book.keep(row.line)
    readout = book.finish()
    assert found == ["FR", None, None, None]
    frence, xyzzy = readout.unresolved
    assert (frence.name, frence.count, frence.candidates[0]) == ("Frence", 2, "France")
    assert (xyzzy.count, xyzzy.candidates) == (1, ())
    (line,) = readout.summary()
    assert line.startswith(
        "2 country names not known, in 3 rows (most often 'Frence', first t.csv:3; close to it: "
    )


def test_each_row_is_settled_once(tmp_path: Path) -> None:
    book = reading(tmp_path, "a\n1\n2\n")
    rows = book.rows()
    first = next(rows)
    with pytest.raises(AssertionError, match="neither kept nor left out"):
        next(rows)
    book = reading(tmp_path, "a\n1\n2\n")
    first = next(book.rows())
    book.keep(first.line)
    with pytest.raises(AssertionError, match="twice"):
        book.leave_out(first.line, "no reason")


def test_examples_and_names_are_bounded(tmp_path: Path, facts: Facts) -> None:
    book = reading(tmp_path, "a\n" + "".join(f"name {place}\n" for place in range(5000)))
    for row in book.rows():
        book.resolve(row, "a", facts.names.countries)
        book.take(row, "a", amount)
        book.leave_out(row.line, "no good", row.text("a"))
    readout = book.finish()
    assert readout.left_out["no good"].count == 5000
    assert len(readout.left_out["no good"].examples) == EXAMPLES
    assert sum(name.count for name in readout.unresolved) == 5000
    assert len(readout.unresolved) <= 1001


def test_readouts_of_two_files_add_up(tmp_path: Path) -> None:
    one = keep_all(reading(tmp_path, "a,b\n1,2\n,\n"))
    other = keep_all(reading(tmp_path, "a,b\n,\n1,2\n1,2,3\n"))
    both = one + other
    assert (both.rows, both.kept) == (5, 2)
    assert both.reasons() == {"an empty row": 2, "more cells than columns": 1}


@given(st.lists(st.sampled_from(["1,2", ",", "1,2,3", "x,", '"a\nb",1', "1"]), min_size=1, max_size=20))
def test_counts_always_add_up(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    book = reading(tmp_path_factory.getbasetemp(), "a,b\n" + "\n".join(lines) + "\n")
    for row in book.rows():
        if book.take(row, "a", amount) is None:
            book.leave_out(row.line, "no amount")
        else:
            book.keep(row.line)
    readout = book.finish()
    assert readout.rows == len(lines) == readout.kept + sum(readout.reasons().values())
    assert readout.kept == sum(line in {"1,2", "1"} for line in lines)
