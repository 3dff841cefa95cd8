"""What ``flopcensus fleet`` prints, of records and of a history, and ``flopcensus bench diff``."""

from __future__ import annotations

from typing import Literal

from flopcensus.outputs.parts import Day, Document, says


class Likeness(Document):
    """What the devices of a group have in common; null where a record does not tell."""

    kind: str = says("what torch drives them with")
    model: str = says("model as the driver names it")
    memory: str | None = says("memory, two digits of bytes. Unit: B")
    units: int | None = says("multiprocessors, or physical cores")
    cores: float | None = says("CPU cores that may be used")
    power_limit_w: float | None = says("enforced power limit. Unit: W")
    variant: str | None = says("what makes it less than the whole model")
    torch: str | None = says("version of torch, main and minor")
    runtime: str | None = says("version of CUDA or ROCm, main")
    driver: str | None = says("version of the driver, main")
    tuning: tuple[str, ...] = says("environment variables that change speed, NAME=VALUE")


class FleetGroup(Document):
    """Devices that are judged by one another."""

    likeness: Likeness = says("what they have in common")
    devices: int = says("devices of the group")
    nodes: int = says("nodes that they are in")
    learnt: bool = says("whether there are nodes enough to judge by")


class Seen(Document):
    """How many devices of a model were seen."""

    accelerator: str | None = says("id in the catalogue; null where it is not known there")
    model: str = says("model as the driver names it")
    kind: str = says("what torch drives it with")
    count: int = says("devices")


class FleetDevice(Document):
    """A device of a node."""

    id: str = says("name within the node")
    kinds: tuple[str, ...] = says("what is wrong with it, the gravest first")


class FleetNode(Document):
    """A node of the fleet."""

    node: str = says("name of the node")
    sick: bool = says("whether it should be drained")
    kinds: tuple[str, ...] = says("what is wrong with it, the gravest first")
    why: tuple[str, ...] = says("in words, device by device")
    devices: tuple[FleetDevice, ...] = says("its devices")


class Outlier(Document):
    """A device, or a node as a whole, that is out of line."""

    node: str = says("name of the node")
    device: str | None = says("name within the node; null where all its devices are together")
    kind: str = says("what is wrong")
    signal: str = says("what tells it")
    effect: float | None = says("how far off the median: a fraction, or °C for temperature")
    distance: float | None = says("from the median, in robust scales")
    limit: float | None = says("distance from which on it is an outlier")
    chance: float | None = says("that a healthy device lies so far off in this one signal, 0 to 1")
    value: float | None = says("value of the metric, in 'unit'; null where the signal is of several")
    median: float | None = says("median of its peers, in 'unit'")
    unit: str | None = says("unit of value and median")
    words: str = says("what is wrong, in words")


class SetAside(Document):
    """A file that was not taken."""

    file: str = says("the file")
    reason: str = says("why")


class Distribution(Document):
    """How a metric is spread over the devices of a group."""

    group: int = says("place of the group in 'groups', from 0")
    metric: str = says("workload and precision")
    unit: str = says("unit of all values here")
    devices: int = says("devices with a value")
    median: float = says("median over devices")
    spread: float = says("robust standard deviation ÷ median")
    least: float = says("lowest value")
    most: float = says("highest value")
    quantiles: dict[str, float] = says("percentiles over devices, by name")


class Shift(Document):
    """How the whole fleet moved since a baseline."""

    metric: str = says("workload and precision")
    devices: int = says("devices in both")
    ratio: float = says("median of now ÷ then")
    ci95: tuple[float, float] | None = says("its 95 % interval; null with too few devices")
    slower: bool = says("whether it lies below 1 beyond doubt")


class Fleet(Document):
    """A folder of records, judged."""

    schema_: Literal["flopcensus/fleet/1"] = says("form and version of the document", alias="schema")
    anonymised: bool = says("whether names are left out")
    files: int = says("files read")
    records: int = says("records taken")
    first: str | None = says("when the first run began, ISO 8601")
    last: str | None = says("when the last run began, ISO 8601")
    false_alarm_rate: float = says("chance that a fleet without a fault shows any outlier, at most")
    tests: int = says("tests made")
    groups: tuple[FleetGroup, ...] = says("devices that are judged by one another")
    accelerators: tuple[Seen, ...] = says("how many of which model")
    nodes: tuple[FleetNode, ...] = says("node by node")
    outliers: tuple[Outlier, ...] = says("what is out of line")
    set_aside: tuple[SetAside, ...] = says("files that were not taken")
    distributions: tuple[Distribution, ...] = says("how metrics are spread")
    shifts: tuple[Shift, ...] = says("with --baseline: how the fleet moved")
    notes: tuple[str, ...] = says("what a reader should know of the judgement")


