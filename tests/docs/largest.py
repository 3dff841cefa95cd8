"""The table of docs/largest.md, from the shipped census. ``python -m tests.docs.largest`` writes it anew."""

from __future__ import annotations

import datetime
import re

from accounting.accounts.nations.request import BriefRequest
from accounting.accounts.nations.world import WORLD, World, world
from accounting.capacity.calibration import Calibration
from accounting.census.selection import Selection
from accounting.census.sources import load_census
from accounting.reference.facts import Facts, load_facts
from flopcensus.documents.brief import sources_of
from flopcensus.output import percent
from tests.docs.examples import REPOSITORY

PAGE = REPOSITORY / "docs" / "largest.md"
DAY = datetime.date(2026, 6, 30)
BEGIN, END = "<!-- made by python -m tests.docs.largest -->\n", "<!-- end -->\n"
_REASON = re.compile(r"^- `([a-z0-9-]+)`: (.+(?:\n  .+)*)", re.MULTILINE)


def reviewed(facts: Facts) -> World:
    """Return the page of the world whose largest sites are reviewed: peak, at the day of the review."""
    request = BriefRequest(WORLD, Selection(DAY), basis="peak", draws=2_000)
    return world(load_census([], facts), request, facts, Calibration.of((), facts))


def table(found: World, facts: Facts) -> str:
    """Return the table as Markdown."""
    lines = [
        "| site | owner | accelerators that operate (best counts) | counts known "
        "| H100e at peak, 5 to 95 % | share | sources of the counts |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in found.largest:
        counts: dict[str, float] = {}
        for entry in line.entries:
            if entry.accelerator and entry.count:
                counts[entry.accelerator] = counts.get(entry.accelerator, 0.0) + entry.count.best
        owners = dict.fromkeys(facts.label(str(o.organisation)) for e in line.entries for o in e.owners)
        q = line.capacity
        cells = (
            f"`{line.id}` [{line.territory}]",
            ", ".join(owners),
            ", ".join(f"{count:,.0f} {facts.label(chip)}" for chip, count in counts.items()),
            ", ".join(sorted({entry.kind for entry in line.entries})),
            f"{q.p50:,.0f} ({q.p5:,.0f} to {q.p95:,.0f})",
            percent(line.share.share),
            " ".join(f"<{url}>" for url in sources_of(line)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def shown() -> str:
    """Return the table that the page shows."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def reasons() -> dict[str, str]:
    """Return the reason that the page gives for each site."""
    return dict(_REASON.findall(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    facts = load_facts()
    text = PAGE.read_text(encoding="utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text(head + BEGIN + table(reviewed(facts), facts) + END + tail, encoding="utf-8")
