"""Organisations: who designs, makes, owns and operates, and which nation ultimately controls them."""

from __future__ import annotations

from typing import Literal

from accounting.reference.names import NationCode
from accounting.validation import Date, FactModel, Id, Text, Url


class Organisation(FactModel):
    """An organisation. ``nation`` is that of the ultimate controlling unit, ``EU`` for EU bodies."""

    id: Id
    name: Text
    aliases: tuple[Text, ...] = ()
    nation: NationCode
    kind: Literal["company", "government", "university", "research", "joint_undertaking", "foundation"]
    source: Url
    date: Date
    note: Text | None = None


class OrganisationFile(FactModel):
    """A file of ``configs/organisations/``."""

    organisations: tuple[Organisation, ...]
