"""One record decoded for a fleet, far faster than `bench.record` does it, and checked alike.

Only the fields that fleets need are read. Whether the others are right, `bench.record.load_record` tells.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from bench.record import SCHEMA, SCHEMA_VERSION, Scalar, Status

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
PositiveInt = Annotated[int, Meta(gt=0)]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_NEWER = re.compile(r"flopcensus/record/(\d{1,9})")
# A record of a node with many devices has some megabytes; what unpacks to more is no record.
MOST_BYTES = 256 * 2**20
# Of fewer rounds nothing is said but their median.
LEAST_ROUNDS = 4


class Unusable(Exception):
    """A file that is no record, with the reason in a few words."""


class Device(Struct, frozen=True, gc=False):
    """What a device is; fields as in `bench.record.DeviceDescription`."""

    id: str
    kind: Literal["cpu", "cuda", "rocm", "xpu", "mps"]
    name: str
    accelerator: str | None = None
    peak: dict[str, Positive] = {}
    memory_bytes: PositiveInt | None = None
    units: int | None = None
    cores_usable: Positive | None = None
    uuid: str | None = None
    driver: str | None = None
    power_limit_w: Positive | None = None
    max_clock_mhz: Positive | None = None
    variant: str | None = None
    details: dict[str, Scalar] = {}


class Round(Struct, frozen=True, gc=False):
    """What disturbed a round."""

    disturbed: str | None = None


class Result(Struct, frozen=True, gc=False):
    """One workload on one device; fields as in `bench.record.Result`.

    ``round_details`` are read only where a record has a disturbed round: they are most of it.
    """

    workload: str
    device: str
    precision: str
    metric: Literal["flop_rate", "bandwidth", "token_rate", "call_rate"]
    unit: Literal["FLOP/s", "B/s", "token/s", "1/s"]
    status: Status
    shape: dict[str, int] = {}
    value: Positive | None = None
    ci95: tuple[Positive, Positive] | None = None
    rounds: list[Positive] = []
    burst: Positive | None = None
    steady: Positive | None = None
    clock_mhz: Positive | None = None
    power_w: Positive | None = None
    temperature_c: float | None = None
    fraction_of_peak: Positive | None = None
    together: Positive | None = None
    correct: bool | None = None
    throttled: bool | None = None
    throttle_reasons: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def calm_rounds(self) -> list[float]:
        """Rounds that nothing disturbed, as far as it is known."""
        return self.rounds


class DisturbedResult(Result, frozen=True, gc=False):
    """A result of a record in which some round was disturbed."""

    round_details: list[Round] = []

    @property
    def calm_rounds(self) -> list[float]:
        """Rounds that nothing disturbed; all of them where too few are left."""
        details = self.round_details
        if not any(one.disturbed for one in details) or len(details) != len(self.rounds):
            return self.rounds
        calm = [value for value, one in zip(self.rounds, details, strict=True) if not one.disturbed]
        return calm if len(calm) >= LEAST_ROUNDS else self.rounds


class FleetRecord(Struct, frozen=True, gc=False):
    """One run on one node; fields as in `bench.record.Record`."""

    node: str
    created: Annotated[datetime, Meta(tz=True)]
    flopcensus_version: str
    mode: Literal["quick", "default", "full", "custom"]
    budget_seconds: Positive
    seed: int
    devices: list[Device]
    environment: dict[str, Scalar]
    results: list[Result]
    schema_: str = msgspec.field(name="schema")
    interrupted: bool = False

    @property
    def run(self) -> tuple[str, datetime, int]:
        """What tells runs apart: node, start and seed."""
        return self.node, self.created, self.seed


class DisturbedRecord(FleetRecord, frozen=True, gc=False):
    """A run in which some round was disturbed."""

    results: list[DisturbedResult]  # type: ignore[assignment]


class _Head(Struct):
    schema_: object = msgspec.field(name="schema", default=None)


_DISTURBED = re.compile(rb'"disturbed"\s*:\s*"')
_DISTURBED_RECORD = msgspec.json.Decoder(DisturbedRecord)
_RECORD = msgspec.json.Decoder(FleetRecord)
_HEAD = msgspec.json.Decoder(_Head)


def decode(data: bytes) -> FleetRecord:
    """Return the record in a file's bytes, gzip or plain.

    Raises:
        Unusable: empty, cut short, binary, not JSON, of another schema or a newer version, or holding what no
            record may; the words say which.
    """
    text = plain(data)
    try:
        record = (_DISTURBED_RECORD if _DISTURBED.search(text) else _RECORD).decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(_why(text, error)) from error
    if record.schema_ != SCHEMA:
        raise Unusable(_other_schema(record.schema_))
    _check(record)
    return record


def plain(data: bytes) -> bytes:
    """Return a file's bytes unpacked, without a byte order mark. Raises Unusable where none are left."""
    if data.startswith(_GZIP):
        data = _unpacked(data)
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        raise Unusable("empty")
    return data


