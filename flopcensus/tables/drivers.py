"""What drives the spread, as a tornado table."""

from __future__ import annotations

from accounting.accounts.drivers import Driver, Drivers, VarianceShare
from flopcensus.output import percent, print_table, say, si

_HALF = 12
_SHOWN = 15


def print_drivers(found: Drivers, what: str, unit: str) -> None:
    """Print the inputs of a total, largest first, with what each alone does to it."""
    if not found.drivers:
        say(f"what drives the spread ({what}): nothing, all is stated without uncertainty\n")
        return
    shown = found.drivers[:_SHOWN]
    widest = max(max(found.centre - one.low, one.high - found.centre) for one in shown)
    rows = [
        (
            one.name,
            _share(one.first),
            _share(one.total),
            si(one.low, unit),
            bar(one, found.centre, widest),
            si(one.high, unit),
        )
        for one in shown
    ]
    rest = found.drivers[_SHOWN:]
    if rest:
        total = sum(one.first.value for one in rest)
        rows.append((f"{len(rest)} more", percent(total), "", "", "", ""))
    columns = ("input", "share of variance", "with others", "at its 5 %", "", "at its 95 %")
    print_table(f"what drives the spread ({what})", columns, rows)
    say(
        "Standard errors after ±. At its 5 and 95 %: the total while all other inputs stand at their medians "
        f"({si(found.centre, unit)}).\n"
    )


def _share(share: VarianceShare) -> str:
    return f"{100 * share.value:.1f} ±{100 * share.error:.1f} %"


def bar(one: Driver, centre: float, widest: float) -> str:
    """Draw the effect of an input to the left and right of the centre.

    >>> from accounting.accounts.drivers import Driver, VarianceShare
    >>> nought = VarianceShare(0.0, 0.0)
    >>> bar(Driver("a", "a", 1, nought, nought, 5.0, 20.0), 10.0, 10.0)
    '      ██████│████████████'
    """
    if widest <= 0:
        return " " * _HALF + "│" + " " * _HALF
    left, right = (
        min(_HALF, max(0, round(_HALF * reach / widest))) for reach in (centre - one.low, one.high - centre)
    )
    return " " * (_HALF - left) + "█" * left + "│" + "█" * right + " " * (_HALF - right)
