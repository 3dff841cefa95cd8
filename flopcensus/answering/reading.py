"""Values of options, read alike by every command; what cannot be read is an error that names the option."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from pathlib import Path

    from accounting.capacity.calibration import Calibration
    from accounting.quantities import Uncertain
    from accounting.reference.facts import Facts


def read_day(text: str | None, option: str) -> datetime.date:
    """Return the date of an option, today where it is left out. Raises InputError naming the option."""
    from accounting.validation import read_date

    if text is None:
        return today()
    with _naming(option, text):
        return read_date(text)


def today() -> datetime.date:
    """Return the date of today, in this machine's time zone."""
    import datetime

    return datetime.datetime.now().date()


def read_value(text: str, dimension: str, option: str) -> float:
    """Read a quantity without uncertainty, such as ``5448`` or ``20 %``, in the SI unit of its dimension.

    Raises:
        InputError: no quantity of this dimension; the option is named.

    >>> read_value("16k", "count", "--count")
    16000.0
    """
    from accounting.quantities import read_quantity

    with _naming(option, text):
        return read_quantity(text, dimension)


def read_range(text: str, dimension: str, option: str, hint: str = "") -> Uncertain:
    """Read a quantity that may be uncertain, such as ``5 % to 15 %``, in the SI unit of its dimension.

    Args:
        text: what the option says.
        dimension: one of those that `accounting.quantities` knows.
        option: as on the command line, for the error.
        hint: what else the option takes, said at the end of the error.

    Raises:
        InputError: no quantity of this dimension; the option is named.
    """
    from accounting.quantities import read_uncertain

    with _naming(option, text, hint):
        return read_uncertain(text, dimension)


@contextmanager
def _naming(option: str, text: str, hint: str = "") -> Iterator[None]:
    """Turn the error of a reader into one that names the option and shows what it says."""
    from pydantic_core import PydanticCustomError

    from accounting.errors import quote
    from bench.errors import InputError

    try:
        yield
    except PydanticCustomError as error:
        raise InputError(f"{option}: {error.message()} (found {quote(text)}){hint}") from None


def listed(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return words joined by commas, in one text or in several, each once and in their order.

    >>> listed(("bf16,fp8", " bf16")), listed(None)
    (('bf16', 'fp8'), ())
    """
    several = (texts,) if isinstance(texts, str) and texts else texts or ()
    return tuple(dict.fromkeys(word.strip() for text in several for word in text.split(",")))


def require_known(what: str, names: Collection[str], known: Sequence[str]) -> None:
    """Raise UnknownNameError for the first name that is not among those known.

    Args:
        what: what the names are of, for the error: ``precision``.
        names: those asked for.
        known: those there are.
    """
    from accounting.errors import UnknownNameError

    for name in names:
        if name not in known:
            raise UnknownNameError(what, name, known)


def require_precision(name: str) -> None:
    """Raise UnknownNameError for what is no precision."""
    from accounting.reference.accelerators import PRECISIONS

    require_known("precision", (name,), PRECISIONS)


def require_basis(name: str) -> None:
    """Raise UnknownNameError for what is no basis."""
    from accounting.capacity.bases import BASES

    require_known("basis", (name,), BASES)


def read_statuses(texts: str | Sequence[str]) -> frozenset[str]:
    """Return statuses of deployments, joined by commas or in several texts. Raises UnknownNameError."""
    from typing import get_args

    from accounting.census.facilities import Status

    statuses = listed(texts)
    require_known("status", statuses, get_args(Status))
    return frozenset(statuses)


def read_territories(
    names: Sequence[str], group: str | None, facts: Facts, day: datetime.date
) -> frozenset[str]:
    """Return the codes of countries and of a group's members on a day; empty, for everywhere, without both.

    Raises:
        UnknownNameError: no such country or group.
    """
    from accounting.errors import UnknownNameError

    table = facts.names.countries
    codes = {table.resolve(name) for name in names} if table else set()
    if group:
        groups = facts.groups_on(day)
        if group not in groups:
            raise UnknownNameError("group", group, groups)
        codes |= set(groups[group])
    return frozenset(codes)


def calibration_for(bases: Sequence[str], files: Sequence[Path], facts: Facts) -> Calibration:
    """Return the shipped measurements with those of files; none where only peaks are asked for.

    A peak needs no measurement, and reading them takes a tenth of a second. Raises InputError and its kin.
    """
    from accounting.capacity.calibration import Calibration, load_calibration

    if tuple(bases) == ("peak",) and not files:
        return Calibration.of((), facts)
    return load_calibration(facts, files)
