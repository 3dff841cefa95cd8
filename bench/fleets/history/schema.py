"""The columns of a history: a row for each result of each run, in plain types that any Parquet reader takes.

The date (UTC) of a run is not in the files but in the name of their folder, ``date=2026-03-01``, as Hive,
Spark, Trino, Polars, pyarrow and DuckDB read it.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from bench.extras import require_pyarrow

SCHEMA: Final = "flopcensus/history/1"
SCHEMA_VERSION = 1
NOTE: Final = "_schema.json"

Type = Literal["string", "double", "int32", "boolean", "timestamp"]


class Column(NamedTuple):
    """A column: its type, unit and meaning."""

    name: str
    type: Type
    meaning: str
    unit: str | None = None


COLUMNS = (
    Column("node", "string", "Host name."),
    Column("device", "string", "Id of the device within its node: cpu, cuda:0."),
    Column("kind", "string", "cpu, cuda, rocm, xpu or mps."),
    Column("model", "string", "Model name as the device reports it."),
    Column("accelerator", "string", "Id among the known accelerators."),
    Column("uuid", "string", "What tells one device from another of its model."),
    Column("driver", "string", "Release of the driver."),
    Column("torch", "string", "Release of torch."),
    Column("runtime", "string", "Release of CUDA or ROCm."),
    Column("workload", "string", "What was run."),
    Column("precision", "string", "Number format."),
    Column(
        "size",
        "string",
        "Which of several results of a workload in one run, batch=8; empty where there is one.",
    ),
    Column("shape", "string", "Shape of the problem, m=8192 n=8192 k=8192."),
    Column("metric", "string", "flop_rate, bandwidth, token_rate or call_rate."),
    Column("unit", "string", "Unit of value, ci95, burst, steady and together."),
    Column("status", "string", "ok, failed, skipped, incorrect or implausible."),
    Column("reason", "string", "Why the status is not ok."),
    Column("throttle_reasons", "string", "Every throttle bit that was seen set, with blanks between."),
    Column("mode", "string", "quick, default, full or custom."),
    Column("flopcensus_version", "string", "What wrote the record."),
    Column("run", "string", "Which run: a hash of node, start and seed."),
    Column("content", "string", "Which record of the run: a hash of its file."),
    Column("created", "timestamp", "When the run began, UTC."),
    Column("results", "int32", "Results in the record; of two records of one run the one with more counts."),
    Column("ordinal", "int32", "Place of the result in its record, from 0."),
    Column("interrupted", "boolean", "Whether the user stopped the run before its end."),
    Column("correct", "boolean", "Whether the output was right; null where it was never checked."),
    Column("throttled", "boolean", "Whether the device said that it throttled."),
    Column("value", "double", "Median over rounds.", "that of column unit"),
    Column("ci95_low", "double", "Lower end of its 95 % interval.", "that of column unit"),
    Column("ci95_high", "double", "Upper end of its 95 % interval.", "that of column unit"),
    Column("burst", "double", "Value of the first second.", "that of column unit"),
    Column("steady", "double", "Value of the last half of a long run.", "that of column unit"),
    Column("together", "double", "Value while all devices of the node ran at once.", "that of column unit"),
    Column("fraction_of_peak", "double", "Value ÷ dense spec peak.", "1"),
    Column("clock_mhz", "double", "Median clock.", "MHz"),
    Column("power_w", "double", "Mean power.", "W"),
    Column("temperature_c", "double", "Highest temperature.", "°C"),
)
STRINGS = tuple(one.name for one in COLUMNS if one.type == "string")
# Rows of one device and metric stand together, in the order of time; run and ordinal make the order total.
ORDER = ("node", "device", "model", "workload", "precision", "size", "metric", "created", "run", "ordinal")


def note() -> dict[str, Any]:
    """What stands beside the data for who finds it: columns, types, units, and how to read them."""
    return {
        "schema": SCHEMA,
        "what": "Nightly benchmarks of a fleet: a row for each result of each run on each device.",
        "partitioned_by": {
            "date": "Date (UTC) on which the run began, in the folder's name: date=YYYY-MM-DD."
        },
        "columns": [
            {"name": one.name, "type": one.type, "unit": one.unit, "meaning": one.meaning} for one in COLUMNS
        ],
        "reading": [
            "DuckDB: SELECT * FROM read_parquet('DATASET/*/*.parquet', hive_partitioning = true)",
            "Spark: spark.read.parquet('DATASET')",
            "Polars: polars.scan_parquet('DATASET/**/*.parquet', hive_partitioning=True)",
            "Trino: CREATE TABLE … WITH (format = 'PARQUET', partitioned_by = ARRAY['date'], …)",
        ],
        "files": "Files are never changed. A date has one file, but for a moment while something is added: "
        "then two may hold one run, of which the record with most results counts (then the lowest content).",
    }


def arrow_schema() -> Any:
    """The columns as an Arrow schema; texts as dictionaries, which readers of Parquet see as plain text."""
    pa = require_pyarrow()
    types = {
        "string": pa.dictionary(pa.int32(), pa.string()),
        "double": pa.float64(),
        "int32": pa.int32(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(one.name, types[one.type]) for one in COLUMNS])
