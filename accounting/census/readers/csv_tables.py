"""CSV as it comes: its encoding and separator found, its records streamed.

UTF-8, UTF-16 with a byte-order mark, and Windows-1252 are read. Windows-1252 gives a meaning to nearly
any byte, so it is taken only where no part of the file is UTF-8; a file of both is refused with the line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from accounting.census.readers.records import Record, fault
from accounting.errors import InputFaults

_CHUNK_BYTES = 1 << 20
_LONGEST_LINE = 4 << 20
_LONGEST_HEADER = 1 << 20
_DELIMITERS = ",;\t|"
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


@dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written; ``skip`` counts lines above the header (Excel's ``sep=;``)."""

    encoding: str
    delimiter: str
    skip: int
    warnings: tuple[str, ...] = ()


def inspect(path: Path) -> CsvForm:
    """Find out how a file is written, reading all of its bytes once.

    Raises:
        InputFaults: NUL bytes, mixed or unknown encodings, a line too long; with the line.
    """
    try:
        encoding, warnings = _encoding(path)
        with path.open(encoding=encoding, newline="") as stream:
            first = stream.readline(_LONGEST_HEADER)
            if match := _SEPARATOR_LINE.fullmatch(first):
                return CsvForm(encoding, match[1], 1, warnings)
            delimiter = _delimiter(first + stream.read(_LONGEST_HEADER))
    except OSError as error:
        raise fault(path, 0, f"cannot be read: {error.strerror}") from None
    return CsvForm(encoding, delimiter, 0, warnings)


def records(path: Path, form: CsvForm) -> Iterator[Record]:
    """Stream the records; blank lines are none.

    Raises:
        InputFaults: a broken quote, a field or line too long; with the line.
    """
    try:
        with path.open(encoding=form.encoding, newline="") as stream:
            for _ in range(form.skip):
                stream.readline(_LONGEST_LINE)
            yield from _parse(path, stream, form)
    except OSError as error:
        raise fault(path, 0, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise fault(path, 0, "changed while it was read; try again") from None


def _parse(path: Path, stream: TextIO, form: CsvForm) -> Iterator[Record]:
    reader = csv.reader(_lines(path, stream, form.skip), delimiter=form.delimiter, strict=True)
    while True:
        line = reader.line_num + form.skip + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(path, line, str(error)) from None
        if values:
            yield Record(line, values)


def _lines(path: Path, stream: TextIO, skipped: int) -> Iterator[str]:
    number = skipped
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise _too_long(path, number)
        yield line


def _broken(path: Path, line: int, error: str) -> InputFaults:
    if "field larger" in error:
        limit = csv.field_size_limit()
        message = f"a cell longer than {limit:,} characters, or a quote that is never closed"
        return fault(path, line, message)
    if "unexpected end" in error:
        return fault(path, line, "a quote opened in this row is never closed")
    if "expected after" in error:
        return fault(path, line, "a quote inside a quoted cell must be doubled")
    return fault(path, line, f"broken CSV: {error}")


def _delimiter(text: str) -> str:
    """Return the separator that stands most often in the header, outside quotes."""
    counts = dict.fromkeys(_DELIMITERS, 0)
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted and any(counts.values()):
            break
        elif character in counts and not quoted:
            counts[character] += 1
    return max(counts, key=lambda delimiter: counts[delimiter])


def _encoding(path: Path) -> tuple[str, tuple[str, ...]]:
    with path.open("rb") as stream:
        head = stream.read(4)
    if head in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE}:
        raise fault(path, 0, "written in UTF-32; save it as UTF-8")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _check_utf16(path)
        return "utf-16", ()
    wrong, multibyte, undefined = _survey(path)
    if wrong is None:
        return "utf-8-sig", ()
    line, byte = wrong
    if multibyte:
        message = "mixed encodings: other parts of the file are UTF-8, this byte is not; save it as UTF-8"
        raise fault(path, line, message, f"byte 0x{byte:02x}")
    if undefined:
        message = "neither UTF-8 nor Windows-1252 text; save it as UTF-8"
        raise fault(path, line, message, f"byte 0x{byte:02x}")
    return "cp1252", (f"{path.name} is not UTF-8 and was read as Windows-1252; look at its accented letters",)


def _check_utf16(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-16")()
    line = 1
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK_BYTES)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                raise fault(path, line, "not UTF-16 from about here on; save it as UTF-8") from None
            if "\0" in text:
                raise _nul(path, line + text.count("\n", 0, text.index("\0")))
            line += text.count("\n")
            if not chunk:
                return


def _survey(path: Path) -> tuple[tuple[int, int] | None, bool, bool]:
    """Return the first (line, byte) not UTF-8, whether any sequence is, whether any is not Windows-1252."""
    wrong: tuple[int, int] | None = None
    multibyte = undefined = False
    line, rest, unbroken = 1, b"", 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            unbroken = 0 if b"\n" in chunk or b"\r" in chunk else unbroken + len(chunk)
            # a character takes up to four bytes; what is left to find is found while reading the lines
            if unbroken > 4 * _LONGEST_LINE:
                raise _too_long(path, line)
            if b"\0" in chunk:
                raise _nul(path, line + (rest + chunk[: chunk.index(b"\0")]).count(b"\n"))
            data = rest + chunk
            # the last bytes wait for the next chunk, since a sequence may be cut
            keep = len(data) - 3 if len(chunk) == _CHUNK_BYTES else len(data)
            multibyte = multibyte or _MULTIBYTE.search(data) is not None
            undefined = undefined or _NOT_1252.search(data) is not None
            if wrong is None:
                try:
                    keep = codecs.utf_8_decode(data, "strict", False)[1]
                except UnicodeDecodeError as error:
                    wrong = line + data.count(b"\n", 0, error.start), data[error.start]
            line += data.count(b"\n", 0, keep)
            rest = data[keep:]
    if rest and wrong is None:
        wrong = line, rest[0]
    return wrong, multibyte, undefined


def _too_long(path: Path, line: int) -> InputFaults:
    return fault(path, line, f"a line longer than {_LONGEST_LINE:,} characters; this is no table")


def _nul(path: Path, line: int) -> InputFaults:
    message = "a NUL byte: the file is damaged, no text, or UTF-16 without its mark; save it as UTF-8"
    return fault(path, line, message)
