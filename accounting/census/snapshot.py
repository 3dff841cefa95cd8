"""The day that a census describes: the one on which its statuses were true."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from accounting.census.ledger import Ledger

_DAY = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MONTH = re.compile(r"(?<!\d)(20\d{2})(0[1-9]|1[0-2])(?!\d)")


def snapshot_of(ledger: Ledger, today: datetime.date) -> datetime.date:
    """Return the day that a ledger's statuses are of, ``today`` at the latest.

    It is the newest date of a source, or the date in a file's name (a month stands for its first day: the
    lists of June are taken as of the first). Where there is neither, it is the newest date at which anything
    came into service or was retired.
    """
    # a ledger's name may be a folder, or several files joined by commas; where it has no date, None
    stem = Path(ledger.name.rpartition(":")[2]).stem
    stated = ledger.snapshot or day_in(stem) or _month_in(stem)
    if stated is not None:
        return min(stated, today)
    seen = [e.in_service for e in ledger.entries if e.in_service and e.status in {"operational", "retired"}]
    left = [e.retired for e in ledger.entries if e.retired]
    return min(max((day for day in (*seen, *left) if day <= today), default=today), today)


def day_in(text: str) -> datetime.date | None:
    """Return the first YYYY-MM-DD in a text, such as a file's name; None without one, or without such a day.

    >>> day_in("gpu_clusters_2026-04-24"), day_in("gpu_clusters_2026-13-45")
    (datetime.date(2026, 4, 24), None)
    """
    found = _DAY.search(text)
    try:
        return datetime.date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _month_in(text: str) -> datetime.date | None:
    found = _MONTH.search(text)
    return datetime.date(int(found[1]), int(found[2]), 1) if found else None
