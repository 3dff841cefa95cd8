"""What the wheel and the sdist hold."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flopcensus import __version__

if TYPE_CHECKING:
    from tests.packaging.conftest import Distribution

PACKAGES = ("bench", "accounting", "kernels", "flopcensus")


def contents(wheel: Path) -> dict[str, str]:
    """Digest of every file by its name."""
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def metadata(wheel: Path) -> dict[str, list[str]]:
    """Fields of the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"flopcensus-{__version__}.dist-info/METADATA").decode("utf-8")
    message = Parser().parsestr(text)
    return {name: message.get_all(name, []) for name in set(message.keys())}


@pytest.fixture(scope="module")
def names(distribution: Distribution) -> set[str]:
    """What the wheel holds."""
    return set(contents(distribution.wheel))


def shipped(repository: Path, folder: str) -> set[str]:
    """Files of a folder of the checkout, by their path in it."""
    paths = (path for path in (repository / folder).rglob("*") if path.is_file())
    return {
        path.relative_to(repository / folder).as_posix() for path in paths if "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_config(names: set[str], repository: Path) -> None:
    configs = shipped(repository, "configs")
    assert {"countries.csv", "studies/world.yaml"} <= configs
    assert {f"flopcensus/_configs/{name}" for name in configs} <= names


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file_of_a_package(package: str, names: set[str], repository: Path) -> None:
    files = shipped(repository, package)
    assert "py.typed" in files
    assert {f"{package}/{name}" for name in files} <= names


def test_the_wheel_holds_what_the_page_is_made_of(names: set[str], repository: Path) -> None:
    parts = {f"flopcensus/report/{name}" for name in shipped(repository, "flopcensus/report")}
    assert {".css", ".html"} <= {Path(name).suffix for name in parts}
    assert parts <= names


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*PACKAGES, f"flopcensus-{__version__}.dist-info"}
    assert "kernels/__init__.py" not in names
    assert not [name for name in names if name.endswith((".pyc", ".so"))]


def test_the_wheel_is_for_every_platform(distribution: Distribution) -> None:
    assert distribution.wheel.name == f"flopcensus-{__version__}-py3-none-any.whl"


def test_only_the_extra_asks_for_torch(distribution: Distribution) -> None:
    needed = metadata(distribution.wheel)["Requires-Dist"]
    torch = [one for one in needed if one.startswith("torch")]
    assert torch == ["torch>=2.6; extra == 'bench'"]
    core = {one for one in needed if "extra ==" not in one}
    assert not [one for one in core if one.startswith(("torch", "psutil", "nvidia", "scipy"))]
    assert not [one for one in needed if one.startswith("kernels")]


def test_the_console_script(distribution: Distribution) -> None:
    with zipfile.ZipFile(distribution.wheel) as archive:
        text = archive.read(f"flopcensus-{__version__}.dist-info/entry_points.txt").decode("utf-8")
    assert text.split() == ["[console_scripts]", "flopcensus", "=", "flopcensus.cli:main"]


def test_the_sdist_builds_the_same_wheel(distribution: Distribution, tmp_path: Path) -> None:
    with tarfile.open(distribution.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert contents(wheel) == contents(distribution.wheel)


def test_the_sdist_holds_what_checks_and_tests_need(distribution: Distribution, repository: Path) -> None:
    with tarfile.open(distribution.sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "constraints.txt", "Makefile", "LICENSE", "README.md", ".ci/run"}
    assert wanted | {f"tests/{name}" for name in shipped(repository, "tests")} <= held
    assert not [name for name in held if name.startswith((".venv", "results", "dist", "shared"))]
