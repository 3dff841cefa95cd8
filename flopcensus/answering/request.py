"""What the options of an estimate ask for: dates, statuses, bases, levels, countries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounting.accounts.estimate import Request
    from accounting.reference.facts import Facts

BASES = ("peak", "achievable", "sustained", "delivered")


def request_of(options: dict[str, Any], facts: Facts) -> Request:
    """Return what the options of an estimate ask for.

    Raises InputError and its kin for what is no date, status, basis, level, country or group.
    """
    from accounting.accounts.estimate import DEFAULT_BASES, DEFAULT_LEVELS, Request
    from accounting.accounts.levels import read_levels
    from accounting.capacity.bases import FLOW_BASES, MEMORY_BASES
    from flopcensus.answering.reading import read_territories

    selection = _selection(options)
    levels = tuple(dict.fromkeys(read_levels(text) for text in options["levels"]))
    default = {"bytes_per_s": MEMORY_BASES, "flop_per_year": FLOW_BASES}.get(options["unit"], DEFAULT_BASES)
    return Request(
        selection=selection,
        bases=_bases(options["bases"]) or default,
        precision=_precision(options),
        unit=options["unit"],
        levels=levels or DEFAULT_LEVELS,
        countries=read_territories(options["countries"], options["group"], facts, selection.as_of),
        seed=options["seed"],
        draws=options["draws"],
        recipe=options["recipe"],
        sized=options["sized"],
        drivers=bool(options.get("drivers")),
        joint=options["joint"],
    )


def _selection(options: dict[str, Any]) -> Any:
    from accounting.census.selection import RECIPES, Selection
    from flopcensus.answering.reading import read_day, read_statuses, require_known

    recipe = options["recipe"]
    if recipe is not None:
        require_known("recipe", (recipe,), tuple(RECIPES))
    chosen = dict(RECIPES.get(recipe, {}))
    names = ("since", "subset", "superseded", "duplicates", "unknown")
    chosen |= {name: options[name] for name in names if options[name] is not None}
    return Selection(
        as_of=read_day(options["as_of"] or None, "--as-of"),
        statuses=read_statuses(options["status"] or "operational"),
        with_plans=options["status"] is None,
        since=read_day(chosen["since"], "--since") if chosen.get("since") else None,
        standard_only=chosen.get("subset") == "standard",
        drop_superseded=chosen.get("superseded", "drop") == "drop",
        drop_duplicates=chosen.get("duplicates", "drop") == "drop",
        known_only=chosen.get("unknown") == "drop",
    )


def _bases(texts: tuple[str, ...]) -> tuple[Any, ...]:
    from flopcensus.answering.reading import listed, require_known

    asked = listed(texts)
    require_known("basis", asked, BASES)
    return tuple(basis for basis in BASES if basis in asked)


def _precision(options: dict[str, Any]) -> str:
    from bench.errors import InputError

    if options["precision"] and options["column"]:
        raise InputError("--precision and --column exclude each other")
    if options["unit"] == "bytes_per_s":
        for name in ("precision", "column"):
            if options[name]:
                raise InputError(
                    f"--{name} is about arithmetic, --unit bytes_per_s about memory, which has no precision: "
                    "leave one of them out"
                )
        return "memory"
    return str(options["column"] or options["precision"] or "bf16")


def years_of(text: str) -> tuple[int, int]:
    """Return the first and last year of ``--years``. Raises InputError for what is none."""
    from bench.errors import InputError

    first, _, last = text.partition(":")
    try:
        return int(first), int(last or first)
    except ValueError:
        raise InputError(f"--years: write FIRST:LAST, such as 2019:2030 (found '{text}')") from None
