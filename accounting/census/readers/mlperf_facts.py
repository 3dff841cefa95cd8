"""What tables of MLPerf results do not say: dates of rounds, sizes of models, precisions of submissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from accounting.errors import InputFaults
from accounting.reference.accelerators import Precision
from accounting.reference.architectures import PositiveFloat
from accounting.reference.shipped import configs_root
from accounting.validation import Date, Fact, FactModel, Text, check_unique, load


class Round(FactModel):
    """A round of results: the name of its repository, its own name, and the day it was published."""

    round: Text = Field(description="name of the repository with its results")
    name: Text
    published: Fact[Date] = Field(description="day that the results came out")


class Model(FactModel):
    """A language model of a benchmark, and what a sample of it is."""

    benchmark: Text = Field(description="the benchmark's name in the tables")
    name: Text
    samples: Literal["tokens", "sequences"] = Field(description="what the tables count as samples")
    parameters: Fact[PositiveFloat] = Field(description="weights of the model")


class Submission(FactModel):
    """The precision that a submitter's runs of one benchmark trained in."""

    round: Text = Field(description="name of the round's repository")
    submitter: Text = Field(description="name as in the tables")
    benchmark: Text = Field(description="the benchmark's name in the tables")
    precision: Fact[Precision] = Field(description="that of the matrix products")


class MlperfFile(FactModel):
    """The file ``configs/mlperf.yaml``."""

    rounds: tuple[Round, ...]
    models: tuple[Model, ...]
    precisions: tuple[Submission, ...]


@dataclass(frozen=True)
class MlperfFacts:
    """Rounds and models by name; precisions by (round, submitter, benchmark)."""

    rounds: Mapping[str, Round]
    models: Mapping[str, Model]
    precisions: Mapping[tuple[str, str, str], Fact[Precision]]


def load_mlperf_facts(path: Path | None = None) -> MlperfFacts:
    """Read the facts from a file, or the shipped ones.

    Raises:
        InputFaults: every fault of the file.
    """
    document, content = load(path or configs_root() / "mlperf.yaml", MlperfFile)
    faults = check_unique(
        [(document, ("rounds", row, "round"), item.round) for row, item in enumerate(content.rounds)], "round"
    )
    faults += check_unique(
        [(document, ("models", row, "benchmark"), item.benchmark) for row, item in enumerate(content.models)],
        "benchmark",
    )
    faults += check_unique(
        [
            (document, ("precisions", row, "round"), f"{item.round}/{item.submitter}/{item.benchmark}")
            for row, item in enumerate(content.precisions)
        ],
        "submission",
    )
    if faults:
        raise InputFaults(faults)
    return MlperfFacts(
        {item.round: item for item in content.rounds},
        {item.benchmark: item for item in content.models},
        {(item.round, item.submitter, item.benchmark): item.precision for item in content.precisions},
    )
