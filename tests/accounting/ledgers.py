"""Entries and ledgers for the tests of what is written and read again."""

from __future__ import annotations

import datetime

from hypothesis import strategies as st

from accounting.census.ledger import Chips, Entry, Ledger, Owner
from accounting.dimensions import DIMENSIONS
from accounting.quantities import Uncertain, exact, read_uncertain
from accounting.reference.facts import load_facts

FACTS = load_facts()
FOREIGN = {
    "epoch-clusters": "epoch/ai_supercomputers_2025-06-07.csv",
    "epoch-data-centers": "epoch/data_centers_2026-07-18.csv",
    "top500": "top500/TOP500_202506.csv",
}

texts = st.text(min_size=0, max_size=30) | st.sampled_from(
    [
        "=1+1",
        "-5",
        "@x",
        '"quoted"',
        " blank ",
        "NO",
        "1e5",
        "0x1F",
        "~",
        "null",
        "a\nb",
        "a\r\nb",
        "x: y # z",
    ]
)
organisations = st.sampled_from(sorted(FACTS.organisations))
accelerators = st.sampled_from(sorted(FACTS.accelerators))
nations = st.sampled_from([*sorted(FACTS.countries), "EU"])
days = st.dates()
numbers = st.floats(0, 1e100)


@st.composite
def counts(draw: st.DrawFn, dimension: str = "count") -> Uncertain:
    if draw(st.booleans()):
        return exact(draw(numbers), dimension)
    low, best, high = sorted(draw(st.lists(st.floats(1e-3, 1e12), min_size=3, max_size=3, unique=True)))
    unit = DIMENSIONS[dimension].base_unit
    parts = {"low": f"{low!r} {unit}", "best": f"{best!r} {unit}", "high": f"{high!r} {unit}"}
    return read_uncertain({key: part.strip() for key, part in parts.items()}, dimension)


@st.composite
def owners(draw: st.DrawFn) -> tuple[Owner, ...]:
    size = draw(st.integers(1, 4))
    return tuple(
        Owner(draw(st.none() | organisations), draw(st.none() | nations), 1 / size) for _ in range(size)
    )


chips = st.builds(Chips, st.none() | accelerators, st.none() | counts())
VALUES = ("bf16", "h100e", "rmax_fp64")


def entries(identifier: str) -> st.SearchStrategy[Entry]:
    return st.builds(
        Entry,
        id=st.just(identifier),
        facility=texts,
        facility_name=texts,
        territory=st.none() | st.sampled_from(sorted(FACTS.countries)),
        owners=owners(),
        operator=st.none() | organisations,
        sector=st.none() | st.sampled_from(["private", "public", "mixed"]),
        accelerator=st.none() | accelerators,
        vendor=st.none() | organisations | st.just("anonymized"),
        vendor_nation=st.none() | nations,
        count=st.none() | counts(),
        in_service=st.none() | days,
        retired=st.none() | days,
        status=st.sampled_from(["operational", "announced", "retired", "unknown"]),
        kind=st.sampled_from(["measured", "published", "reported", "derived", "assumed"]),
        source=texts,
        values=st.dictionaries(st.sampled_from(VALUES), numbers),
        superseded_by=st.none() | texts,
        duplicate=st.booleans(),
        standard=st.booleans(),
        further_chips=st.lists(chips, max_size=3).map(tuple),
        power=st.none() | counts("power"),
        users=st.none() | st.sampled_from(["researchers", "customers", "own_use"]),
        access=st.just(()) | owners(),
        used_by=st.just(()) | owners(),
        same_as=st.lists(texts, max_size=2).map(tuple),
        part_of=st.none() | texts,
        power_of=st.none() | st.sampled_from(["run", "it", "site"]),
        cost=st.none() | counts("money"),
        cost_of=st.none() | st.sampled_from(["systems", "site"]),
    )


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    ids = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    valued_by = draw(st.sampled_from(["chips", "file"]))
    rows = tuple(draw(entries(identifier)) for identifier in ids)
    return Ledger("any", rows, valued_by, VALUES)  # type: ignore[arg-type]


BASE = Entry(
    id="row-2",
    facility="row-2",
    facility_name="A site",
    territory="FR",
    owners=(Owner("xai", "US", 1.0),),
    operator=None,
    sector="private",
    accelerator="nvidia-h100-sxm",
    vendor="nvidia",
    vendor_nation="US",
    count=exact(100.0),
    in_service=datetime.date(2024, 1, 1),
    retired=None,
    status="operational",
    kind="reported",
    source="https://example.org/a",
)
