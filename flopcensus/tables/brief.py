"""The page of one country or group, for people to read in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from accounting.accounts.account import Quantiles
from accounting.accounts.crosstabs import Share
from accounting.accounts.levels import MEANING
from accounting.accounts.nations.brief import Brief
from accounting.accounts.nations.categories import TrainingRule
from accounting.accounts.nations.facility_lines import FacilityLine
from accounting.accounts.nations.targets import Distance
from accounting.reference.facts import Facts
from accounting.reference.names import UNKNOWN
from flopcensus.documents.brief import ACCOUNT_WORDS, changes, grades, name_of, sources_of
from flopcensus.intervals import interval, percents, span
from flopcensus.output import percent, print_table, printable, say, si

_FACILITIES = 8
_NATIONS = 4


def print_brief(brief: Brief, facts: Facts) -> None:
    """Print the page."""
    _print_headline(brief, facts)
    _print_account(brief)
    _print_levels(brief, facts)
    _print_exposures(brief, facts)
    _print_categories(brief, facts)
    _print_facilities(brief, facts)
    _print_targets(brief)
    say("what would change it")
    for one in changes(brief):
        say(f"  - {one['words']}")
    say("\nShares are shares of the mean, intervals 5th to 95th percentiles. Grades: docs/accounts.md.")


def _print_headline(brief: Brief, facts: Facts) -> None:
    request, q = brief.request, brief.national.quantiles()["domestic"]
    grade = grades(brief)["domestic"]
    known = ", ".join(f"{percent(share)} {kind}" for kind, share in brief.kinds.items()) or "nothing"
    spread = "from nought" if grade.spread is None else f"{grade.spread:.1f}-fold from 5th to 95th percentile"
    if q.p5 == q.p95:
        spread = "counts as stated"
    say(f"{name_of(brief, facts)} [{request.code}]: {span(q, brief.unit)}, grade {grade.grade}")
    stated = f"{request.precision} dense {request.basis} {brief.unit}"
    say(f"  {stated}, {request.selection.as_of}, {brief.census}; rests on {known}; {spread}")
    rank = f", number {brief.rank} of {brief.hosts}" if brief.rank else ""
    say(f"  {_share(brief.share_of_world)} of all that is located{rank}{_intensity(brief)}{_demand(brief)}\n")


def _intensity(brief: Brief) -> str:
    parts = ""
    if brief.per_head is not None:
        parts += f"; {_scaled(brief.per_head, 1e6, brief.unit)} per million people"
    if brief.per_gdp is not None:
        parts += f"; {_scaled(brief.per_gdp, 1e9, brief.unit)} per billion dollars of product"
    return parts


def _scaled(q: Quantiles, factor: float, unit: str) -> str:
    value = q.p50 * factor
    return f"{value:,.1f} {unit}" if unit == "H100e" else si(value, unit)


def _demand(brief: Brief) -> str:
    if brief.demand is None:
        return ""
    years = brief.demand.closing
    when = "never" if years.p50 is None else f"in {years.p50:.1f} years"
    return (
        f"\n  against {percent(brief.demand.demand)} of demand, as claimed: gap "
        f"{span(brief.demand.gap, brief.unit)}, closed {when} at current growth "
        f"({percent(years.probability_never)} of draws never)"
    )


def _print_account(brief: Brief) -> None:
    grade, rows = grades(brief), []
    for name, q in brief.national.quantiles().items():
        shown = grade[name].grade if name in grade else ""
        rows.append((ACCOUNT_WORDS[name], si(q.p50, brief.unit), interval(q, brief.unit), shown))
    print_table("domestic and national account", ("", "median", "5 to 95 %", "grade"), rows)


def _print_levels(brief: Brief, facts: Facts) -> None:
    grade, profile = grades(brief), brief.profile
    rows = []
    for level in profile.levels:
        nations = _largest(level.nations, facts)
        mark = " (weakest)" if level.level == profile.weakest else ""
        rows.append(
            (
                f"{MEANING.get(level.level, level.level)}{mark}",
                _share(level.domestic),
                percent(level.unknown.share),
                nations or "none",
                grade[f"domestic_{level.level}"].grade,
            )
        )
    joint = grade["all_levels_domestic"].grade
    rows.append(("at all levels at once", _share(profile.joint), "", "", joint))
    columns = ("level", "domestic", "unknown", "foreign", "grade")
    print_table("whose the capacity on its soil is", columns, rows)
    firms = [(level, _largest(held, facts)) for level, held in brief.firms.items()]
    print_table("firms", ("level", "largest"), firms)


def _largest(held: Mapping[str, Share], facts: Facts) -> str:
    first = list(held.items())[:_NATIONS]
    return ", ".join(f"{facts.label(code)} {percent(share.share)}" for code, share in first)


def _print_exposures(brief: Brief, facts: Facts) -> None:
    rows = [
        (facts.label(e.nation), _share(e.stop_now), _share(e.stop_growth))
        for e in brief.profile.exposures[:_NATIONS]
    ]
    columns = ("one foreign government", "can switch off now", "can stop from growing")
    print_table("exposure (shares of the capacity on its soil)", columns, rows)


def _print_categories(brief: Brief, facts: Facts) -> None:
    if brief.clouds is not None:
        one = brief.clouds
        above = f", at most {one.at_most}" if one.at_most != one.category else ""
        say(
            f"published categories (Hawkins, Lehdonvirta and Wu, 2025): {one.category}{above}; "
            f"{one.alignment} ({one.training} training, {one.inference} other accelerator regions, "
            f"{one.unknown} unknown)"
        )
        say(f"  {TrainingRule().words(facts)}")
    if brief.own is not None:
        own = brief.own
        say(
            f"our categories: its largest site could do {own.run_flop:.0e} FLOP in {own.run_days:.0f} days "
            f"with probability {own.trains:.2f}; half or more home-grown at all levels {own.home_grown:.2f}"
        )
    say("")


def _print_facilities(brief: Brief, facts: Facts) -> None:
    rows = [_facility(line, brief, facts) for line in brief.facilities[:_FACILITIES]]
    rest = len(brief.facilities) - len(rows)
    if rest > 0:
        rows.append((f"{rest} more", "", "", ""))
    columns = ("facility", "median (5 to 95 %)", "share", "owner")
    print_table("facilities, the largest first", columns, rows)
    for line in brief.facilities[:_FACILITIES]:
        say(f"  {printable(line.name)}: {printable(' '.join(sources_of(line)))}")
    say("")


def _facility(line: FacilityLine, brief: Brief, facts: Facts) -> tuple[str, ...]:
    owners = dict.fromkeys(facts.label(o.organisation or UNKNOWN) for e in line.entries for o in e.owners)
    return (
        line.name,
        span(line.capacity, brief.unit),
        percent(line.share.share),
        ", ".join(owners),
    )


def _print_targets(brief: Brief) -> None:
    rows = [_target(one, brief) for one in brief.targets if one.years_left > 0]
    if not rows and not brief.not_comparable:
        return
    columns = ("aim", "by", "of", brief.unit, "reached", "growth needed", "world's", "chance at world's")
    print_table(
        "aims of its programmes against capacity on its soil (all, or the public sector's)", columns, rows
    )
    for name, reason in brief.not_comparable.items():
        say(f"  not set against capacity: {name} {reason}")
    say("")


def _target(one: Distance, brief: Brief) -> tuple[str, ...]:
    needed = f"{one.growth_needed.p50:.2f} a year" if one.growth_needed else "no start"
    if one.reached.p50 >= 1:
        needed = "none"
    elif one.years_left < 1:
        needed = f"{1 / one.reached.p50:.2f}-fold by then" if one.reached.p50 else "no start"
    return (
        f"{one.name}: {one.aim}",
        str(one.by),
        one.counts,
        si(one.target.best, brief.unit),
        percent(one.reached.p50),
        needed,
        f"{one.growth.p50:.2f}",
        f"{one.probability:.2f}",
    )


def _share(share: Share) -> str:
    return f"{percent(share.share)} ({percents(share.p5, share.p95)})"
