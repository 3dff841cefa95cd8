"""The record: what one benchmark run found on one node, as a versioned JSON document.

Reading a record needs neither torch nor a device. A quantity that nothing could read is null, never 0.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from bench.errors import RecordError
from bench.figures import (
    Exchange,
    Frozen,
    NotNegative,
    PerCall,
    Positive,
    PositiveInt,
    Roofline,
    ScalingPoint,
    Score,
)

SCHEMA: Final = "flopcensus/record/1"
SCHEMA_VERSION = 1
Status = Literal["ok", "failed", "skipped", "incorrect", "implausible"]
Scalar = str | int | float | bool | None
Placement = Literal["near", "far"]


class DeviceDescription(Frozen):
    """What a device is, as far as it tells."""

    id: str = Field(description="Name within the node and on the command line: cpu, cuda:0.")
    kind: Literal["cpu", "cuda", "rocm", "xpu", "mps"] = Field(
        description="What torch drives it with; cuda is NVIDIA's, rocm AMD's."
    )
    name: str = Field(description="Model name as the device reports it.")
    accelerator: str | None = Field(None, description="Id among the known accelerators.")
    peak: dict[str, Positive] = Field(
        default_factory=dict, description="Dense peak from the spec sheet by precision. Unit: FLOP/s."
    )
    memory_bytes: PositiveInt | None = Field(None, description="Total memory. Unit: B.")
    cache_bytes: PositiveInt | None = Field(None, description="Last-level cache, all instances. Unit: B.")
    units: int | None = Field(
        None, description="Physical units: multiprocessors of a GPU, physical cores of a CPU."
    )
    cores_present: int | None = Field(None, description="Logical CPU cores of the node.")
    cores_usable: Positive | None = Field(
        None, description="CPU cores this process may use under affinity and cgroup quota."
    )
    isa: tuple[str, ...] = Field((), description="Instruction sets that matter to matrix products.")
    flop_per_clock: dict[str, Positive] = Field(
        default_factory=dict,
        description="Most that one unit does in one clock by precision, from the architecture. Unit: FLOP.",
    )
    uuid: str | None = Field(None, description="Name of this very device, as its driver gives it.")
    driver: str | None = Field(None, description="Version of the driver.")
    architecture: str | None = Field(None, description="Compute capability or GPU architecture.")
    power_limit_w: Positive | None = Field(None, description="Enforced power limit. Unit: W.")
    max_clock_mhz: Positive | None = Field(None, description="Highest clock reported. Unit: MHz.")
    variant: str | None = Field(
        None,
        description="What makes it less than the whole model: MIG slice, partition, lowered power limit.",
    )
    details: dict[str, Scalar] = Field(
        default_factory=dict, description="Link, ECC, retired pages, NUMA node and the like, as reported."
    )


class RoundDetail(Frozen):
    """What surrounded one round; the values themselves stand in ``Result.rounds``, in the same order."""

    started_seconds: NotNegative = Field(description="Since the run began. Unit: s.")
    process: int = Field(ge=0, description="Which fresh process took it, from 0.")
    sample_count: int = Field(ge=0, description="Timed calls.")
    sample_seconds: NotNegative = Field(description="Time inside timed calls. Unit: s.")
    clock_mhz: Positive | None = Field(None, description="Median clock. Unit: MHz.")
    power_w: Positive | None = Field(None, description="Mean power. Unit: W.")
    temperature_c: float | None = Field(None, description="Highest temperature. Unit: °C.")
    throttle_reasons: tuple[str, ...] = Field((), description="Every throttle bit that was seen set.")
    core_to_core_ns: Positive | None = Field(
        None, description="One way of a cache line between two cores, measured beside the round. Unit: ns."
    )
    placement: Placement | None = Field(
        None, description="Whether the CPU's cores lay on one die or far apart."
    )
    steal_fraction: NotNegative | None = Field(None, description="CPU time the host gave to others.")
    other_load_fraction: NotNegative | None = Field(None, description="CPU time of other processes.")
    disturbed: str | None = Field(None, description="What took the device away from this round, in words.")


class Stratum(Frozen):
    """The rounds that were taken in one placement of the cores."""

    placement: Placement = Field(description="Whether the CPU's cores lay on one die or far apart.")
    rounds: int = Field(gt=0, description="Rounds taken so.")
    value: Positive = Field(description="Median, in the result's unit.")
    ci95: tuple[Positive, Positive] | None = Field(None, description="95 % interval, in the result's unit.")


class Search(Frozen):
    """How the shape and the backend were found."""

    shapes_tried: int = Field(gt=0, description="Shapes that were timed at all.")
    candidates: int = Field(gt=0, description="Shapes times backends to choose from.")
    backends: tuple[str, ...] = Field(description="Libraries that were tried.")
    seconds: NotNegative = Field(description="Time it took. Unit: s.")
    value: Positive | None = Field(
        None,
        description="What the winner gave among the finalists; compare `default_value` with this, not with "
        "the result's value.",
    )
    default_backend: str = Field(description="What torch takes by itself.")
    default_value: Positive | None = Field(
        None,
        description="What torch's default gave at its best shape among the finalists, in the result's unit.",
    )
    default_shape: dict[str, int] = Field(
        default_factory=dict, description="Shape that gave `default_value`."
    )
    finalists: int = Field(0, ge=0, description="Candidates measured again, interleaved, to choose among.")


class TracePoint(Frozen):
    """Meters at one moment of a long run."""

    seconds: NotNegative = Field(description="Since the long run began. Unit: s.")
    value: Positive | None = Field(None, description="Rate around that moment, in the result's unit.")
    clock_mhz: Positive | None = Field(None, description="Clock at that moment. Unit: MHz.")
    power_w: Positive | None = Field(None, description="Power at that moment. Unit: W.")
    temperature_c: float | None = Field(None, description="Temperature at that moment. Unit: °C.")
    throttle_reasons: tuple[str, ...] = Field((), description="Throttle bits set at that moment.")


class Result(Frozen):
    """One workload on one device in one precision."""

    workload: str = Field(description="Name of the workload, as `flopcensus catalogue workloads` lists it.")
    device: str = Field(description="Id of the device within the record.")
    precision: str = Field(description="Number format of the operands.")
    shape: dict[str, int] = Field(
        default_factory=dict, description="Sizes of the operands that were chosen, by name."
    )
    metric: Literal["flop_rate", "bandwidth", "token_rate", "call_rate"] = Field(
        description="What `value` is a rate of: operations, bytes, tokens or calls."
    )
    unit: Literal["FLOP/s", "B/s", "token/s", "1/s"] = Field(description="Unit of `value`.")
    value: Positive | None = Field(None, description="Median over rounds, in `unit`.")
    ci95: tuple[Positive, Positive] | None = Field(None, description="95 % interval, in `unit`.")
    sample_count: int = Field(0, ge=0, description="Timed calls, all rounds.")
    sample_seconds: NotNegative = Field(0.0, description="Time inside timed calls. Unit: s.")
    rounds: tuple[Positive, ...] = Field((), description="Value of each round, in order, in `unit`.")
    settled: bool | None = Field(None, description="Whether the interval is within ±1 %.")
    burst: Positive | None = Field(None, description="Value of the first second, in `unit`.")
    steady: Positive | None = Field(None, description="Value of the last half of a long run, in `unit`.")
    clock_mhz: Positive | None = Field(None, description="Median clock while it ran. Unit: MHz.")
    power_w: Positive | None = Field(None, description="Mean power while it ran. Unit: W.")
    temperature_c: float | None = Field(None, description="Highest while it ran. Unit: °C.")
    energy_j_per_flop: Positive | None = Field(
        None, description="Energy while it ran ÷ operations done. Unit: J/FLOP."
    )
    energy_j_per_token: Positive | None = Field(
        None, description="Energy while it ran ÷ tokens read or made. Unit: J/token."
    )
    energy_source: str | None = Field(
        None,
        description="Counter or meter that the energy comes from; `not available` where none can be read.",
    )
    fraction_of_peak: Positive | None = Field(None, description="Value ÷ dense spec peak.")
    fraction_of_ceiling: Positive | None = Field(
        None, description="Value ÷ the best ceiling measured in the same run and precision."
    )
    fraction_of_matmul: Positive | None = Field(
        None, description="Value ÷ the best matrix product of the same run and precision."
    )
    fraction_of_bandwidth: Positive | None = Field(
        None, description="Bytes per second ÷ the best bandwidth of main memory in the same run."
    )
    per_call: PerCall | None = None
    flop_per_s: Positive | None = Field(None, description="Also what `value` is, in FLOP/s.")
    bytes_per_s: Positive | None = Field(None, description="Also what `value` is, in B/s.")
    tokens_per_s: Positive | None = Field(None, description="Also what `value` is, in token/s.")
    roofline: Roofline | None = None
    exchange: Exchange | None = Field(None, description="Of what several ranks did together.")
    scaling: tuple[ScalingPoint, ...] = Field(
        (), description="The same step on 1, 2, 4, … ranks, where the value is that of all together."
    )
    backend: str | None = Field(None, description="Library that did the work.")
    correct: bool | None = Field(None, description="Whether the output was right; null if never checked.")
    repeatable: bool | None = Field(
        None, description="Whether a repeated call was bitwise equal; null where nothing promises it."
    )
    throttled: bool | None = Field(None, description="Whether the device said it throttled.")
    throttle_reasons: tuple[str, ...] = Field((), description="Every throttle bit that was seen set.")
    round_details: tuple[RoundDetail, ...] = ()
    strata: tuple[Stratum, ...] = Field((), description="By placement of the cores, where it was measured.")
    search: Search | None = None
    together: Positive | None = Field(
        None, description="Value while all devices of the node ran at once, in `unit`."
    )
    trace: tuple[TracePoint, ...] = Field((), description="The long run that burst and steady come from.")
    notes: tuple[str, ...] = Field((), description="What a reader should know of how the value came about.")
    seconds_spent: NotNegative = Field(
        0.0, description="Time taken in all, probe and check included. Unit: s."
    )
    status: Status = Field(description="Whether there is a value that counts; `reason` says why not.")
    reason: str | None = Field(None, description="Why the status is not ok.")

    @model_validator(mode="after")
    def _status_fits_value(self) -> Result:
        if self.status == "ok" and (self.value is None or self.ci95 is None):
            raise ValueError("status ok needs value and ci95")
        if self.status != "ok" and not self.reason:
            raise ValueError(f"status {self.status} needs a reason")
        if self.value is not None and self.ci95 and not self.ci95[0] <= self.value <= self.ci95[1]:
            raise ValueError(f"value {self.value:g} lies outside its interval {self.ci95}")
        return self


class Record(Frozen):
    """One run on one node."""

    schema_: Literal["flopcensus/record/1"] = Field(
        SCHEMA, alias="schema", description="Format of this document, and its version."
    )
    node: str = Field(description="Host name.")
    created: AwareDatetime = Field(description="When the run began, in UTC.")
    flopcensus_version: str = Field(description="Version that measured.")
    mode: Literal["quick", "default", "full", "custom"] = Field(
        description="Budget of time: --quick, the default, --full, or a --time-budget."
    )
    budget_seconds: Positive = Field(description="Time the run was given. Unit: s.")
    seconds_spent: NotNegative = Field(0.0, description="Time the run took. Unit: s.")
    seed: int = Field(description="Seed of the operands and of the order of rounds.")
    interrupted: bool = Field(False, description="Whether the user stopped it before the end.")
    devices: tuple[DeviceDescription, ...]
    environment: dict[str, Scalar] = Field(
        description="Software and settings that figures depend on, by name."
    )
    results: tuple[Result, ...]
    scores: tuple[Score, ...] = Field((), description="By device and precision, for accounting.")

    @model_validator(mode="after")
    def _devices_known(self) -> Record:
        known = {device.id for device in self.devices}
        for result in self.results:
            if result.device not in known:
                raise ValueError(f"result of unknown device {result.device!r}; known: {sorted(known)}")
        return self

    def to_json(self) -> str:
        """The document as indented JSON; NaN and infinity cannot occur in it."""
        data = self.model_dump(mode="json", by_alias=True)
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @property
    def file_name(self) -> str:
        """``record-<node>-<UTC time>.json``, safe on every file system."""
        return f"record-{safe_name(self.node)}-{timestamp(self.created)}.json"


def safe_name(text: str) -> str:
    """The text with everything but letters, digits, dot and dash replaced by a dash."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.") or "node"


