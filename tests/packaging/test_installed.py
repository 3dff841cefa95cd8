"""The wheel in an environment that was empty: accounting works there, from anywhere, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flopcensus import __version__

if TYPE_CHECKING:
    from tests.packaging.conftest import Installed, Installs

ESTIMATE = ("estimate", "--as-of", "2026-06-30", "--format", "json")


def test_it_estimates_from_anywhere(core: Installed) -> None:
    assert core.estimate["schema"].startswith("flopcensus/estimate/")
    estimates = core.estimate["estimates"]
    assert {one["basis"] for one in estimates} == {"peak", "delivered"}
    assert all(one["deployments"] >= 15 and one["total"]["mean"] > 0 for one in estimates)


def test_it_says_what_the_checkout_says(core: Installed, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("flopcensus")), *ESTIMATE]
    checkout = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout)
    for installed, editable in zip(core.estimate["estimates"], checkout["estimates"], strict=True):
        assert installed["total"] == pytest.approx(editable["total"], rel=1e-9)


def test_it_needs_no_torch(core: Installed) -> None:
    code = "from importlib.util import find_spec; print([n for n in ('torch', 'scipy') if find_spec(n)])"
    assert core.environment.run(code).strip() == "[]"


def test_it_reads_its_own_configs(core: Installed) -> None:
    code = "from accounting.reference.shipped import configs_root; print(configs_root())"
    root = Path(core.environment.run(code).strip())
    assert root == core.environment.site_packages / "flopcensus" / "_configs"


def test_module_and_version(core: Installed) -> None:
    said = core.environment.run("import sys; sys.argv[1:] = ['--version']; import flopcensus.__main__")
    assert __version__ in said


def test_measuring_says_what_to_install(core: Installed, tmp_path: Path) -> None:
    command = [str(core.environment.flopcensus), "bench", "--quick", "--out", str(tmp_path / "out")]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "pip install 'flopcensus[bench]'" in result.stderr


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_other_pythons(version: str, installs: Installs) -> None:
    if version not in installs:
        pytest.skip(f"no Python {version} here")
    installed = installs[version].result()
    running = installed.environment.run("import sys; print('%d.%d' % sys.version_info[:2])")
    assert running.strip() == version
    assert all(one["total"]["mean"] > 0 for one in installed.estimate["estimates"])
