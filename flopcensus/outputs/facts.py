"""What commands print of facts (catalogue, shares, export rules, data sheets) and of files they write."""

from __future__ import annotations

from typing import Any, Literal

from flopcensus.outputs.parts import Basis, Day, Document, Known, Precision, Quantiles, maybe, says


class Catalogue(Document):
    """A table of the shipped facts."""

    schema_: Literal["flopcensus/catalogue/1"] = says("form and version of the document", alias="schema")
    table: str = says("which table")
    rows: tuple[dict[str, Any], ...] = says("its rows by column; the data dictionary has the columns")


class Designer(Document):
    """Whose shares they are."""

    code: str = says("id of the organisation")
    name: str = says("name for people")


class ShareOf(Document):
    """A share, and what it is a share of."""

    of: str = says("the denominator")
    excludes: str | None = says("what the denominator leaves out")
    share: float = says("0 to 1")
    p5: float = says("5th percentile")
    p95: float = says("95th percentile")
    date: Day = says("day that it is of")
    kind: Known = says("how it is known")
    source: str = says("where a reader can look it up")


class Shares(Document):
    """A designer's shares of different things."""

    schema_: Literal["flopcensus/shares/1"] = says("form and version of the document", alias="schema")
    designer: Designer = says("whose shares they are")
    shares: tuple[ShareOf, ...] = says("share by share")
    warnings: tuple[str, ...] = says("what a reader should know of the figures")


class RuleVerdict(Document):
    """What an export rule makes of an accelerator."""

    rule: str = says("id of the rule")
    name: str = says("name for people")
    date: Day = says("first day in force")
    until: Day | None = says("last day in force; null while it lasts")
    class_: str = says("class under the rule, or the classes it may be", alias="class")
    means: str = says("what the class entails")
    destinations: str = says("whom the rule reaches")
    citation: str = says("where the rule was published")
    source: str = says("where a reader can look it up")
    note: str | None = says("what a reader should know of it")
    units_under_country_cap: float | None = maybe("accelerators that one country may have in all")
    units_of_low_volume_per_year: float | None = maybe("accelerators that one consignee may have a year")


class ExportControl(Document):
    """What export rules make of one accelerator; not legal advice."""

    schema_: Literal["flopcensus/export-control/1"] = says("form and version of the document", alias="schema")
    accelerator: str = says("id of the accelerator")
    name: str = says("name for people")
    status: str = says("shipping, announced or estimate")
    tpp: float = says("total processing performance: dense TOPS × bit length, the highest over precisions")
    tpp_precision: Precision = says("the precision that gives it")
    performance_density: float | None = says("TPP ÷ die area. Unit: 1/mm²")
    die_area_mm2: float | None = says("area of the compute dies. Unit: mm²")
    interconnect_gb_per_s: float | None = says("bandwidth between accelerators, both directions. Unit: GB/s")
    memory_bandwidth_gb_per_s: float | None = says("bandwidth of the memory. Unit: GB/s")
    data_center: bool = says("whether it is designed or marketed for data centres")
    rules: tuple[RuleVerdict, ...] = says("rule by rule")
    notice: str = says("that this is not legal advice")


class CountryRule(Document):
    """What an export rule makes of the accelerators in a country."""

    rule: str = says("id of the rule")
    in_force: bool = says("whether it is in force on the day")
    reached: bool = says("whether it reaches the country")
    accelerators: float = says("accelerators looked at")
    accelerators_licensed: float = says("those that needed a licence to go there")
    tpp: float = says("total processing performance of all")
    tpp_licensed: float = says("of those that needed a licence")
    cap_used: float | None = says("share of the country's cap that they use, 0 to 1")
    citation: str = says("where the rule was published")


class ExportCountry(Document):
    """What export rules make of the accelerators in a country; not legal advice."""

    schema_: Literal["flopcensus/export-country/1"] = says("form and version of the document", alias="schema")
    country: str = says("ISO 3166 alpha-2")
    on: Day = says("the day")
    rules: tuple[CountryRule, ...] = says("rule by rule")
    notice: str = says("that this is not legal advice")


