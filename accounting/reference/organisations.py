"""Organisations: who designs, makes, owns and operates, and which nation ultimately controls them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.quantities import Fraction
from accounting.reference.names import NationCode
from accounting.validation import Date, FactModel, Id, OtherValue, Source, Text, Url

_SHARE_TOLERANCE = 1e-6


class Stake(FactModel):
    """A share (0 to 1) that an organisation, or a nation's public side, has in another organisation."""

    organisation: Id | None = Field(None, description="id of who holds the share")
    nation: NationCode | None = Field(
        None, description="nation whose public side holds the share, where no organisation is named"
    )
    share: Fraction = Field(description="0 to 1")

    @model_validator(mode="after")
    def _one_holder(self) -> Stake:
        if (self.organisation is None) == (self.nation is None):
            raise PydanticCustomError("holder", "name either an organisation or a nation", {"at": "share"})
        return self


class Organisation(FactModel):
    """An organisation. ``nation`` is that of the ultimate controlling unit, ``EU`` for EU bodies.

    ``parent`` is the organisation that controls it. ``shareholders`` and ``access`` are two different things:
    who owns a joint undertaking, and who may use what share of its machines.
    """

    id: Id
    name: Text
    aliases: tuple[Text, ...] = Field((), description="other names that are taken")
    nation: NationCode = Field(
        description="nation of the ultimate controlling unit, EU for bodies of the Union"
    )
    kind: Literal["company", "government", "university", "research", "joint_undertaking", "foundation"] = (
        Field(description="what sort of body it is")
    )
    source: Url
    date: Date
    parent: Id | None = Field(None, description="id of the organisation that controls it")
    shareholders: tuple[Stake, ...] = ()
    access: tuple[Stake, ...] = ()
    others: tuple[OtherValue, ...] = ()
    sources: tuple[Source, ...] = Field((), description="further sources, for parent and shares")
    note: Text | None = None

    @model_validator(mode="after")
    def _shares_add_up(self) -> Organisation:
        for key in ("shareholders", "access"):
            total = math.fsum(stake.share.best for stake in getattr(self, key))
            if total > 1 + _SHARE_TOLERANCE:
                message = f"the shares of {key} must not add to more than 1"
                raise PydanticCustomError("shares", message, {"at": key, "found": f"{total:g}"})
        return self


class OrganisationFile(FactModel):
    """A file of ``configs/organisations/``."""

    organisations: tuple[Organisation, ...]


def broken_ties(organisations: Mapping[str, Organisation]) -> list[str]:
    """Return what is wrong with parents and stakes: an id nobody has, a parent of another nation, a ring."""
    found = []
    for one in organisations.values():
        held = [stake.organisation for stake in (*one.shareholders, *one.access) if stake.organisation]
        for name in [one.parent, *held] if one.parent else held:
            if name not in organisations:
                found.append(f"{one.id}: unknown organisation '{name}'")
        parent = organisations.get(one.parent or "")
        if parent and parent.nation != one.nation:
            found.append(
                f"{one.id}: controlled by {parent.id} of {parent.nation}, but its nation is {one.nation}"
            )
        if _in_a_ring(one, organisations):
            found.append(f"{one.id}: is its own parent in the end")
    return found


def _in_a_ring(start: Organisation, organisations: Mapping[str, Organisation]) -> bool:
    seen, here = {start.id}, organisations.get(start.parent or "")
    while here is not None:
        if here.id in seen:
            return True
        seen.add(here.id)
        here = organisations.get(here.parent or "")
    return False
