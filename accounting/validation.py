"""From YAML documents to frozen, typed models: every fault of every file reported at once, with its place."""

from __future__ import annotations

import datetime
import re
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError

from accounting.documents import Document, KeyPath, read_document
from accounting.errors import Fault, InputFaults, nearest, quote

ModelT = TypeVar("ModelT", bound=BaseModel)
ValueT = TypeVar("ValueT")

Kind = Literal["measured", "published", "reported", "derived", "assumed"]
# weakest last: a product is known no better than the weakest of its factors
_STRENGTH: tuple[Kind, ...] = ("measured", "published", "reported", "derived", "assumed")
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def weakest(kinds: Iterable[Kind]) -> Kind:
    """Return the kind that a product, or a mixture, of so-known figures has.

    >>> weakest(["published", "assumed", "reported"])
    'assumed'
    """
    return max(kinds, key=_STRENGTH.index)


def read_date(raw: object) -> datetime.date:
    """Read ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; a part left out counts as the first (month, day).

    Raises:
        PydanticCustomError: anything else, or a day that no calendar has.

    >>> read_date("2022-10")
    datetime.date(2022, 10, 1)
    """
    if isinstance(raw, datetime.date):
        return raw
    match = _DATE.fullmatch(str(raw).strip()) if not isinstance(raw, bool) else None
    try:
        if match:
            return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        pass
    raise PydanticCustomError("date", "not a date; write YYYY-MM-DD, YYYY-MM or YYYY", {"found": str(raw)})


# in a JSON Schema: between what a field means and how its type is written
WRITTEN_AS = "; written as "