class LevelStep(Document):
    """A change of level in a series."""

    date: Day = says("first night at the new level")
    ratio: float = says("new ÷ old level")
    ci95: tuple[float, float] = says("its 95 % interval")


class HistoryFinding(Document):
    """A series whose level changed."""

    node: str = says("name of the node; blank for the median of all devices")
    device: str = says("name within the node; blank for the median of all devices")
    metric: str = says("workload and precision")
    model: str = says("model as the driver names it")
    unit: str = says("unit of before and now")
    steps: tuple[LevelStep, ...] = says("every change found")
    regressed: bool = says("whether a drop has not been made good")
    since: Day | None = says("date of that drop")
    lost: float | None = says("share by which the present level lies below that before the drop")
    lost_ci95: tuple[float, float] | None = says("its 95 % interval")
    before: float | None = says("median before the drop, in 'unit'")
    now: float = says("median at present, in 'unit'")
    chance: float = says("that a series that never changed shows so great a change, 0 to 1")
    relative: bool = says("whether it was judged by its distance from its peers")
    along: tuple[str, ...] = says("what else changed on the device at that time")


class Trend(Document):
    """How a series moved over the whole time."""

    node: str = says("name of the node; blank for the median of all devices")
    device: str = says("name within the node; blank for the median of all devices")
    metric: str = says("workload and precision")
    model: str = says("model as the driver names it")
    unit: str = says("unit of the level")
    devices: int = says("devices behind it")
    nights: int = says("nights with a value")
    level: float = says("median of the last month, in 'unit'")
    per_month: float = says("change in 30 days, as a share")
    ci95: tuple[float, float] = says("its 95 % interval")


class NotOk(Document):
    """Results that were not ok."""

    node: str = says("name of the node")
    device: str = says("name within the node")
    status: str = says("status of the results")
    results: int = says("how many")


class FleetHistory(Document):
    """What a history of nightly runs says."""

    schema_: Literal["flopcensus/fleet-history/1"] = says("form and version of the document", alias="schema")
    history: str = says("folder of the history")
    since: Day | None = says("asked for from this date on")
    node: str | None = says("asked for this node only")
    metric: str | None = says("asked for this metric only")
    first: Day | None = says("first night")
    last: Day | None = says("last night")
    nights: int = says("nights")
    nodes: int = says("nodes")
    series: int = says("series: a device and a metric each")
    judged: int = says("series with nights enough to judge")
    false_alarm_rate: float = says(
        "chance that a history in which nothing changed shows any finding, at most"
    )
    night_correlation: float = says("correlation of neighbouring nights")
    regressed: tuple[HistoryFinding, ...] = says("series that lost speed")
    other_changes: tuple[HistoryFinding, ...] = says("series that changed otherwise")
    trends: tuple[Trend, ...] = says("how series moved over the whole time")
    not_ok: tuple[NotOk, ...] = says("results that were not ok")
    notes: tuple[str, ...] = says("what a reader should know of the findings")


class ResultDifference(Document):
    """One workload in two records."""

    workload: str = says("name of the workload")
    device: str = says("id of the device within the record")
    precision: str = says("number format of the operands")
    unit: str = says("unit of old and new")
    old: float = says("value of the older record")
    new: float = says("value of the newer record")
    ratio: float = says("new ÷ old")
    ci95_low: float = says("lower end of the 95 % interval of the ratio")
    ci95_high: float = says("upper end of it")
    verdict: str = says("faster, slower, same, or cannot tell")
    clock_ratio: float | None = says("new ÷ old clock")
    per_clock_ratio: float | None = says("ratio ÷ clock ratio")


class BenchDifference(Document):
    """Two records compared."""

    schema_: Literal["flopcensus/bench-diff/1"] = says("form and version of the document", alias="schema")
    margin: float = says("differences within ± this count as none")
    differences: tuple[ResultDifference, ...] = says("result by result")
    only_old: tuple[str, ...] = says("results of the older record alone")
    only_new: tuple[str, ...] = says("results of the newer record alone")
