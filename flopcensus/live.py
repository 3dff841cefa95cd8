"""A run as it goes, on stderr: what runs now, the figures so far, and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from flopcensus.output import percent, si

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bench.progress import Progress, ProgressEvent

# What the lines around the table of figures take.
_OTHER_LINES = 6


@contextmanager
def progress_on_stderr() -> Iterator[Progress]:
    """A live table where stderr is a terminal, else a line for each result."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    if not console.is_terminal:
        yield lambda event: _print_event(event, partial(console.print, soft_wrap=True))
        return
    from rich.live import Live

    view = LiveView(console)
    with Live(get_renderable=view.render, console=console, transient=True, refresh_per_second=4) as live:

        def show(event: ProgressEvent) -> None:
            view.take(event)
            if event.kind in ("warning", "record", "device"):
                _print_event(event, partial(live.console.print, soft_wrap=True))

        yield show


class LiveView:
    """The figures so far, the newest last.

    Args:
        console: Tells how many lines there are.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._now = "starting"
        self._done, self._seconds_left = 0.0, 0.0
        self._figures: dict[str, tuple[str, str, str, str]] = {}

    def take(self, event: ProgressEvent) -> None:
        """Take in what happened."""
        self._done, self._seconds_left = event.fraction_done, event.seconds_left
        self._now = event.message
        label = event.message.partition(":")[0]
        if event.kind in ("round", "result") and event.value is not None and event.unit is not None:
            # The newest last: a table that is too long loses its oldest lines.
            self._figures.pop(label, None)
            value = si(event.value, event.unit, 4)
            state = "done" if event.kind == "result" else event.message.partition(": ")[2]
            self._figures[label] = (label, value, _plus_minus(event.value, event.ci95), state)

    def render(self) -> RenderableType:
        """The bar, what runs, and the figures."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for name, justify in (("", "left"), ("so far", "right"), ("95 % interval", "left"), ("", "left")):
            table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
        room = max(1, self._console.size.height - _OTHER_LINES)
        for row in list(self._figures.values())[-room:]:
            table.add_row(*(Text(cell) for cell in row))
        left = Text(f"{self._done:4.0%}  {self._seconds_left:.0f} s left  {self._now}", overflow="ellipsis")
        return Group(ProgressBar(total=1.0, completed=self._done, width=40), left, table)


def _print_event(event: ProgressEvent, write: Callable[[str], None]) -> None:
    if event.kind == "warning":
        write(f"warning: {event.message}")
    elif event.kind == "record":
        write(event.message)
    elif event.kind not in ("round", "working"):
        write(f"{_line(event)}  ({event.seconds_left:.0f} s left)")


def _line(event: ProgressEvent) -> str:
    if event.value is None or event.unit is None:
        return event.message
    return (
        f"{event.message}  {si(event.value, event.unit, 4)} {_plus_minus(event.value, event.ci95)}".rstrip()
    )


def _plus_minus(value: float, ci95: tuple[float, float] | None) -> str:
    if ci95 is None:
        return ""
    low, high = ci95
    return f"(−{percent(1 - low / value)} +{percent(high / value - 1)})"
