"""Installing ``[bench]`` leaves the torch that is there, whatever the index offers.

Needs no index: all packages are empty ones of the right name, in a folder that pip is sent to.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.packaging.conftest import Distribution, Environment, NewEnvironment

NEWEST = "99.0"


def make_wheel(folder: Path, name: str, version: str) -> Path:
    """Write an empty distribution."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    files = {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


def needs(wheel: Path) -> set[str]:
    """Names of the packages that a wheel and its extras ask for."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode("utf-8").splitlines()
    asked = (line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: "))
    return {match[0] for line in asked if (match := re.match(r"[\w.-]+", line))}


@pytest.fixture
def offers(distribution: Distribution, tmp_path: Path) -> Path:
    """A folder with every package asked for, newer than any there is."""
    folder = tmp_path / "offers"
    folder.mkdir()
    for name in needs(distribution.wheel):
        make_wheel(folder, name, NEWEST)
    assert (folder / f"torch-{NEWEST}-py3-none-any.whl").exists()
    return folder


def would_install(environment: Environment, wheel: Path, offers: Path) -> dict[str, str]:
    """Versions that ``pip install WHEEL[bench]`` would install, by name."""
    variables = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(offers), "PIP_NO_INDEX": "1"}
    arguments = ("install", "--quiet", "--quiet", "--dry-run", "--report", "-", f"{wheel}[bench]")
    report = json.loads(environment.pip(*arguments, variables=variables))
    found = (one["metadata"] for one in report["install"])
    return {one["name"].lower(): one["version"] for one in found}


@pytest.mark.parametrize("version", ["2.6.0", "2.6.0+cu124", "2.9.1+rocm6.4"])
def test_an_installed_torch_is_kept(
    version: str, offers: Path, distribution: Distribution, new_environment: NewEnvironment, tmp_path: Path
) -> None:
    environment = new_environment("with-torch")
    environment.install("--no-index", "--no-deps", make_wheel(tmp_path, "torch", version))
    listed = would_install(environment, distribution.wheel, offers)
    assert "torch" not in listed
    assert listed["psutil"] == NEWEST
    assert "flopcensus" in listed


def test_an_absent_torch_is_installed(
    offers: Path, distribution: Distribution, new_environment: NewEnvironment
) -> None:
    listed = would_install(new_environment("without-torch"), distribution.wheel, offers)
    assert listed["torch"] == NEWEST


def test_a_torch_that_is_too_old_is_replaced(
    offers: Path, distribution: Distribution, new_environment: NewEnvironment, tmp_path: Path
) -> None:
    environment = new_environment("with-old-torch")
    environment.install("--no-index", "--no-deps", make_wheel(tmp_path, "torch", "2.5.1"))
    assert would_install(environment, distribution.wheel, offers)["torch"] == NEWEST
