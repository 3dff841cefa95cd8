"""The data structure definition of the exports, as an SDMX-JSON 2.0 structure message with its code lists.

Schema: https://github.com/sdmx-twg/sdmx-json, structure-message. Lists that grow with the census (areas,
vendors, owners, …) hold the codes that occur and are marked partial.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounting.accounts.levels import MEANING
from flopcensus.exports.codes import CLOSED, CodeIds, dimension_of, list_of

AGENCY, VERSION = "FLOPCENSUS", "2.0.0"
DSD, DATAFLOW, CONCEPTS = "AI_COMPUTE", "AI_COMPUTE", "CS_AI_COMPUTE"
DATAFLOW_REFERENCE = f"{AGENCY}:{DATAFLOW}({VERSION})"
MEASURE, TIME = "OBS_VALUE", "TIME_PERIOD"
_SCHEMA = "https://json.sdmx.org/2.0.0/sdmx-json-structure-schema.json"
# when the definition last changed
_PREPARED = "2026-11-23T00:00:00Z"

_LEVELS = tuple(dimension_of(level) for level in MEANING)
_FURTHER = {
    "BASIS": "What the capacity is stated on",
    "PRECISION": "Number format of the operations",
    "STATISTIC": "Mean or percentile",
    "UNIT_MEASURE": "Unit of measure",
}
DIMENSIONS = (*_LEVELS, *_FURTHER, TIME)
# id → (meaning, data type where it is not coded)
_ATTRIBUTES: Mapping[str, tuple[str, str | None]] = {
    "OBS_STATUS": ("Observation status", None),
    "CONF_STATUS": ("Confidentiality status", None),
    "DECIMALS": ("Digits after the decimal point", "Integer"),
    "UNIT_MULT": ("Power of ten that the value is to be multiplied by", None),
    "N_FACILITIES": ("Facilities behind the figure", "Integer"),
    "N_DEPLOYMENTS": ("Deployments behind the figure", "Integer"),
    "STATUS_COUNTED": ("Statuses of deployments that are counted", "String"),
    "RECIPE": ("Published recipe followed", "String"),
    "CENSUS": ("Census that was valued", "String"),
    "SEED": ("Seed of the draws", "Integer"),
    "DRAWS": ("Number of draws", "Integer"),
    "SOFTWARE_VERSION": ("Version of flopcensus", "String"),
    "METHOD_DIGEST": ("Tells methods apart", "String"),
}
ATTRIBUTES = tuple(_ATTRIBUTES)
_MANDATORY = ("OBS_STATUS", "CONF_STATUS", "DECIMALS", "UNIT_MULT")


def structure_message(ids: CodeIds) -> dict[str, Any]:
    """Return the structure message: code lists, concepts, data structure definition, dataflow."""
    lists = [
        _codelist(name, codes, partial=True)
        for name, codes in (*ids.names.items(), ("CL_PRECISION", ids.precisions))
    ]
    lists += [_codelist(f"CL_{name}", codes, partial=False) for name, codes in CLOSED.items()]
    return {
        "$schema": _SCHEMA,
        "meta": {
            "id": DSD,
            "test": False,
            "schema": _SCHEMA,
            "contentLanguages": ["en"],
            "prepared": _PREPARED,
            "sender": {"id": AGENCY},
        },
        "data": {
            "codelists": lists,
            "conceptSchemes": [_concepts()],
            "dataStructures": [_data_structure()],
            "dataflows": [_dataflow()],
        },
    }


def _maintained(id_: str, name: str) -> dict[str, Any]:
    return {
        "id": id_,
        "name": name,
        "names": {"en": name},
        "version": VERSION,
        "agencyID": AGENCY,
        "isExternalReference": False,
    }


def _codelist(id_: str, codes: Mapping[str, str], *, partial: bool) -> dict[str, Any]:
    items = [{"id": code, "name": name, "names": {"en": name}} for code, name in codes.items()]
    return _maintained(id_, id_.removeprefix("CL_").replace("_", " ").capitalize()) | {
        "isPartial": partial,
        "codes": items,
    }


def _concepts() -> dict[str, Any]:
    named = {dimension_of(level): meaning for level, meaning in MEANING.items()} | _FURTHER
    named |= {TIME: "Day that the stock is counted at", MEASURE: "Capacity, or share of the total"}
    named |= {name: meaning for name, (meaning, _) in _ATTRIBUTES.items()}
    items = [{"id": id_, "name": name, "names": {"en": name}} for id_, name in named.items()]
    return _maintained(CONCEPTS, "Concepts of accounts of AI compute") | {
        "isPartial": False,
        "concepts": items,
    }


def _data_structure() -> dict[str, Any]:
    lists = {dimension_of(level): list_of(level) for level in MEANING}
    lists |= {name: f"CL_{name}" for name in _FURTHER}
    dimensions = [
        _component(name, place) | {"localRepresentation": _coded(lists[name])}
        for place, name in enumerate(DIMENSIONS[:-1], 1)
    ]
    time = _component(TIME) | {"localRepresentation": {"format": {"dataType": "ObservationalTimePeriod"}}}
    measure = _component(MEASURE) | {
        "usage": "mandatory",
        "localRepresentation": {"format": {"dataType": "Double"}},
    }
    components = {
        "dimensionList": {"id": "DimensionDescriptor", "dimensions": dimensions, "timeDimension": time},
        "measureList": {"id": "MeasureDescriptor", "measures": [measure]},
        "attributeList": {
            "id": "AttributeDescriptor",
            "attributes": [_attribute(name) for name in ATTRIBUTES],
        },
    }
    return _maintained(DSD, "Accounts of AI compute") | {"dataStructureComponents": components}


def _component(id_: str, position: int | None = None) -> dict[str, Any]:
    concept = f"urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept={AGENCY}:{CONCEPTS}({VERSION}).{id_}"
    return {"id": id_, "conceptIdentity": concept} | ({"position": position} if position else {})


def _attribute(id_: str) -> dict[str, Any]:
    _, kind = _ATTRIBUTES[id_]
    return _component(id_) | {
        "usage": "mandatory" if id_ in _MANDATORY else "optional",
        "attributeRelationship": {"observation": {}},
        "localRepresentation": {"format": {"dataType": kind}} if kind else _coded(f"CL_{id_}"),
    }


def _coded(codelist: str) -> dict[str, str]:
    return {"enumeration": f"urn:sdmx:org.sdmx.infomodel.codelist.Codelist={AGENCY}:{codelist}({VERSION})"}


def _dataflow() -> dict[str, Any]:
    structure = f"urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure={AGENCY}:{DSD}({VERSION})"
    return _maintained(DATAFLOW, "Accounts of AI compute") | {"structure": structure}