def timestamp(moment: datetime) -> str:
    """A moment as ``20260131T235959Z``."""
    return moment.strftime("%Y%m%dT%H%M%SZ")


def load_record(path: Path) -> Record:
    """Read a record.

    Raises:
        RecordError: The file is absent, binary, not JSON, cut short, of another schema or a newer
            version, or holds NaN; the message is one line with the file, the fault and the mend.
    """
    return parse_record(_read_text(path), source=str(path))


def parse_record(text: str, *, source: str) -> Record:
    """Read a record from text; ``source`` names it in errors.

    Raises:
        RecordError: See `load_record`.
    """
    data = _parse_json(text, source)
    _require_schema(data, source)
    try:
        # strict: a number written as text is no number, neither here nor where fleets read records
        return Record.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise RecordError(f"{source}: {describe_faults(error)}; run flopcensus bench again") from error


def describe_faults(error: ValidationError) -> str:
    """The first fault of a validation on one line, and how many more there are."""
    first, *others = error.errors(include_url=False, include_context=False)
    where = ".".join(str(part) for part in first["loc"]) or "record"
    found = f" (found {_brief(first['input'])})" if first["type"] != "missing" else ""
    more = f" and {len(others)} more" if others else ""
    return f"{where}: {first['msg']}{found}{more}"


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{path}: not text but binary data; give a record written by flopcensus bench"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordError(
            f"{path}: cannot be read: {reason}; give a record written by flopcensus bench"
        ) from error