class Weight(Document):
    """One accelerator in H100e, on paper and as measured."""

    accelerator: str = says("id of the accelerator")
    h100e: dict[Basis, Quantiles] = says("by basis: its rate ÷ that of an H100 SXM")
    kinds: dict[Basis, Known] = says("by basis: how it is known")
    own: dict[Basis, bool] = says("by basis: whether a measurement of its own is behind it")


class ShareMove(Document):
    """A share that differs on paper and as delivered."""

    level: str = says("territory or vendor")
    code: str = says("code of the row")
    name: str = says("name for people")
    peak: float = says("share at peak, 0 to 1")
    delivered: float = says("share of what is delivered, 0 to 1")
    difference: Quantiles = says("delivered - peak, draw by draw")


class BandwidthLine(Document):
    """Memory bandwidth of one accelerator."""

    accelerator: str = says("id of the accelerator")
    peak_bytes_per_s: float = says("by data sheet. Unit: B/s")
    achievable_bytes_per_s: Quantiles | None = says("best stream. Unit: B/s")
    own_measurement: bool = says("whether a measurement of its own is behind it")
    peak_flop_per_byte: float | None = says("peak rate ÷ peak bandwidth. Unit: FLOP/B")


class FlopBesideBytes(Document):
    """A share of rates, and of bandwidths."""

    level: str = says("territory or vendor")
    code: str = says("code of the row")
    name: str = says("name for people")
    peak_flop_per_s: float = says("share of peak rates, 0 to 1")
    peak_bytes_per_s: float = says("share of peak bandwidths, 0 to 1")
    difference: Quantiles = says("bandwidths - rates")


class Paper(Document):
    """Data sheets against measurements."""

    schema_: Literal["flopcensus/paper-against-measured/1"] = says(
        "form and version of the document", alias="schema"
    )
    precision: Precision = says("number format of the operations, dense")
    as_of: Day = says("date that stocks are counted at")
    accelerators: tuple[Weight, ...] = says("accelerator by accelerator")
    shares: tuple[ShareMove, ...] = says("shares on paper and as delivered")
    memory_bandwidth: tuple[BandwidthLine, ...] = says("bandwidths on paper and as measured")
    flop_beside_bytes: tuple[FlopBesideBytes, ...] = says("shares of rates beside shares of bandwidths")


class RowLeftOut(Document):
    """A row that could not be converted."""

    id: str = says("id of the row")
    name: str = says("name for people")
    reason: str = says("why")


class Converted(Document):
    """A census that was written as a file of ours."""

    schema_: Literal["flopcensus/convert/1"] = says("form and version of the document", alias="schema")
    file: str = says("the file read")
    out: str = says("the file written")
    rows: int = says("rows read")
    deployments: int = says("deployments written")
    reasons: dict[str, int] = says("rows left out, by reason")
    left_out: tuple[RowLeftOut, ...] = says("row by row")


class Withheld(Document):
    """A row that is withheld."""

    level: str = says("level of the row")
    code: str = says("code of the row")
    conf_status: Literal["C", "D"] = says("C confidential; D so that another cannot be computed back")
    reason: str = says("why")


class Exported(Document):
    """What an export wrote."""

    schema_: Literal["flopcensus/exported/1"] = says("form and version of the document", alias="schema")
    document: str = says("the document read")
    files: tuple[str, ...] = says("files written")
    rows: int = says("rows written")
    withheld: tuple[Withheld, ...] = says("rows withheld, and why")
    weak: tuple[str, ...] = says("withheld rows that one contributor can work out more closely")


class Column(Document):
    """A column of an export."""

    column: str = says("its name")
    type: str = says("text, number, integer, boolean or date")
    unit: str = says("its unit; blank where it has none")
    meaning: str = says("what stands in it")


class ExportFile(Document):
    """The long table of an export as JSON."""

    schema_: Literal["flopcensus/export/1"] = says("form and version of the document", alias="schema")
    dictionary: tuple[Column, ...] = says("the columns", alias="x-dictionary")
    rows: tuple[dict[str, str | float | bool | None], ...] = says("the rows by column")
