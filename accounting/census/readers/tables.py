"""Tables of foreign files, CSV or XLSX, as rows of text that stream and can be read again.

A table knows how it is written (encoding, separator, decimal sign) from what it holds, and refuses what
cannot be told. Memory does not grow with the file: one row at a time is held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from accounting.census.readers import csv_tables, xlsx_tables
from accounting.census.readers.cells import NumberStyle, style_shown
from accounting.census.readers.records import MOST_COLUMNS, Record, fault
from accounting.errors import Fault, InputFaults, nearest, quote

# rows that the decimal sign is judged by
_SAMPLE_ROWS = 1000
_NUMBER_SIGNS = dict.fromkeys(map(ord, "0123456789.,+-eE \u00a0\u2009\u202f"))
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its first line in the file, its cells by column (stripped text, "" where blank).

    ``surplus`` holds cells beyond the last column; ``formulas`` names columns whose cell is a formula
    without a stored result; ``empty`` is a row of blanks only.
    """

    line: int
    cells: Mapping[str, str]
    surplus: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    empty: bool = False

    def text(self, column: str) -> str:
        """Return a cell, "" where the file lacks the column."""
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Table:
    """A table: its columns, how it is written, and its rows, which can be read any number of times.

    ``style`` is the decimal sign that all columns agree on, undecided where they do not.
    """

    path: Path
    columns: tuple[str, ...]
    style: NumberStyle
    encoding: str
    delimiter: str
    read: Callable[[Collection[str] | None], Iterator[Row]] = field(repr=False)
    sheet: str | None = None
    warnings: tuple[str, ...] = ()
    styles: Mapping[str, NumberStyle] = field(default_factory=dict)

    def style_of(self, column: str) -> NumberStyle:
        """Return the decimal sign of a column: the one it shows itself, else that of the file."""
        return self.styles.get(column, self.style)

    def rows(self, columns: Collection[str] | None = None) -> Iterator[Row]:
        """Read the rows from the file, from the first; all columns, or those asked for where there are many.

        Raises:
            InputFaults: where the file breaks (a quote never closed, a line too long), with the line.
        """
        return self.read(columns)

    def require(self, columns: Sequence[str]) -> None:
        """Check that the columns are there.

        Raises:
            InputFaults: a fault for each missing one, with the nearest that the file has.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise InputFaults(
                Fault(
                    str(self.path),
                    1,
                    1,
                    "",
                    f"the column '{column}' is missing",
                    suggestion=nearest(column, self.columns),
                )
                for column in missing
            )


def open_table(path: Path, *, sheet: str | None = None) -> Table:
    """Open a CSV or XLSX file, told apart by its first bytes.

    Args:
        path: the file.
        sheet: the sheet of a workbook; its first where left out.

    Raises:
        InputFaults: not a file, not a table, mixed encodings, a workbook that would fill the memory, a
            header that names a column twice, no rows; each with the line where there is one.
    """
    head = _head(path)
    if head.startswith(_OLD_OFFICE):
        raise fault(
            path, 0, "an old .xls or a workbook with a password; save it as .xlsx without one, or as CSV"
        )
    if head.startswith(b"PK"):
        book = xlsx_tables.inspect(path, sheet)
        records = partial(xlsx_tables.records, path, book)
        return _table(path, records, warnings=book.warnings, sheet=book.sheet)
    if sheet is not None:
        raise fault(path, 0, f"a sheet is asked for (found {quote(sheet)}), but this is no workbook")
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        raise fault(path, 0, "a compressed file; unpack it first")
    form = csv_tables.inspect(path)
    records = partial(csv_tables.records, path, form)
    return _table(path, records, form.encoding, form.delimiter, form.warnings)


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            # a pipe or a device could be read only once, or for ever
            missing = "not a plain file" if path.exists() else "no such file"
            raise fault(path, 0, missing)
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise fault(path, 0, f"cannot be read: {error.strerror}") from None
    if not head:
        raise fault(path, 0, "the file is empty; a table is expected")
    return head


def _table(
    path: Path,
    records: Callable[[], Iterator[Record]],
    encoding: str = "",
    delimiter: str = "",
    warnings: tuple[str, ...] = (),
    sheet: str | None = None,
) -> Table:
    sample = list(islice(records(), _SAMPLE_ROWS + 1))
    columns = _columns(path, sample)
    if any(not column for column in columns):
        warnings = (*warnings, f"{path.name}: a column without a name is not read")
    # a comma that parts cells cannot be the decimal sign as well
    free = delimiter not in {"", ","}
    styles = _styles(path, columns, sample[1:]) if free else {}
    agreed = set(styles.values()) if free else {NumberStyle.POINT}
    style = next(iter(agreed)) if len(agreed) == 1 else NumberStyle.UNDECIDED
    named = tuple(column for column in columns if column)
    read = partial(_rows, records, columns)
    return Table(path, named, style, encoding, delimiter, read, sheet, warnings, styles)


def _columns(path: Path, sample: Sequence[Record]) -> tuple[str, ...]:
    if not sample:
        raise fault(path, 0, "the file is empty; a table is expected")
    header = sample[0]
    columns = [" ".join(value.split()) for value in header.values]
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) > MOST_COLUMNS:
        message = f"more than {MOST_COLUMNS} columns; this does not look like a table"
        raise fault(path, header.line, message, str(len(columns)))
    first: dict[str, int] = {}
    for place, column in enumerate(columns, 1):
        if column and first.setdefault(column, place) != place:
            message = (
                f"the header names a column twice (places {first[column]} and {place}); rename one of them"
            )
            raise fault(path, header.line, message, quote(column))
    if len(sample) == 1:
        raise fault(path, header.line, "no rows below the header")
    return tuple(columns)


def _rows(
    records: Callable[[], Iterator[Record]], columns: tuple[str, ...], wanted: Collection[str] | None
) -> Iterator[Row]:
    width = len(columns)
    places = {column: place for place, column in enumerate(columns) if column}
    if wanted is not None:
        places = {column: place for column, place in places.items() if column in wanted}
    for record in islice(records(), 1, None):
        values = record.values
        surplus: tuple[str, ...] = ()
        if len(values) > width:
            surplus = tuple(text for value in values[width:] if (text := value.strip()))
        elif len(values) < width:
            values = [*values, *[""] * (width - len(values))]
        cells = {column: values[place].strip() for column, place in places.items()}
        formulas = tuple(columns[place] for place in record.formulas if place < width and columns[place])
        empty = not formulas and not any(cells.values()) and not any(value.strip() for value in values)
        yield Row(record.line, cells, surplus, formulas, empty)


def _styles(path: Path, columns: Sequence[str], sample: Sequence[Record]) -> dict[str, NumberStyle]:
    """Return the decimal sign of each column that shows one in the first rows.

    Raises:
        InputFaults: a column of numbers shows both, so that none of its figures can be trusted.
    """
    styles: dict[str, NumberStyle] = {}
    for place, column in enumerate(columns):
        cells = [
            (record.line, record.values[place].strip()) for record in sample if place < len(record.values)
        ]
        proof: dict[NumberStyle, tuple[int, str]] = {}
        for line, text in cells:
            if style := style_shown(text):
                proof.setdefault(style, (line, text))
        if len(proof) == 1:
            styles[column] = next(iter(proof))
        elif proof and _of_numbers(text for _, text in cells):
            (first, text), (other, other_text) = sorted(proof.values())
            where = f"line {first}: {text}, line {other}: {other_text}"
            message = f"'{column}' has decimals with a point and with a comma ({where}); write them one way"
            raise fault(path, other, message)
    return styles


def _of_numbers(texts: Iterable[str]) -> bool:
    """Whether a column is one of numbers: versions and lists of whole numbers in a text look like them."""
    filled = [text for text in texts if text]
    return 2 * sum(not text.translate(_NUMBER_SIGNS) for text in filled) > len(filled)
