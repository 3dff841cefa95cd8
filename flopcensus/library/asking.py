"""From arguments of Python to options of the command line: what both share is checked in one place."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from flopcensus.output import Meter, MeterOf, no_meter

if TYPE_CHECKING:
    import pandas as pd

    from flopcensus.library.bench import BenchRecord
    from flopcensus.library.calibrate import Measurements

# one text, or several
Texts: TypeAlias = str | Iterable[str]
Paths: TypeAlias = str | Path | Iterable[str | Path]
Day: TypeAlias = str | datetime.date
# LEVEL:CODE=SHARE as on the command line, or the same as a mapping
Pairs: TypeAlias = str | Iterable[str] | Mapping[str, float | str]
Evidence: TypeAlias = (
    "str | Path | Measurements | BenchRecord | Iterable[str | Path | Measurements | BenchRecord]"
)

_FRAME = "DataFrame.csv"


def options_of(command: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a command, by the names that its code knows them by.

    Args:
        command: the name of the command.
        given: a value for each option, named as on the command line with ``_`` in place of ``-``.

    Raises:
        InputError: a value that is none of those the option takes.
    """
    from flopcensus.cli import COMMANDS

    known = named_options(importlib.import_module(COMMANDS[command][0]).command)
    return {str(known[name].name): _converted(known[name], name, value) for name, value in given.items()}


@contextmanager
def asked(command: str, given: Mapping[str, Any], calibration: Any) -> Iterator[dict[str, Any]]:
    """Give the options of a command, with the calibration files that hold while they are used.

    Args:
        command: the name of the command.
        given: as for `options_of`.
        calibration: files, or measurements and records in memory.

    Raises:
        InputError: a value that is none of those the option takes.
    """
    options = options_of(command, given)
    with as_files(calibration) as files:
        yield options | {"calibrations": files}


def meter_of(progress: bool) -> MeterOf:
    """Return what shows how far a long piece of work is, or, where nothing is to be shown, nothing."""
    return Meter if progress else no_meter


def without(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a function's arguments but those named, which are no options."""
    return {key: value for key, value in given.items() if key not in names}


def named_options(command: click.Command) -> dict[str, click.Parameter]:
    """Return a command's arguments and options by the names that the library gives them."""
    named: dict[str, click.Parameter] = {}
    for one in command.params:
        longest = max(one.opts, key=len)
        named[longest.lstrip("-").replace("-", "_")] = one
    return named


def _converted(option: click.Parameter, name: str, value: Any) -> Any:
    if getattr(option, "multiple", False) or option.nargs == -1:
        return tuple(_one(option, name, item) for item in _items(value))
    return _one(option, name, value)


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [f"{key}={item}" for key, item in value.items()]
    return [value] if isinstance(value, (str, Path, int, float)) else list(value)


def _one(option: click.Parameter, name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    if isinstance(option.type, click.Choice):
        _check_choice(name, value, [str(choice) for choice in option.type.choices])
    if isinstance(option.type, click.Path):
        return Path(value)
    # IntRange and FloatRange are kinds of these
    if isinstance(option.type, (type(click.INT), type(click.FLOAT))):
        return _number(name, value, whole=isinstance(option.type, type(click.INT)))
    return str(value) if option.type is click.STRING else value


def _number(name: str, value: Any, *, whole: bool) -> float:
    """Return a number; where a whole one is asked for, 1e4 is one too."""
    from accounting.errors import quote
    from bench.errors import InputError

    if isinstance(value, int):
        # as it is: a seed may have more digits than a float
        return value
    try:
        # not of text: "10_000" and "nan" would pass
        number = None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None or (whole and not number.is_integer()):
        raise InputError(f"{name}: must be a {'whole ' if whole else ''}number (found {quote(value)})")
    return int(number) if whole else number


def _check_choice(name: str, value: Any, choices: list[str]) -> None:
    from accounting.errors import nearest, quote
    from bench.errors import InputError

    if value not in choices:
        close = nearest(str(value), choices)
        mend = f"; did you mean {close}?" if close else ""
        raise InputError(f"{name}: must be one of {', '.join(choices)} (found {quote(value)}){mend}")


def is_frame(value: object) -> bool:
    """Whether a value is a pandas DataFrame; pandas is not imported to find out."""
    return any(kind.__name__ == "DataFrame" for kind in type(value).__mro__)


@contextmanager
def as_sources(census: Any) -> Iterator[list[str]]:
    """Give files and prefixes as the command line takes them; DataFrames are written to files for the while.

    Raises:
        InputError: a frame of several lists, which only stand beside each other without their ties.
    """
    import os
    import tempfile
    from dataclasses import replace

    from accounting.errors import InputFaults

    items = [census] if is_frame(census) or isinstance(census, (str, Path)) else list(census or ())
    with tempfile.TemporaryDirectory(prefix="flopcensus-") as folder:
        sources = []
        for number, item in enumerate(items):
            if not is_frame(item):
                sources.append(str(item))
                continue
            path = Path(folder) / (str(number) if number else "") / _FRAME
            path.parent.mkdir(exist_ok=True)
            path.write_text(_frame_csv(item), encoding="utf-8")
            sources.append(str(path))
        try:
            yield sources
        except InputFaults as error:
            # a reader knows the frame, not the file that it was for a while
            faults = (replace(one, file=one.file.removeprefix(f"{folder}{os.sep}")) for one in error.faults)
            raise InputFaults(faults) from None


def _frame_csv(frame: pd.DataFrame) -> str:
    from bench.errors import InputError

    if frame.attrs.get("joined"):
        raise InputError(
            "this frame holds several lists of the same sites, whose ties a frame cannot carry: select its "
            "rows with Census.keep and give that"
        )
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    for name in frame.select_dtypes("bool").columns:
        frame = frame.assign(**{name: frame[name].map({True: "true", False: "false"})})
    return str(frame.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n"))


@contextmanager
def as_files(evidence: Any) -> Iterator[tuple[Path, ...]]:
    """Give calibration files; measurements and records in memory are written to files for the while."""
    import tempfile

    single = isinstance(evidence, (str, Path)) or hasattr(evidence, "save")
    with tempfile.TemporaryDirectory(prefix="flopcensus-") as folder:
        paths = []
        for number, item in enumerate([evidence] if single else list(evidence or ())):
            if isinstance(item, (str, Path)):
                paths.append(Path(item))
                continue
            place = Path(folder) / str(number)
            place.mkdir()
            paths.append(item.save(place / item.file_name))
        yield tuple(paths)
