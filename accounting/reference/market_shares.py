"""Shares of markets that others state of an organisation: never shares of what is located."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from accounting.quantities import Fraction
from accounting.reference.facts import Facts
from accounting.reference.names import OrganisationId
from accounting.validation import Date, FactModel, Kind, Text, Url, load


class MarketShare(FactModel):
    """A share (0 to 1) that a source states, and what it is a share of."""

    organisation: OrganisationId = Field(description="whose share it is")
    of: Text = Field(description="the denominator, such as 'revenue from data-centre GPUs'")
    excludes: Text | None = Field(None, description="what the denominator leaves out")
    value: Fraction = Field(description="0 to 1")
    date: Date
    kind: Kind
    source: Url
    note: Text | None = None


class MarketShareFile(FactModel):
    """The file ``configs/market_shares.yaml``."""

    market_shares: tuple[MarketShare, ...]


def load_market_shares(path: Path, facts: Facts) -> tuple[MarketShare, ...]:
    """Read the shares that others state. Raises InputFaults."""
    return load(path, MarketShareFile, facts.names)[1].market_shares