def _unpacked(data: bytes) -> bytes:
    """A gzip file unpacked, of as many members as it has; what follows the last one is passed over.

    Source: RFC 1952, section 2.2.
    """
    text = bytearray()
    while data.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            text += unpacker.decompress(data, MOST_BYTES + 1 - len(text))
        except zlib.error as error:
            raise Unusable(f"not gzip ({error})") from error
        if len(text) > MOST_BYTES:
            raise Unusable(f"unpacks to more than {MOST_BYTES / 2**20:.0f} MiB")
        if not unpacker.eof:
            raise Unusable("cut short (the gzip stream has no end)")
        data = unpacker.unused_data
    return bytes(text)


def _check(record: FleetRecord) -> None:
    """Require what must hold between fields, as the validators of `bench.record` do.

    Raises:
        Unusable: A result is of a device that the record lacks, or contradicts itself; or the run began at no
            moment that can be told in UTC.
    """
    try:
        record.created.astimezone(UTC)
    except OverflowError as error:
        raise Unusable(f"created: {record.created.isoformat()} lies beyond the calendar in UTC") from error
    known = {device.id for device in record.devices}
    for number, result in enumerate(record.results):
        if result.device not in known:
            raise Unusable(f"results.{number}: unknown device {_brief(result.device)}")
        if result.status == "ok":
            if result.value is None or result.ci95 is None:
                raise Unusable(f"results.{number}: status ok needs value and ci95")
        elif not result.reason:
            raise Unusable(f"results.{number}: status {result.status} needs a reason")
        if result.value is not None and result.ci95 is not None:
            low, high = result.ci95
            if not low <= result.value <= high:
                raise Unusable(f"results.{number}: value {result.value:g} lies outside its interval")


def _why(text: bytes, error: Exception) -> str:
    """Why bytes are no record, in words: what they are if not JSON, which schema, else the field at fault."""
    try:
        head = _HEAD.decode(text)
    except msgspec.ValidationError:
        return "not a record (no object)"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return _not_json(text, fault)
    if head.schema_ != SCHEMA:
        return _other_schema(head.schema_)
    return f"not a record: {str(error)[:200]}"


def _not_json(text: bytes, error: Exception) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as fault:
        # a text cut within a character ends in bytes that are no text
        at_end = fault.reason == "unexpected end of data" and b"\x00" not in text
        return "cut short" if at_end else "binary data"
    if b"\x00" in text:
        return "binary data"
    place = re.search(r"byte (\d+)", str(error))
    if "truncated" in str(error) or (place and int(place[1]) >= len(text.rstrip())):
        return "cut short"
    return f"not JSON ({str(error)[:120]})"


def _other_schema(found: object) -> str:
    match = _NEWER.fullmatch(found) if isinstance(found, str) else None
    if match and int(match[1]) > SCHEMA_VERSION:
        return f"record version {match[1]} is newer than {SCHEMA_VERSION}; upgrade flopcensus"
    return f"not a record (schema {_brief(found)})" if found is not None else "not a record (no schema)"


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