def _parse_json(text: str, source: str) -> Any:
    if not text.strip():
        raise RecordError(f"{source}: empty; give a record written by flopcensus bench")
    try:
        return json.loads(text, parse_constant=lambda constant: _refuse_constant(source, constant))
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        what = "cut short" if at_end else "not JSON"
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise RecordError(f"{source}: {what} ({place}); run flopcensus bench again") from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{source}: not a record ({error}); run flopcensus bench again") from error


def _refuse_constant(source: str, constant: str) -> NoReturn:
    raise RecordError(f"{source}: holds {constant}, which no record may; run flopcensus bench again")


def _require_schema(data: Any, source: str) -> None:
    found = data.get("schema") if isinstance(data, dict) else None
    if found == SCHEMA:
        return
    match = re.fullmatch(r"flopcensus/record/(\d{1,9})", found) if isinstance(found, str) else None
    if match and int(match[1]) > SCHEMA_VERSION:
        raise RecordError(
            f"{source}: record version {match[1]} is newer than {SCHEMA_VERSION}; upgrade flopcensus"
        )
    what = f"schema {_brief(found)}" if found is not None else "no schema"
    raise RecordError(
        f"{source}: not a record ({what}, needs {SCHEMA!r}); give a file written by flopcensus bench"
    )


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
