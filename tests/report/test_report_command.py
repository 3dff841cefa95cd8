"""``flopcensus report``: a page from a results file, one clear line from anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click.testing
import pytest

from bench.errors import InputError
from flopcensus.commands.report import command
from flopcensus.report.document import check_results, load_results
from flopcensus.report.page import render


def run(*arguments: str | Path) -> click.testing.Result:
    runner = click.testing.CliRunner()
    return runner.invoke(command, [str(argument) for argument in arguments])


def saved(folder: Path, content: str | bytes | dict[str, Any]) -> Path:
    path = folder / "results.json"
    data = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_a_page_is_written_whole(tmp_path: Path, document: dict[str, Any]) -> None:
    out = tmp_path / "new" / "page.html"
    result = run(saved(tmp_path, document), "-o", out)
    assert result.exit_code == 0, result.output
    assert out.read_text(encoding="utf-8") == render(document)
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]


def test_a_folder_stands_for_its_results_and_the_page_goes_beside_them(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    saved(tmp_path, document)
    result = run(tmp_path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report.html").is_file()
    assert result.stderr.strip() == f"report written to {tmp_path / 'report.html'}"


def test_the_page_never_replaces_its_results(tmp_path: Path, document: dict[str, Any]) -> None:
    path = saved(tmp_path, document)
    result = run(path, "-o", path)
    assert isinstance(result.exception, InputError)
    assert load_results(path) == document


WRONG: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty; give a results.json written by flopcensus run"),
    "binary": (b"\x89PNG\r\n\x1a\n\xff\xfe", "not text but binary data"),
    "broken": ('{"schema": nonsense}', "not JSON (line 1, column 12"),
    "cut short": ('{"schema": "flopcensus/results/1", "study"', "cut short (line 1"),
    "a list": ("[1, 2]", "found a JSON list"),
    "a number": ("42", "found a JSON number"),
    "not a number": ('{"schema": NaN}', "holds NaN, which no results document may"),
    "deep": ("[" * 100_000, "not a results document"),
    "a long integer": ("9" * 5_000, "not a results document"),
    "no schema": ("{}", "no schema, needs 'flopcensus/results/1'"),
    "a census": ('{"schema": "flopcensus/census/1"}', "schema 'flopcensus/census/1', needs"),
    "a record that is none": ('{"schema": "flopcensus/record/1"}', "record.node: Field required"),
    "estimates that are no list": (
        '{"schema": "flopcensus/estimate/1", "estimates": {"a": 1}}',
        "estimates: Input should be",
    ),
    "an odd schema": ('{"schema": {"a": 1}}', "needs 'flopcensus/results/1'"),
    "newer": ('{"schema": "flopcensus/results/2"}', "results version 2 is newer than 1; upgrade flopcensus"),
    "parts missing": ('{"schema": "flopcensus/results/1"}', "Field required"),
}


@pytest.mark.parametrize("name", WRONG)
def test_anything_else_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, expected = WRONG[name]
    path = saved(tmp_path, content)
    result = run(path, "-o", tmp_path / "page.html")
    assert isinstance(result.exception, InputError)
    message = str(result.exception)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert "\n" not in message
    assert len(message) < 400
    assert not (tmp_path / "page.html").exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = run(tmp_path / "nothing.json")
    assert isinstance(result.exception, InputError)
    assert "nothing.json: cannot be read: No such file" in str(result.exception)


def _without_total(document: dict[str, Any]) -> None:
    del document["estimates"][1]["total"]


def _infinite(document: dict[str, Any]) -> None:
    document["estimates"][1]["total"]["p95"] = float("inf")


def _disordered(document: dict[str, Any]) -> None:
    document["estimates"][1]["total"]["p5"] = 1e20


def _negative(document: dict[str, Any]) -> None:
    document["estimates"][0]["provenance"]["reported"] = -0.5


def _mixed_precision(document: dict[str, Any]) -> None:
    document["estimates"][1]["precision"] = "fp8"


def _twice(document: dict[str, Any]) -> None:
    document["estimates"][1]["basis"] = "peak"


def _broken_record(document: dict[str, Any]) -> None:
    document["record"]["results"][0]["device"] = "gpu:7"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_without_total, "estimates.1.total: Field required"),
        (_infinite, "estimates.1.total.p95"),
        (_disordered, "estimates.1.total: percentiles that do not rise from p5 to p95"),
        (_negative, "estimates.0.provenance.reported"),
        (_mixed_precision, "cannot stand side by side: precision bf16 and fp8"),
        (_twice, "a basis that is there twice"),
        (_broken_record, "record"),
    ],
)
def test_a_damaged_document_is_refused_with_the_place(
    document: dict[str, Any], damage: Any, expected: str
) -> None:
    damage(document)
    with pytest.raises(InputError) as caught:
        render(document)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("give a results.json written by flopcensus run")


def test_parts_that_a_later_minor_version_adds_are_left_alone(document: dict[str, Any]) -> None:
    document["new"] = {"anything": 1}
    document["estimates"][0]["new"] = [1]
    assert check_results(document).study.id == "world"


def test_what_run_writes_is_what_the_page_reads() -> None:
    from dataclasses import replace

    from flopcensus.documents.study import study_document
    from flopcensus.studies.findings import answer
    from flopcensus.studies.study import load_study

    study = load_study("world")
    study = replace(study, spec=study.spec.model_copy(update={"draws": 50}))
    document = study_document(answer(study))
    html = render(json.loads(json.dumps(document)))
    assert html.count("<tr>") > len(document["facilities"]) + len(document["measurements"])
    assert study.spec.title in html
