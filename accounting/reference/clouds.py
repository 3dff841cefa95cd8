"""Public cloud regions: which accelerators a provider offers where. Presence, never capacity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from accounting.reference.facts import Facts
from accounting.reference.names import AcceleratorId, CountryCode, OrganisationId
from accounting.validation import Date, FactModel, Source, Text, load_all, yaml_files


class CloudRegion(FactModel):
    """A region of a public cloud as its provider's pages stand on the day of ``Cloud.date``.

    ``accelerators`` are those offered; ``designers`` are named where the pages say whose accelerators are
    offered and not which. Both empty: the provider's pages offer none there. ``unknown`` says that the pages
    do not tell.
    """

    code: Text = Field(description="the provider's code")
    name: Text | None = None
    territory: CountryCode = Field(description="country that it stands in")
    location: Text | None = Field(None, description="place within the territory, as the provider states it")
    accelerators: tuple[AcceleratorId, ...] = Field((), description="models offered there")
    designers: tuple[OrganisationId, ...] = Field(
        (), description="designers of what is offered, where the pages do not say which models"
    )
    unknown: bool = Field(False, description="whether the pages do not tell what is offered")
    note: Text | None = None

    @model_validator(mode="after")
    def _known_or_not(self) -> CloudRegion:
        if self.unknown and (self.accelerators or self.designers):
            message = "either name what is offered, or state that it is unknown"
            raise PydanticCustomError("unknown", message, {"at": "unknown"})
        return self


class Cloud(FactModel):
    """A provider's regions on one day: a file of ``configs/clouds/``."""

    provider: OrganisationId = Field(description="whose cloud it is")
    date: Date
    sources: tuple[Source, ...]
    note: Text | None = None
    regions: tuple[CloudRegion, ...]

    @model_validator(mode="after")
    def _codes_once(self) -> Cloud:
        codes = [region.code for region in self.regions]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise PydanticCustomError("twice", "a region stands twice", {"at": "regions", "found": twice[0]})
        return self


class CloudFile(FactModel):
    """A file of ``configs/clouds/``."""

    cloud: Cloud


def load_clouds(folder: Path, facts: Facts) -> tuple[Cloud, ...]:
    """Read the clouds of a folder, by provider. Raises InputFaults."""
    files: Sequence[CloudFile] = [
        content for _, content in load_all(yaml_files(folder), CloudFile, facts.names)
    ]
    return tuple(sorted((content.cloud for content in files), key=lambda cloud: cloud.provider))
