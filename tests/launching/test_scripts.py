"""Scripts of shell, and the container recipe: what can be told without an engine for containers."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "scripts", "tests", "containers", "bench", "flopcensus")


def shell_scripts() -> Iterator[Path]:
    """Files that begin as scripts of shell do."""
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
        if path.is_file() and path.suffix in ("", ".sh"):
            with path.open("rb") as file:
                if re.match(rb"#!.*\b(?:ba)?sh\b", file.readline(100)):
                    yield path


SCRIPTS = [str(path.relative_to(ROOT)) for path in shell_scripts()]


def test_the_scripts_are_found() -> None:
    assert {".ci/run", "scripts/wheelhouse.sh", "tests/slurm/cluster.sh"} <= set(SCRIPTS)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed here")
@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing_in_a_script(script: str) -> None:
    done = subprocess.run(["shellcheck", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed here")
def test_nor_in_the_one_that_a_wheelhouse_holds() -> None:
    text = (ROOT / "scripts/wheelhouse.sh").read_text(encoding="utf-8")
    (script,) = re.findall(r"<<'INSTALL'\n(.*?)^INSTALL$", text, re.DOTALL | re.MULTILINE)
    done = subprocess.run(["shellcheck", "-"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def instructions() -> list[tuple[str, str]]:
    """The container recipe: an instruction and its words, continued lines joined."""
    text = (ROOT / "containers/Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (name, rest.strip())
        for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def test_the_recipe_is_made_of_instructions_that_engines_know() -> None:
    names = [name for name, _ in instructions()]
    # https://docs.docker.com/reference/dockerfile/
    assert set(names) <= {"ARG", "FROM", "COPY", "RUN", "WORKDIR", "CMD", "ENV", "LABEL"}
    assert names[:2] == ["ARG", "FROM"]
    base = dict(instructions())["ARG"]
    assert dict(instructions())["FROM"] == f"${{{base.partition('=')[0]}}}"


def test_what_a_recipe_runs_is_shell() -> None:
    for name, words in instructions():
        if name == "RUN":
            done = subprocess.run(["sh", "-n"], input=words, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_from_what_the_recipe_copies_all_of_flopcensus_is_built(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    for name, words in instructions():
        if name == "COPY":
            *sources, target = shlex.split(words)
            for source in sources:
                place = tmp_path / target.strip("/")
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.mkdir(exist_ok=True)
                    shutil.copy(ROOT / source, place)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path / "src", capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    found = {Path(name).parts[0] for name in zipfile.ZipFile(wheel).namelist()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found >= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    # The extra that the recipe installs is one that there is.
    (asked,) = (words for name, words in instructions() if name == "RUN" and "pip install" in words)
    extra = re.search(r"/src\[(\w+)\]", asked)
    assert extra is not None
    assert extra[1] in project["project"]["optional-dependencies"]
