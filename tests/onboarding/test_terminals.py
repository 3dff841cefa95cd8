"""Where people and pipes read: narrow terminals, colour, closed pipes, other encodings, locales and paths."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flopcensus.tabular import lines, table_lines, wide
from tests.cli import in_process

NUMBER = re.compile(r"\d[\d,.]* [kMGTPEZ]?(?:FLOP/s|B/s|W|USD)\b")
_WORDS = st.lists(
    st.sampled_from(
        ["Norway", "[NO]", "2.93 EFLOP/s", "1.78 PFLOP/s to 6.56 EFLOP/s", "100.0 %", "富岳", "as", ""]
    ),
    max_size=4,
).map(" ".join)


@settings(max_examples=40)
@given(st.lists(st.tuples(_WORDS, _WORDS, _WORDS), max_size=4), st.integers(20, 120))
def test_no_figure_is_parted_and_nothing_is_lost(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = ("territory", "median", "5 to 95 %")
    shown = list(table_lines(columns, rows, width))
    whole = [figure for row in rows for cell in row for figure in NUMBER.findall(cell)]
    assert sorted(figure for line in shown for figure in NUMBER.findall(line)) == sorted(whole)
    words = sorted(word for row in rows for cell in row for word in cell.split())
    left = list(words)
    for word in " ".join(shown).split():
        if word in left:
            left.remove(word)
    assert not left
    assert all(wide(line) <= width for line in shown)


@settings(max_examples=20)
@given(st.lists(st.tuples(_WORDS, _WORDS), min_size=1, max_size=5))
def test_a_table_that_fits_is_not_folded(rows: list[tuple[str, str]]) -> None:
    assert len(list(table_lines(("a", "b"), rows, None))) == len(rows) + 1
    assert list(table_lines(("a", "b"), rows, 500)) == list(table_lines(("a", "b"), rows, None))


def test_commands_to_copy_stay_in_one_line() -> None:
    call = "  flopcensus estimate --as-of 2026-06-30 --group EU --basis delivered --unit h100e"
    assert lines(call, 40) == call
    assert lines("  total 2.93 EFLOP/s (1.78 EFLOP/s to 6.56 EFLOP/s)", 30).splitlines() == [
        "  total 2.93 EFLOP/s",
        "    (1.78 EFLOP/s to",
        "    6.56 EFLOP/s)",
    ]


def on_terminal(columns: int, *arguments: str, **environment: str) -> str:
    """What a command writes to a terminal of so many columns."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    set_to = os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"} | environment
    process = subprocess.Popen(
        [sys.executable, "-m", "flopcensus", *arguments],
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env=set_to,
    )
    os.close(follower)
    found = b""
    while True:
        try:
            part = os.read(leader, 65_536)
        except OSError:
            break
        if not part:
            break
        found += part
    os.close(leader)
    assert process.wait(timeout=300) == 0
    return found.decode("utf-8").replace("\r\n", "\n")


def test_forty_columns_break_no_figure() -> None:
    arguments = ("estimate", "--country", "NO", "--basis", "peak", "--draws", "50", "--sold", "none")
    narrow = on_terminal(40, *arguments)
    assert all(len(re.sub(r"\x1b\[\d*m", "", line)) <= 40 for line in narrow.splitlines())
    assert NUMBER.findall(narrow) == NUMBER.findall(in_process(*arguments).stdout) != []


def test_headings_are_bold_unless_no_color_is_set() -> None:
    assert "\x1b[1m" in on_terminal(120, "catalogue", "unrecorded")
    assert "\x1b" not in on_terminal(120, "catalogue", "unrecorded", NO_COLOR="1")


def test_a_pipe_that_closes_ends_quietly() -> None:
    for arguments in (["catalogue", "accelerators"], ["catalogue", "accelerators", "--format", "json"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "flopcensus", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(timeout=300) == 0
        assert not said.replace("one in full: flopcensus catalogue TABLE NAME; all columns and sources: "
                                "--format csv or json", "").strip()  # fmt: skip


# click writes UTF-8 where a stream says ASCII, which nobody means; a code page of Windows is meant
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_signs_that_an_encoding_lacks_do_not_stop_us(encoding: str) -> None:
    def output(*arguments: str) -> bytes:
        return subprocess.run(
            [sys.executable, "-m", "flopcensus", *arguments],
            check=True, capture_output=True, timeout=300, env=os.environ | {"PYTHONIOENCODING": encoding},
        ).stdout  # fmt: skip

    rows = json.loads(
        output("catalogue", "countries", "--format", "json").decode(
            "utf-8" if encoding == "ascii" else encoding
        )
    )["rows"]
    assert json.loads(in_process("catalogue", "countries", "--format", "json").stdout)["rows"] == rows


# as a notebook or a window would that asks for the user's own locale before it calls us
_AT_HOME = """
import locale, sys
locale.setlocale(locale.LC_ALL, "")
print(locale.str(0.5), file=sys.stderr)
from flopcensus.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose numbers have decimal commas; the locale is made where its sources are."""
    folder = tmp_path_factory.mktemp("locale")
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales/de_DE").exists():
        pytest.skip("there is nothing to make a German locale of")
    subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")], check=True, timeout=300
    )
    return {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalogue", "accelerators", "nvidia-h100-sxm"),
        ("estimate", "{golden}/facilities.yaml", "--as-of", "2026-06-30", "--draws", "50"),
        ("estimate", "{golden}/ledger.csv", "--as-of", "2026-06-30", "--draws", "50", "--format", "csv"),
    ],
)
def test_numbers_have_points_where_others_have_commas(
    arguments: tuple[str, ...], german: dict[str, str], repository: Path
) -> None:
    golden = repository / "tests" / "long_life" / "golden" / "0.1"
    words = [word.format(golden=golden) for word in arguments]
    plain, home = (
        subprocess.run(
            [sys.executable, "-c", _AT_HOME, *words],
            check=True, capture_output=True, encoding="utf-8", timeout=300, env=os.environ | settings_of,
        )
        for settings_of in ({"LC_ALL": "C.UTF-8"}, german)
    )  # fmt: skip
    assert (plain.stderr[:3], home.stderr[:3]) == ("0.5", "0,5")
    assert plain.stdout == home.stdout != ""


def test_nothing_asks_the_locale(repository: Path) -> None:
    """Where no German locale can be made, the test above is skipped."""
    for package in ("accounting", "bench", "flopcensus", "kernels"):
        for path in (repository / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\bimport locale\b|\bsetlocale\b|:[<>^,.\d]*n\}", text), path


@pytest.mark.parametrize("path", [r"C:\data\x.csv", "C:/data/x.csv"])
def test_a_drive_is_no_prefix(path: str) -> None:
    """On this side of the drive letter there is no such file, and that is what is said."""
    for command in ("estimate", "lint"):
        for source in (path, f"epoch-clusters:{path}"):
            refused = in_process(command, source)
            assert refused.returncode == 2
            assert path in refused.stderr.replace("\\\\", "\\")
            assert "unknown" not in refused.stderr


def test_a_choice_that_is_none_is_answered_with_the_nearest() -> None:
    assert "Did you mean 'accelerators'?" in in_process("catalogue", "acelerators").stderr
    assert "Did you mean 'h100e'?" in in_process("estimate", "--unit", "h100").stderr
    assert "did you mean nvidia-h100-sxm?" in in_process("export-control", "nvidia-h100").stderr.replace(
        "nvidia-h100-nvl", "nvidia-h100-sxm"
    ).replace("nvidia-h100-pcie", "nvidia-h100-sxm")
    assert "(there are EU, " in in_process("estimate", "--group", "UE").stderr
