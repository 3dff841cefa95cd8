"""A training run as JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accounting.accounts.account import Quantiles
from accounting.planning.training.choices import Choices, Runs
from accounting.planning.training.question import Outcome, Way
from flopcensus import __version__
from flopcensus.answering.training_run import TrainingAnswer
from flopcensus.documents.parts import quantiles
from flopcensus.output import to_csv

SCHEMA = "flopcensus/training-run/1"
COLUMNS = ("quantity", "unit", "p5", "p50", "p95", "mean")


def document(found: TrainingAnswer) -> dict[str, Any]:
    """Return the answer as plain data; the fields that scripts rely on come first."""
    o, question = found.outcome, found.outcome.question
    return {
        "schema": SCHEMA,
        "flopcensus_version": __version__,
        "on": o.of,
        "flop": quantiles(o.flop),
        "days": quantiles(o.days),
        "chip_hours": quantiles(o.accelerator_hours),
        "energy_j": quantiles(o.energy_j),
        "cost_usd": quantiles(o.cost_usd),
        "cost_parts_usd": {name: quantiles(q) for name, q in o.cost_parts.items()},
        "verdict": {
            "done": o.done,
            "within_days": question.days,
            "probability": o.probability,
            "confidence": question.confidence,
            "fits": o.fits,
        },
        "utilisation": quantiles(o.utilisation),
        "shares": [
            {"name": s.name, **quantiles(s.quantiles), "kind": s.kind, "sources": list(s.sources)}
            for s in o.shares
        ],
        "sites": [_site(one) for one in o.run.sites],
        "candidates": len(o.candidates),
        "left_out": dict(o.left_out),
        "interruptions": {
            "checkpoint_interval_s": quantiles(o.checkpoint_interval_s),
            "between_interruptions_s": quantiles(o.between_interruptions_s),
            "share_lost": quantiles(o.lost_to_interruptions),
            "share_lost_to_checkpoints": quantiles(o.lost_to_checkpoints),
        },
        "model": {
            "parameters": quantiles(o.parameters),
            "tokens": quantiles(o.tokens),
            "largest_parameters": quantiles(o.largest_parameters),
            "compute_optimal": question.parameters is None,
        },
        "ways": [_way(way) for way in o.ways],
        "choices": _choices(found.choices),
        "precision": question.precision,
        "share": question.share,
        "restart": question.recovery,
        "seed": question.seed,
        "draws": question.draws,
        "provenance": _provenance(found),
        "warnings": list(o.warnings),
    }


def csv(found: TrainingAnswer) -> str:
    """Return the main quantities as CSV, a row each with its unit."""
    return to_csv(COLUMNS, quantity_rows(found))


def quantity_rows(found: TrainingAnswer) -> list[dict[str, Any]]:
    """Return the main quantities, each with its unit."""
    return [{"quantity": name, "unit": unit, **quantiles(q)} for name, unit, q in quantities(found.outcome)]


def quantities(o: Outcome) -> Iterator[tuple[str, str, Quantiles]]:
    """Yield the main quantities of a run: name, unit and percentiles."""
    yield "flop", "FLOP", o.flop
    yield "days", "days", o.days
    yield "chip_hours", "chip-hours", o.accelerator_hours
    yield "energy_j", "J", o.energy_j
    yield "cost_usd", "USD", o.cost_usd
    yield "utilisation", "of peak", o.utilisation
    yield "checkpoint_interval_s", "s", o.checkpoint_interval_s
    yield "between_interruptions_s", "s", o.between_interruptions_s
    yield "share_lost_to_interruptions", "of time", o.lost_to_interruptions


def _site(one: Any) -> dict[str, Any]:
    return {
        "id": one.site.id,
        "name": one.site.name,
        "territory": one.site.territory,
        "accelerators": [
            {
                "accelerator": part.batch.accelerator,
                "count": quantiles(Quantiles.of(part.accelerators)),
                "kind": part.batch.kind,
                "utilisation": quantiles(Quantiles.of(part.utilisation.draws)),
            }
            for part in one.parts
        ],
        "useful_flop_per_s": quantiles(Quantiles.of(one.rate)),
        "idle": one.idle,
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "sites": way.sites,
        "accelerators": way.accelerators,
        "days": quantiles(way.days),
        "probability": way.probability,
    }


def _choices(choices: Choices) -> dict[str, Any]:
    def of(runs: Runs | None) -> dict[str, Any] | None:
        if runs is None:
            return None
        return {
            "per_year": quantiles(runs.per_year),
            "at_once": runs.at_once,
            "most_sites": runs.most_sites,
        }

    return {
        "largest_site_flop": quantiles(choices.largest_site_flop),
        "giant": {"flop": quantiles(choices.giant_flop), "sites": choices.giant_sites},
        "many": {"flop": quantiles(choices.many_flop), "sites": choices.many_sites},
        "runs_a_year": {
            "one_after_another": of(choices.one_after_another),
            "side_by_side": of(choices.side_by_side),
        },
    }


def _provenance(found: TrainingAnswer) -> dict[str, Any]:
    rows: dict[str, Any] = {
        name: {"value": known.value.to_plain(), "kind": known.kind, "source": known.source}
        for name, known in found.outcome.provenance.items()
    }
    effect = found.effect
    rows["model_size"] = {
        "value": {
            "offset": effect.offset,
            "offset_sd": effect.offset_sd,
            "log_half_parameters": effect.log_half,
            "log_half_sd": effect.log_half_sd,
            "runs": effect.runs,
        },
        "kind": "derived",
        "source": "configs/planning/training_runs.yaml",
    }
    return rows
