"""What a shell completes: ids read off the files line by line, as pressing a key must not take a second."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

# a shell asks again at each key
_ID = re.compile(r"^\s*-\s*\{?\s*(?:id|code):\s*[\"']?([A-Za-z0-9_-]+)")
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _configs() -> Path:
    """Return the folder of shipped configs, as `configs_root` does, without importing pydantic."""
    here = Path(__file__).resolve().parent
    return here / "_configs" if (here / "_configs").is_dir() else here.parent / "configs"


def _ids(place: str) -> Iterator[tuple[str, str]]:
    root = _configs() / place
    for path in sorted(root.rglob("*.yaml")) if root.is_dir() else [root]:
        indent = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := _ID.match(line):
                # entries of the file; ids of what stands in them are further in
                depth = line[: len(line) - len(line.lstrip())]
                indent = indent or depth
                if depth == indent:
                    yield match[1], ""


def _stems(*places: str) -> Iterator[tuple[str, str]]:
    for place in places:
        for path in sorted((_configs() / place).glob("*.yaml")):
            yield path.stem, ""


def _countries() -> Iterator[tuple[str, str]]:
    import csv

    with (_configs() / "countries.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield row["alpha2"], row["name"]


def _workloads() -> Iterator[tuple[str, str]]:
    from bench.workloads import load_workloads

    found = load_workloads()
    yield from ((name, one.summary) for name, one in found.items())
    families = dict.fromkeys(one.family for one in found.values())
    yield from ((family, "family") for family in families if family not in found)
    yield "all", "every workload"


def _schemas() -> Iterator[tuple[str, str]]:
    from flopcensus.schemas import DOCUMENTS, KINDS

    yield from ((name, kind.title) for name, kind in {**KINDS, **DOCUMENTS}.items())


def _completer(source: Callable[[], Iterable[tuple[str, str]]], *, files: bool = False) -> Completer:
    """Complete from a source; the last of several joined by commas; files too where they are taken."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del context, parameter
        before, comma, word = incomplete.rpartition(",")
        folded = word.casefold()
        found = [
            CompletionItem(f"{before}{comma}{name}", help=text or None)
            for name, text in source()
            if name.casefold().startswith(folded)
        ]
        return [*found, CompletionItem(incomplete, type="file")] if files else found

    return complete


# of accounting.census.readers.formats, accounting.accounts.levels and others: tests keep them the same
PREFIXES = ("epoch-clusters", "epoch-data-centers", "top500", "ledger", "fleet")
LEVELS = (
    *("territory", "provider", "owner", "vendor", "vendor_nation", "operator", "operator_nation"),
    *("user", "user_nation", "foundry", "foundry_nation", "memory", "memory_nation", "packaging"),
    *("packaging_nation", "sector", "access", "accelerator", "facility", "deployment"),
)
_BASES = ("peak", "achievable", "sustained", "delivered")
_PRECISIONS = ("fp64", "fp32", "tf32", "bf16", "fp8", "int8", "fp4")


def _words(*words: str) -> Completer:
    return _completer(lambda: [(word, "") for word in words])


_accelerators = _completer(lambda: _ids("accelerators"))
_country_codes = _completer(_countries)
_areas = _completer(lambda: [*_countries(), *_ids("groups.yaml"), ("WORLD", "all countries")])
_clusters = _completer(lambda: _stems("clusters"), files=True)
_scenarios = _completer(lambda: _stems("scenarios"), files=True)
_census_sources = [
    ("shipped", "the shipped census"),
    *((f"{prefix}:", "a file of that form") for prefix in PREFIXES),
]
_census = _completer(lambda: _census_sources, files=True)

# by the name of a parameter; (command, parameter) goes first
COMPLETERS: dict[str | tuple[str, str], Completer] = {
    "accelerator": _accelerators,
    "accelerators": _accelerators,
    "country": _areas,
    "countries": _country_codes,
    "group": _completer(lambda: _ids("groups.yaml")),
    "census": _census,
    "files": _census,
    "clusters": _clusters,
    "config": _clusters,
    "designer": _completer(lambda: _ids("organisations")),
    "firms": _completer(lambda: _ids("organisations")),
    "nations": _country_codes,
    "scenario": _scenarios,
    "study": _completer(lambda: _stems("studies"), files=True),
    "unrecorded": _completer(lambda: _ids("unrecorded")),
    "workloads": _completer(_workloads),
    "levels": _words(*LEVELS),
    "bases": _words(*_BASES),
    "basis": _words(*_BASES),
    "precision": _words(*_PRECISIONS),
    "precisions": _words(*_PRECISIONS),
    ("schema", "name"): _completer(_schemas),
    ("training-run", "on"): _completer(lambda: [*_census_sources[:1], *_stems("clusters")], files=True),
}


def attach(command: click.Command) -> click.Command:
    """Let a command's parameters complete ids; called only while a shell asks."""
    for parameter in command.params:
        known = COMPLETERS.get((str(command.name), str(parameter.name))) or COMPLETERS.get(
            str(parameter.name)
        )
        if known is not None and not isinstance(parameter.type, (click.Choice, click.Path)):
            # as shell_complete= would in each command's file; here one table says what completes what
            parameter._custom_shell_complete = known
    return command
