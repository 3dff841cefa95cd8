"""The first five minutes: starters that run, help with examples, completion, the manual page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from accounting.accounts.levels import LEVELS as REAL_LEVELS
from accounting.capacity.bases import BASES
from accounting.census.readers.formats import READERS
from accounting.reference.accelerators import PRECISIONS
from accounting.reference.facts import load_facts
from flopcensus import completion
from flopcensus.cli import COMMANDS, cli
from flopcensus.manual import manual
from tests.cli import as_process, in_process


def commands() -> list[tuple[str, click.Command]]:
    """Every command and subcommand, by what is typed."""
    context = click.Context(cli)
    found = []
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", one) for sub, one in command.commands.items()]
    return found


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_help_has_an_example_that_its_options_allow(name: str, command: click.Command) -> None:
    shown = in_process(*name.split(), "--help").stdout
    assert re.search(r"^ *Examples?\b.*:$", shown, re.MULTILINE), shown
    calls = re.findall(rf"flopcensus {name}\b([^|&>\n]*)", shown.partition("Example")[2])
    assert calls
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    group = command.commands.values() if isinstance(command, click.Group) else []
    known |= {option for sub in group for one in sub.params for option in one.opts}
    for call in calls:
        used = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", call.partition(" -- ")[0]))
        assert used <= known, used - known


@pytest.mark.parametrize("kind", ["facility", "cluster", "study"])
def test_a_starter_never_overwrites(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.yaml"
    assert in_process("init", kind, cwd=tmp_path).returncode == 0
    made = path.read_text(encoding="utf-8")
    path.write_text("mine", encoding="utf-8")
    refused = in_process("init", kind, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert path.read_text(encoding="utf-8") == "mine"
    assert in_process("init", kind, "--force", cwd=tmp_path).returncode == 0
    assert path.read_text(encoding="utf-8") == made == in_process("init", kind, "-o", "-").stdout
    assert "flopcensus catalogue" in made
    assert "%" in made or "percentile" in made or "YYYY" in made


def test_starters_run(tmp_path: Path) -> None:
    for kind in ("facility", "cluster", "study"):
        in_process("init", kind, cwd=tmp_path)
    clean = in_process("lint", "facility.yaml", cwd=tmp_path)
    assert (clean.returncode, clean.stdout.strip()) == (0, "no findings")
    estimate = in_process("estimate", "facility.yaml", "--draws", "50", cwd=tmp_path)
    assert estimate.returncode == 0
    assert "Norway" in estimate.stdout
    compare = in_process("compare", "cluster.yaml", "hedged", "--draws", "50", cwd=tmp_path)
    assert compare.returncode == 0
    path = tmp_path / "study.yaml"
    text = path.read_text(encoding="utf-8")
    # what is commented out works too, and takes less time
    path.write_text(
        text.replace("draws: 2000", "draws: 50").replace("# census:", "census:"), encoding="utf-8"
    )
    study = in_process("run", "study.yaml", cwd=tmp_path)
    assert study.returncode == 0, study.stderr
    assert (tmp_path / "results" / "my-study" / "report.html").is_file()


def completed(words: str) -> list[str]:
    """What a shell is offered for the last word."""
    from click.shell_completion import ShellComplete

    class Wrapped(click.Group):
        pass

    parts = words.split(" ")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_FLOPCENSUS_COMPLETE", "bash_complete")
        found = ShellComplete(cli, {}, "flopcensus", "_FLOPCENSUS_COMPLETE").get_completions(
            parts[:-1], parts[-1]
        )
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.parametrize(
    ("words", "among"),
    [
        ("est", "estimate"),
        ("estimate --country N", "NO"),
        ("estimate --group E", "EU"),
        ("estimate --by territory,ven", "territory,vendor"),
        ("estimate sh", "shipped"),
        ("decode x --accelerator nvidia-h1", "nvidia-h100-sxm"),
        ("compare all-nvidia he", "hedged"),
        ("plan he", "hedged"),
        ("run w", "world"),
        ("bench --workload ge", "gemm"),
        ("brief W", "WORLD"),
        ("schema cl", "cluster"),
        ("supply-cut us", "us-stops-selling"),
        ("training-run --on nor", "nordic-alliance"),
        ("shares nvid", "nvidia"),
        ("completion z", "zsh"),
    ],
)
def test_ids_are_completed(words: str, among: str) -> None:
    found = completed(words)
    assert among in found
    assert all(one.casefold().startswith(words.rsplit(" ", maxsplit=1)[-1].casefold()) for one in found)


def test_completed_ids_are_those_of_the_facts() -> None:
    facts = load_facts()
    assert {name for name, _ in completion._ids("accelerators")} == set(facts.accelerators)
    assert {name for name, _ in completion._ids("organisations")} == set(facts.organisations)
    assert {name for name, _ in completion._ids("groups.yaml")} == set(facts.groups)
    assert {name for name, _ in completion._countries()} == {c.alpha2 for c in facts.countries.values()}
    assert set(completion.PREFIXES) == set(READERS)
    assert set(completion.LEVELS) == set(REAL_LEVELS)
    assert completion._BASES == BASES
    assert completion._PRECISIONS == PRECISIONS


def test_every_completer_is_of_a_parameter() -> None:
    there = {(name.split()[0], str(one.name)) for name, command in commands() for one in command.params}
    names = {name for _, name in there}
    for key in completion.COMPLETERS:
        assert (key in there) if isinstance(key, tuple) else (key in names), key


def test_completing_an_id_needs_no_pandas(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "os.environ |= {'_FLOPCENSUS_COMPLETE': 'bash_complete', 'COMP_WORDS': 'flopcensus compare he', "
        "'COMP_CWORD': '2'}\n"
        "from flopcensus.cli import main\n"
        "try: main([])\n"
        "except SystemExit: pass\n"
        "print(*({'pandas', 'numpy', 'pydantic', 'yaml', 'rich', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        timeout=120,
    )
    assert done.stdout.split() == ["plain,hedged", "file,he"] or done.stdout.split() == ["plain,hedged"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_us(shell: str) -> None:
    script = in_process("completion", shell).stdout
    assert f"_FLOPCENSUS_COMPLETE={shell}_complete" in script
    if shell == "bash" and shutil.which("bash"):
        subprocess.run(["bash", "-n"], input=script, check=True, encoding="utf-8", timeout=60)


def test_the_manual_page_holds_every_command_and_option() -> None:
    page = manual()
    for name, command in commands():
        assert f".SS flopcensus {name.replace('-', chr(92) + '-')}" in page
        for one in command.params:
            if isinstance(one, click.Option):
                assert max(one.opts, key=len).replace("-", "\\-") in page
    assert page.isascii()
    assert ".SH EXIT STATUS" in page
    assert "did you mean estimate?" in in_process("man", "estimat").stderr


def test_groff_takes_the_manual_page() -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=100n"],
        input=manual(), check=True, capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    # lines that cannot be broken are synopses with many choices
    assert [line for line in done.stderr.splitlines() if "break line" not in line] == []
    assert "flopcensus estimate [OPTIONS] [CENSUS]..." in re.sub(".\b", "", done.stdout)


def test_the_manual_page_is_written(tmp_path: Path) -> None:
    path = tmp_path / "flopcensus.1"
    assert as_process("man", "-o", str(path)).returncode == 0
    assert path.read_text(encoding="utf-8") == manual()
