"""The distribution built once, and environments of their own to install it into.

Environments are made without pip; the pip beside these tests works on them through its ``--python``. What is
installed is not byte-compiled, since most of it is imported once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

HERE = Path(__file__).parent
PIP_SECONDS = 300
# a package so small that fetching it says only whether the index answers
PROBE = "packaging"
THIS_PYTHON = "this"
OTHER_PYTHONS = ("3.12", "3.13")
ESTIMATE = ("estimate", "--as-of", "2026-06-30", "--format", "json")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """All tests of this folder carry both marks."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.packaging)
            item.add_marker(pytest.mark.system)


def call(
    *command: str | Path, cwd: Path | None = None, variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """Run a command; nothing of this process's Python options reaches it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PIP_SECONDS,
        check=False,
    )


def checked(
    *command: str | Path, cwd: Path | None = None, variables: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Run a command that must succeed, and return what it prints."""
    result = call(*command, cwd=cwd, variables=variables)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def flopcensus(self) -> Path:
        """Its console script."""
        return self.folder / "bin" / "flopcensus"

    @property
    def site_packages(self) -> Path:
        """Where its packages lie."""
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found

    def pip(self, *arguments: str | Path, variables: Mapping[str, str] = MappingProxyType({})) -> str:
        """Let pip work on this environment."""
        command = (sys.executable, "-m", "pip", "--python", self.python)
        return checked(*command, *arguments, variables=variables)

    def install(self, *arguments: str | Path) -> None:
        """Install into it."""
        self.pip("install", "--quiet", "--quiet", "--no-compile", *arguments)

    def uninstall(self, name: str) -> None:
        """Remove a distribution from it."""
        self.pip("uninstall", "--quiet", "--yes", name)

    def run(self, code: str) -> str:
        """Run code that must succeed, from a folder that is not the checkout."""
        return checked(self.python, "-c", code, cwd=self.folder)

    def see(self, *folders: Path) -> None:
        """Let it import from these folders too, after its own."""
        lines = "".join(f"{folder}\n" for folder in folders)
        (self.site_packages / "zz-borrowed.pth").write_text(lines, encoding="utf-8")


NewEnvironment = Callable[..., Environment]


@pytest.fixture(scope="session")
def new_environment(tmp_path_factory: pytest.TempPathFactory) -> NewEnvironment:
    """Make an empty environment, of this Python or of another."""
    pytest.importorskip("pip", reason="pip is not installed beside these tests")

    def make(name: str, python: str = sys.executable) -> Environment:
        folder = tmp_path_factory.mktemp(name)
        checked(python, "-m", "venv", "--without-pip", folder)
        return Environment(folder)

    return make


@dataclass(frozen=True)
class Distribution:
    """Both archives as built from the checkout."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def distribution(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Build wheel and sdist."""
    folder = tmp_path_factory.mktemp("dist")
    checked(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=repository)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return Distribution(wheel, sdist)


@pytest.fixture(scope="session")
def constraints(repository: Path) -> tuple[str, ...]:
    """What pins every package that is installed here."""
    return ("--constraint", str(repository / "constraints.txt"))


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no package index answers."""
    folder = tmp_path_factory.mktemp("probe")
    command = ("download", "--quiet", "--no-deps", "--no-cache-dir", "--retries", "2", "--timeout", "20")
    result = call(sys.executable, "-m", "pip", *command, "--dest", folder, PROBE)
    if result.returncode:
        said = result.stderr.strip().splitlines() or ["no word from pip"]
        pytest.skip(f"no package index answers: {said[-1]}")


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment that was empty, and what it says of the shipped census."""

    environment: Environment
    estimate: dict[str, Any]


def install_and_estimate(environment: Environment, what: Iterable[str | Path]) -> Installed:
    """Install the wheel without extras, and call it from an empty folder, which it must leave empty."""
    environment.install(*what)
    elsewhere = environment.folder / "elsewhere"
    elsewhere.mkdir()
    said = checked(environment.flopcensus, *ESTIMATE, cwd=elsewhere)
    assert not list(elsewhere.iterdir())
    return Installed(environment, json.loads(said))


def find_python(version: str) -> str | None:
    """A working Python of this version, on the path or among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    among = sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    for candidate in [shutil.which(f"python{version}"), *among]:
        ask = ("-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])")
        if candidate and call(candidate, *ask).stdout.strip() == version:
            return str(candidate)
    return None


Installs = Mapping[str, "Future[Installed]"]


@pytest.fixture(scope="session")
def installs(
    index: None, distribution: Distribution, new_environment: NewEnvironment, constraints: tuple[str, ...]
) -> Iterator[Installs]:
    """The wheel installed for this Python and for others that are here, side by side with other tests."""
    pythons = {THIS_PYTHON: sys.executable} | {version: find_python(version) for version in OTHER_PYTHONS}
    environments = {name: new_environment(name, python) for name, python in pythons.items() if python}
    what: list[str | Path] = [*constraints, distribution.wheel]
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {
            name: pool.submit(install_and_estimate, environment, what)
            for name, environment in environments.items()
        }


@pytest.fixture(scope="session")
def core(installs: Installs) -> Installed:
    """The wheel without extras, for this Python."""
    return installs[THIS_PYTHON].result()
