"""A training run from its options: who runs it, on what, with which assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flopcensus.output import Meter, MeterOf

if TYPE_CHECKING:
    import datetime

    from accounting.planning.training.assumptions import Assumptions
    from accounting.planning.training.choices import Choices
    from accounting.planning.training.question import Outcome, Question
    from accounting.planning.training.sites import Sites
    from accounting.planning.training.spending import Overrides
    from accounting.planning.training.utilisation import SizeEffect
    from accounting.quantities import Uncertain
    from accounting.reference.facts import Facts

_MOST_COUNTED = 1e40


@dataclass(frozen=True)
class TrainingAnswer:
    """An outcome, what else the sites could do, and the effect of model size that both rest on."""

    outcome: Outcome
    choices: Choices
    effect: SizeEffect


def run_training(options: dict[str, Any], meter: MeterOf = Meter) -> TrainingAnswer:
    """Answer the question of the options. Raises InputError and its kin."""
    from accounting.capacity.calibration import load_calibration
    from accounting.planning.training.assumptions import load_published_runs
    from accounting.planning.training.choices import choices
    from accounting.planning.training.run import answer, planner
    from accounting.planning.training.utilisation import size_effect
    from accounting.reference.facts import load_facts

    question = _question(options)
    facts = load_facts(overlays=options["overlays"])
    assumptions = _assumptions(options)
    sites = _sites(options, facts)
    calibration = load_calibration(facts, options["calibrations"])
    effect = size_effect(load_published_runs(facts), calibration, assumptions)
    plan = planner(question, facts, calibration, assumptions, effect, _overrides(options))
    outcome = answer(sites, plan, meter("sites rated"))
    return TrainingAnswer(outcome, choices(outcome.candidates, plan), effect)


def _question(options: dict[str, Any]) -> Question:
    from accounting.planning.training.question import Question
    from flopcensus.answering.reading import require_precision

    require_precision(options["precision"])
    return Question(
        flop=_given(options, "flop"),
        days=options["days"],
        sites=_number_of_sites(options["sites"]),
        share=options["share"],
        parameters=_read(options, "parameters", "count"),
        utilisation=_read(options, "utilisation", "fraction"),
        confidence=options["confidence"],
        recovery=options["restart"],
        precision=options["precision"],
        seed=options["seed"],
        draws=options["draws"],
    )


def _given(options: dict[str, Any], name: str) -> Uncertain:
    """Return a count that is there, or the caller would not ask."""
    from typing import cast

    return cast("Uncertain", _read(options, name, "count"))


def _read(options: dict[str, Any], name: str, dimension: str) -> Uncertain | None:
    from accounting.errors import quote
    from bench.errors import InputError
    from flopcensus.answering.reading import read_range

    text = options[name]
    if text is None:
        return None
    option = f"--{name.replace('_', '-')}"
    found = read_range(text, dimension, option)
    if found.low <= 0:
        raise InputError(f"{option}: must be above 0 (found {quote(text)})")
    # of FLOP, parameters and accelerators there is one at least, and none that a float cannot divide by
    if dimension == "count" and not 1 <= found.low <= found.high <= _MOST_COUNTED:
        raise InputError(f"{option}: must lie between 1 and {_MOST_COUNTED:.0e} (found {quote(text)})")
    return found


def _number_of_sites(text: str) -> Any:
    from bench.errors import InputError

    if text in {"best", "all"}:
        return text
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--sites: write a number, 'best' or 'all' (found '{text}')") from None


def _assumptions(options: dict[str, Any]) -> Assumptions:
    from accounting.planning.known import Known
    from accounting.planning.training.assumptions import load_assumptions

    found = load_assumptions(options["assumptions"])
    link = _read(options, "link", "bandwidth")
    return found if link is None else found.with_values({"bandwidth": Known(link, "assumed", "given")})


def _overrides(options: dict[str, Any]) -> Overrides:
    from accounting.planning.training.assumptions import load_site
    from accounting.planning.training.spending import Overrides

    return Overrides(
        pue=_read(options, "pue", "pue"),
        usd_per_kwh=_read(options, "usd_per_kwh", "ratio"),
        usd_per_accelerator_hour=_read(options, "usd_per_hour", "ratio"),
        site=load_site(options["assumptions"]),
    )


def _sites(options: dict[str, Any], facts: Facts) -> Sites:
    from accounting.planning.training.sites import of_accelerators, of_census, of_cluster
    from bench.errors import InputError
    from flopcensus.answering.reading import read_territories, today

    countries = read_territories(options["countries"], None, facts, today())
    precision, day = options["precision"], _day(options)
    if (options["accelerator"] is None) != (options["count"] is None):
        raise InputError("--accelerator and --count belong together")
    if options["accelerator"] is not None:
        if options["on"] is not None or day is not None:
            raise InputError("--accelerator takes the place of --on and --as-of; leave these out")
        if len(countries) > 1:
            raise InputError("one site stands in one country")
        table = facts.names.accelerators
        name = table.resolve(options["accelerator"]) if table else options["accelerator"]
        place = next(iter(countries), None)
        return of_accelerators(name, _given(options, "count"), place, facts, precision)
    cluster = _cluster(options["on"], facts)
    if cluster is not None:
        if countries - {cluster.territory}:
            raise InputError(f"the cluster {cluster.id} stands in {cluster.territory}")
        return of_cluster(cluster, facts, precision, day)
    from accounting.census.sources import load_census

    ledger = load_census([options["on"]] if options["on"] else [], facts)
    return of_census(ledger, facts, precision, day or today(), countries)


def _cluster(name: str | None, facts: Facts) -> Any:
    """Return the cluster of that id or file, None where the name is not one of a cluster."""
    from accounting.documents import read_document
    from accounting.planning.clusters import load_cluster, shipped_clusters

    if name is None:
        return None
    path = Path(name)
    if path.is_file():
        yaml = path.suffix in {".yaml", ".yml"}
        return load_cluster(name, facts) if yaml and "cluster" in read_document(path).data else None
    return load_cluster(name, facts) if name in shipped_clusters() else None


def _day(options: dict[str, Any]) -> datetime.date | None:
    from flopcensus.answering.reading import read_day

    return read_day(options["as_of"], "--as-of") if options["as_of"] else None
