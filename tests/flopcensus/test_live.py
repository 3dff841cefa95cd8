"""What a run shows as it goes, on a terminal and where there is none."""

from __future__ import annotations

import io

from rich.console import Console

from bench.progress import Kind, ProgressEvent
from flopcensus.live import LiveView


def event(kind: Kind, message: str, **more: object) -> ProgressEvent:
    return ProgressEvent(kind, message, 0.25, 45.0, **more)  # type: ignore[arg-type]


def shown(view: LiveView, height: int = 30) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, height=height, force_terminal=False)
    console.print(view.render())
    return out.getvalue()


def test_it_shows_what_runs_the_figures_so_far_and_the_time_left() -> None:
    view = LiveView(Console(width=100, height=30))
    view.take(event("working", "gemm bf16 on cpu: choosing a shape"))
    text = shown(view)
    assert "25%" in text
    assert "45 s left" in text
    assert "gemm bf16 on cpu: choosing a shape" in text
    figure = {"value": 4e11, "unit": "FLOP/s", "ci95": (3.9e11, 4.2e11)}
    view.take(event("round", "gemm bf16 on cpu: round 3", **figure))
    text = shown(view)
    for part in ("400.0 GFLOP/s", "(−2.5 % +5.0 %)", "round 3"):
        assert part in text


def test_a_screen_that_is_too_small_keeps_the_newest() -> None:
    view = LiveView(Console(width=100, height=12))
    for number in range(40):
        view.take(event("round", f"w{number} fp32 on cpu: round 2", value=1e9, unit="B/s", ci95=(9e8, 2e9)))
    text = shown(view, height=12)
    assert "w39" in text
    assert "w0 " not in text
    assert len(text.splitlines()) <= 12


def test_a_name_is_no_markup() -> None:
    view = LiveView(Console(width=100, height=30))
    view.take(event("round", "[bold]gemm on cpu: round 2", value=1e9, unit="B/s"))
    assert "[bold]gemm" in shown(view)
