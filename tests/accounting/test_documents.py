"""YAML is read safely, and every value knows where it stands."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from accounting.documents import Position, parse_document, read_document, show_path
from accounting.errors import InputFaults
from accounting.reference.shipped import configs_root
from accounting.validation import yaml_files
from accounting.yaml_data import MAX_DEPTH, OddError, read_plainly
from accounting.yaml_places import read_thoroughly
from tests.fuzz.mutants import mutant

TEXT = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


def faults(text: str) -> list[str]:
    with pytest.raises(InputFaults) as caught:
        parse_document(text, "f.yaml")
    return str(caught.value).splitlines()


def test_norway_is_a_country_and_dates_stay_text() -> None:
    document = parse_document("code: NO\nday: 2022-10-01\nyes: on\nnumber: 1.5e3\nnothing: ~\n", "f.yaml")
    assert document.data == {
        "code": "NO",
        "day": "2022-10-01",
        "yes": "on",
        "number": 1500.0,
        "nothing": None,
    }


def test_a_name_that_no_file_can_have_is_a_fault() -> None:
    with pytest.raises(InputFaults, match="cannot be read: embedded null"):
        read_document(Path("a\0b.yaml"))


def test_positions_count_from_one() -> None:
    document = parse_document("a:\n  - x: 1\n    y: two\n", "f.yaml")
    assert document.position(("a", 0, "y")) == Position(3, 8)
    assert document.position(("a", 0, "y"), key=True) == Position(3, 5)
    assert document.position(("a", 0, "absent")) == Position(2, 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1\nb: *x\n", "anchors are not accepted"),
        ("b: *x\n", "aliases are not accepted"),
        ("a: !!python/object/apply:os.system [id]\n", "tags are not accepted"),
        ("a: !include /etc/passwd\n", "tags are not accepted"),
        ("a: 1\na: 2\n", "duplicate key; it stands already in line 1"),
        ("", "the file is empty"),
        ("  \n\n", "the file is empty"),
        ("- 1\n", "a YAML mapping is expected at the top"),
        ("just text\n", "a YAML mapping is expected at the top"),
        ("a: [1\n", "broken YAML"),
        ("a: 'x\n", "broken YAML"),
        ("a: \x00\n", "a character that YAML forbids"),
        ("a: 1\n---\nb: 2\n", "a second YAML document"),
        ("%YAML 1.1\n---\na: NO\n", "YAML 1.2 is read here"),
        ("? [1]\n: 2\n", "cannot be a key"),
        ("a: " + "9" * 5000, "a number that cannot be read"),
    ],
)
def test_each_fault_is_one_line_with_its_place(text: str, words: str) -> None:
    lines = faults(text)
    assert len(lines) == 1
    assert words in lines[0]
    assert lines[0].startswith("f.yaml")


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "anchors are not accepted" in faults(bomb)[0]


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 3_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_deep_nesting_is_refused(levels: int, opening: str, closing: str) -> None:
    assert "nested deeper" in faults("a: " + opening * levels + closing * levels)[0]


def test_nesting_to_the_limit_is_read() -> None:
    levels = MAX_DEPTH - 1
    assert parse_document("a: " + "[" * levels + "]" * levels, "f.yaml").data["a"] is not None


def test_every_duplicate_key_is_reported() -> None:
    assert len(faults("a: 1\na: 2\nb: {c: 1, c: 2}\n")) == 2


@given(st.dictionaries(TEXT, st.dictionaries(TEXT, st.integers(0, 10**6), min_size=1), min_size=1))
def test_what_is_written_plainly_is_read_back(data: dict[str, dict[str, int]]) -> None:
    text = "".join(
        f'"{key}":\n' + "".join(f'  "{inner}": {value}\n' for inner, value in table.items())
        for key, table in data.items()
    )
    document = parse_document(text, "f.yaml")
    assert document.data == data
    for key, table in data.items():
        for inner, value in table.items():
            at = document.position((key, inner))
            line = text.splitlines()[at.line - 1]
            assert line[at.column - 1 :] == str(value)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        parse_document(text, "f.yaml")
    except InputFaults as error:
        assert all(fault.file == "f.yaml" for fault in error.faults)
        assert "\n" not in str(error.faults[0])


def test_show_path() -> None:
    assert show_path(("facilities", 2, "power")) == "facilities[2].power"


def by_both(text: str) -> tuple[object, object]:
    """Return the data as the quick and the thorough reader have them; "refused" where one takes none."""
    try:
        quick = read_plainly(text)
    except (OddError, ValueError, yaml.YAMLError):
        quick = "refused"
    try:
        thorough = read_thoroughly(text, "f.yaml").root
    except InputFaults:
        thorough = "refused"
    return quick, thorough


def test_the_quick_reader_reads_the_shipped_files_as_the_thorough_one_does() -> None:
    for path in yaml_files(configs_root()):
        quick, thorough = by_both(path.read_text(encoding="utf-8"))
        assert quick == thorough != "refused", path


@pytest.mark.parametrize("seed", range(60))
def test_the_quick_reader_takes_nothing_that_the_thorough_one_refuses(seed: int) -> None:
    rng = random.Random(seed)
    files = [path for path in yaml_files(configs_root()) if path.stat().st_size < 8_000]
    for _ in range(5):
        text = mutant(rng, rng.choice(files).read_bytes()).decode("utf-8", "replace")
        quick, thorough = by_both(text)
        assert quick in ("refused", thorough)


ODD = (
    "NO", "no", "~", "null", "Null", "nULL", "true", "True", "tRUE", "off", "nan", "e5", "''", "'1'",
    "0", "-1", "+1", "007", "0o17", "0x1f", "1.5", ".5", "5.", "1e3", "1_000", "+.5e-3", "-", ".", "+",
    '"true"', "1.2.3", ".inf", "-.Inf", ".nan", ".NaN", "12:30", "2022-10-01", "!x", "!!int", "&a", "*a",
)  # fmt: skip
SCALARS = st.sampled_from(ODD)


@given(st.lists(st.tuples(TEXT | SCALARS, SCALARS), min_size=1, max_size=4))
def test_both_readers_see_one_thing_in_every_scalar(pairs: list[tuple[str, str]]) -> None:
    quick, thorough = by_both("".join(f"{key}: {value}\n" for key, value in pairs))
    assert repr(quick) == repr(thorough)