_DATE_SCHEMA = {
    "description": "YYYY-MM-DD, YYYY-MM or YYYY; a part left out counts as the first",
    "anyOf": [
        {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"},
        {"type": "integer", "minimum": 1000, "maximum": 9999},
    ],
}
Date = Annotated[datetime.date, BeforeValidator(read_date), WithJsonSchema(_DATE_SCHEMA)]


class FactModel(BaseModel):
    """Base of all config models: frozen, unknown keys refused."""

    # a model is built when first used: most commands use few of them
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Make the JSON Schema; a field that says what it means still says how its type is written."""
        made = handler(core_schema)
        properties = handler.resolve_ref_schema(made).get("properties", {})
        for name, field in cls.model_fields.items():
            forms = [one.json_schema for one in field.metadata if isinstance(one, WithJsonSchema)]
            form = str((forms[-1] or {}).get("description", "")) if forms else ""
            if field.description and form:
                said = properties[field.alias or name]
                said["description"] = f"{field.description}{WRITTEN_AS}{form}"
        return made


class Fact(FactModel, Generic[ValueT]):
    """A value with where it comes from."""

    value: ValueT
    kind: Kind = Field(description="how the value is known")
    source: Url = Field(description="where a reader can look it up")
    date: Date = Field(description="when the source was published, or looked at where undated")
    note: Text | None = None


class Source(FactModel):
    """A page, paper or data sheet, and the keys of the entry it stands for.

    ``kind`` says how the page's figures are known: a maker's sheet is ``reported``, somebody's measurement
    ``published``, an analyst's arithmetic ``derived``, an estimate ``assumed``.
    """

    url: Url
    title: Text
    date: Date
    covers: tuple[str, ...] = Field(
        (), description="keys of the entry that it stands for, such as peak or memory"
    )
    kind: Kind = "reported"
    note: Text | None = None


class OtherValue(FactModel):
    """What another source says of the same thing, and why it is not the value used."""

    of: Text = Field(description="the key it speaks of, such as 'peak.bf16' or 'count'")
    value: Text = Field(description="the other value, with its unit, as that source states it")
    source: Url
    date: Date
    why: Text = Field(description="why the other value is used")


def load(path: Path, model: type[ModelT], context: object = None) -> tuple[Document, ModelT]:
    """Read one YAML file as ``model``.

    Raises:
        InputFaults: every fault of the file, each with line, column, what was found and the mend.
    """
    document = read_document(path)
    return document, validate(document, model, context)


def load_all(
    paths: Iterable[Path], model: type[ModelT], context: object = None
) -> list[tuple[Document, ModelT]]:
    """Read many files; the faults of all of them are raised together as one InputFaults."""
    loaded: list[tuple[Document, ModelT]] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            loaded.append(load(path, model, context))
        except InputFaults as error:
            faults.extend(error.faults)
    if faults:
        raise InputFaults(faults)
    return loaded


def validate(document: Document, model: type[ModelT], context: object = None) -> ModelT:
    """Check a document against ``model``. Raises InputFaults with every fault found."""
    try:
        return model.model_validate(document.data, context=context)
    except ValidationError as error:
        details = _without_echoes(error.errors(include_url=False))
        raise InputFaults(_translate(document, model, item) for item in details) from None


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out "too short" where the list is so only because its items have faults of their own."""

    def echoes(item: ErrorDetails) -> bool:
        loc = item["loc"]
        inside = (other["loc"] for other in details if other is not item)
        return item["type"] == "too_short" and any(other[: len(loc)] == loc for other in inside)

    return [item for item in details if not echoes(item)]


def check_unique(items: Iterable[tuple[Document, KeyPath, str]], what: str) -> list[Fault]:
    """Return a fault for each name that stands twice; ``items`` are (document, path, name)."""
    first: dict[str, tuple[Document, KeyPath]] = {}
    faults = []
    for document, path, name in items:
        folded = name.casefold()
        if folded not in first:
            first[folded] = document, path
        else:
            # places are looked up only now: that takes longer than reading the file
            there, place = first[folded]
            message = f"duplicate {what}; it stands already in {there.file}:{there.position(place).line}"
            faults.append(document.fault(path, message, found=quote(name)))
    return faults


def yaml_files(path: Path) -> list[Path]:
    """Return the YAML files of a folder (sorted, subfolders too), or the file itself."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.suffix in {".yaml", ".yml"} and p.is_file())


def _translate(document: Document, model: type[BaseModel], item: ErrorDetails) -> Fault:
    path = _real_path(document.data, item["loc"])
    context = item.get("ctx") or {}
    if at := context.get("at"):
        path = (*path, at)
    kind = item["type"]
    if kind == "extra_forbidden":
        key = str(path[-1])
        suggestion = nearest(key, _keys_at(model, path[:-1]))
        return document.fault(path, "unknown key", found=quote(key), suggestion=suggestion, key=True)
    if kind == "missing":
        key = str(item["loc"][-1])
        return document.fault(path, f"the required key '{key}' is missing")
    found = context.get("found", item["input"])
    shown = "" if isinstance(found, (dict, list)) and len(str(found)) > 80 else quote(found)
    if kind == "literal_error":
        suggestion = nearest(str(found), re.findall(r"'([^']+)'", str(context.get("expected", ""))))
        return document.fault(
            path, f"must be one of {context['expected']}", found=shown, suggestion=suggestion
        )
    message = _PLAIN.get(kind) or _sentence(item["msg"])
    return document.fault(path, message, found=shown, suggestion=str(context.get("suggestion", "")))


_PLAIN = {
    "string_pattern_mismatch": "not of the form asked for here (ids: lower-case words joined by '-'; "
    "sources: a web address)",
    "string_type": "text is expected",
    "model_type": "a mapping is expected",
    "model_attributes_type": "a mapping is expected",
    "list_type": "a list is expected",
    "tuple_type": "a list is expected",
    "dict_type": "a mapping is expected",
}


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _real_path(data: Any, loc: tuple[str | int, ...]) -> KeyPath:
    """Keep the parts of a pydantic location that are keys or indices of the file (unions add others)."""
    path: list[str | int] = []
    for part in loc:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(part)
    return tuple(path)


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that a model takes at ``path``."""
    models = {model}
    for part in path:
        if isinstance(part, int):
            continue
        annotations = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        models = {found for annotation in annotations for found in _models_in(annotation)}
    return sorted({key for m in models for key in m.model_fields})


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {Union, types.UnionType, tuple, list, dict, Annotated}:
        for argument in get_args(annotation):
            yield from _models_in(argument)
