"""XLSX as it comes: checked before it is opened, then streamed, with stored results in place of formulas.

A workbook is a zip of XML parts, so a few kilobytes may unpack to fill any memory. Sizes are checked as
the zip declares them, and no more than that is ever unpacked. openpyxl reads the cells.
"""

from __future__ import annotations

import datetime
import re
import warnings as python_warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from accounting.census.readers.records import MOST_COLUMNS, MOST_ROWS_OF_A_SHEET, Record, fault
from accounting.errors import InputFaults, nearest, quote

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

T = TypeVar("T")

_MOST_BYTES = 512 << 20
_MOST_PARTS = 10_000
_MOST_RATIO = 200
_SMALL_PART_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_CHUNK_ROWS = 256
# cells looked at beyond the header: a row too long is seen, one of 16,384 blanks costs nothing
_SURPLUS_COLUMNS = 16
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_DOCTYPE = re.compile(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E")
# floats write whole numbers exactly up to here
_EXACT = 2.0**53


@dataclass(frozen=True)
class XlsxForm:
    """Which sheet is read, and whether the workbook holds formulas."""

    sheet: str
    formulas: bool
    warnings: tuple[str, ...] = ()


def inspect(path: Path, sheet: str | None) -> XlsxForm:
    """Check a workbook and choose its sheet (the first where ``sheet`` is None).

    Raises:
        InputFaults: not a workbook, damaged, encrypted, too large unpacked, or without that sheet.
    """
    formulas, linked = _guarded(path, lambda: _check_zip(path))
    names = _sheet_names(path)
    if not names:
        raise fault(path, 0, "the workbook has no sheet of cells")
    if sheet is not None and sheet not in names:
        mend = nearest(sheet, names) or ", ".join(names[:5])
        raise fault(path, 0, f"no such sheet (found {quote(sheet)}); did you mean {mend}?")
    chosen = sheet or names[0]
    notes = []
    if linked:
        notes.append(f"{path.name} links to other workbooks; the values stored with the links are used")
    if sheet is None and len(names) > 1:
        notes.append(f"{path.name} has {len(names)} sheets; '{chosen}' is read")
    return XlsxForm(chosen, formulas, tuple(notes))


def _sheet_names(path: Path) -> list[str]:
    with ExitStack() as stack:
        book = _open(path, stack, results=True)
        return [sheet.title for sheet in book.worksheets]


def records(path: Path, form: XlsxForm) -> Iterator[Record]:
    """Stream the rows that hold anything, the header first.

    Raises:
        InputFaults: a sheet that is damaged or larger than a spreadsheet can hold.
    """
    header = _header(path, form)
    if header is None:
        return
    yield header
    width = min(len(header.values) + _SURPLUS_COLUMNS, MOST_COLUMNS)
    with ExitStack() as stack:
        results = _lines(path, stack, form, results=True, width=width)
        written = _lines(path, stack, form, results=False, width=width) if form.formulas else None
        for line, values in results:
            missing: tuple[int, ...] = ()
            if written is not None:
                texts = next(written, (line, ()))[1]
                pairs = enumerate(zip(values, texts, strict=False))
                missing = tuple(place for place, (value, text) in pairs if value is None and text is not None)
            if line > header.line and (missing or _filled(values)):
                yield Record(line, [_text(value) for value in values], missing)


def _header(path: Path, form: XlsxForm) -> Record | None:
    with ExitStack() as stack:
        for line, values in _lines(path, stack, form, results=True, width=MOST_COLUMNS):
            if _filled(values):
                return Record(line, _trimmed(values))
    return None


def _filled(values: Sequence[Any]) -> bool:
    return any(value is not None and value != "" for value in values)


def _lines(
    path: Path, stack: ExitStack, form: XlsxForm, *, results: bool, width: int
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield (row, values), blank rows too; formulas instead of their results where asked for."""
    book = _open(path, stack, results=results)
    sheet: Any = book[form.sheet]
    # what a file declares as its extent is often wrong, and cuts rows off
    _guarded(path, sheet.reset_dimensions)
    rows: Iterator[Sequence[Any]] = iter(sheet.iter_rows(values_only=True, max_col=width))
    line = 0
    while chunk := _guarded(path, lambda: list(islice(rows, _CHUNK_ROWS)), line + 1):
        for values in chunk:
            line += 1
            yield line, values
        if line > MOST_ROWS_OF_A_SHEET:
            raise fault(path, line, f"more than {MOST_ROWS_OF_A_SHEET:,} rows, which no spreadsheet holds")


def _open(path: Path, stack: ExitStack, *, results: bool) -> Workbook:
    from openpyxl import load_workbook  # noqa: PLC0415  (a fifth of a second that CSV files need not spend)

    # opened here, as openpyxl leaves a damaged workbook open
    stream = stack.enter_context(path.open("rb"))
    book = _guarded(path, lambda: load_workbook(stream, read_only=True, data_only=results, keep_links=False))
    stack.callback(book.close)
    return book


def _guarded(path: Path, call: Callable[[], T], line: int = 0) -> T:
    """Call into openpyxl, whose parsers raise and warn about damaged parts in many ways."""
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            return call()
    except InputFaults:
        raise
    except OSError as error:
        raise fault(path, 0, f"cannot be read: {error.strerror or error}") from None
    except Exception as error:
        what = " ".join(str(error).split())[:80] or type(error).__name__
        raise fault(path, line, f"a damaged workbook ({what}); save it again as .xlsx, or as CSV") from None


def _check_zip(path: Path) -> tuple[bool, bool]:
    """Refuse what would fill the memory; return whether there are formulas and links to other workbooks."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        _check_sizes(path, parts)
        names = {part.filename for part in parts}
        if "xl/workbook.bin" in names:
            raise fault(path, 0, "a binary workbook (.xlsb); save it as .xlsx, or as CSV")
        if not any(name.startswith("xl/") for name in names):
            raise fault(path, 0, "a zip archive but no .xlsx workbook; unpack it, or save the table as CSV")
        formulas = False
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                sheet = part.filename.startswith("xl/worksheets/")
                formulas |= _scan(path, archive, part, sheet=sheet)
        return formulas, any(name.startswith("xl/externalLinks/") for name in names)


def _check_sizes(path: Path, parts: Sequence[zipfile.ZipInfo]) -> None:
    if len(parts) > _MOST_PARTS:
        raise fault(path, 0, f"a workbook of more than {_MOST_PARTS:,} parts; save the table as CSV")
    if any(part.flag_bits & 1 for part in parts):
        raise fault(path, 0, "a workbook with a password; save it without one, or as CSV")
    total = sum(part.file_size for part in parts)
    if total > _MOST_BYTES:
        message = f"the workbook unpacks to {total >> 20:,} MB, more than {_MOST_BYTES >> 20} MB are not read"
        raise fault(path, 0, f"{message}; save the table as CSV")
    for part in parts:
        if part.file_size > _SMALL_PART_BYTES and part.file_size > _MOST_RATIO * max(part.compress_size, 1):
            ratio = part.file_size // max(part.compress_size, 1)
            message = f"a part unpacks to {ratio:,} times its size, as made to fill the memory"
            raise fault(path, 0, f"{message}; save the table as CSV", quote(part.filename))


def _scan(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, *, sheet: bool) -> bool:
    """Return whether a part holds formulas; refuse a document type, which no workbook has."""
    with archive.open(part) as stream:
        for data in _overlapping(iter(lambda: stream.read(_CHUNK_BYTES), b"")):
            if _DOCTYPE.search(data):
                raise fault(
                    path, 0, "a part declares XML entities, which no workbook needs", quote(part.filename)
                )
            if sheet and _FORMULA.search(data):
                return True
            if not sheet:
                # a document type stands before the first element
                return False
    return False


def _overlapping(chunks: Iterable[bytes]) -> Iterator[bytes]:
    tail = b""
    for chunk in chunks:
        yield tail + chunk
        tail = chunk[-64:]


def _trimmed(values: Sequence[Any]) -> list[str]:
    texts = [_text(value) for value in values]
    while texts and not texts[-1].strip():
        texts.pop()
    return texts


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time(0)
        return value.date().isoformat() if midnight else value.isoformat(" ")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
