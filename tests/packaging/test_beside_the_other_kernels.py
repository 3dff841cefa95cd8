"""Hugging Face's ``kernels`` and ours share a name and an environment, and neither harms the other."""

from __future__ import annotations

import base64
import csv
import hashlib
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.packaging.conftest import Distribution, Environment, NewEnvironment

# the installs that test_installed waits for go on meanwhile
pytestmark = pytest.mark.usefixtures("installs")

THEIR_VERSION = "0.16.2"
# what importing theirs needs; their signing of lock files is not used
THEIR_NEEDS = ("huggingface_hub", "packaging", "pyyaml", "tomlkit")

USE_THEIRS = f"""
import inspect, kernels
assert kernels.__version__ == {THEIR_VERSION!r}
assert inspect.getfile(kernels.get_kernel).endswith("utils.py")
assert "repo_id" in inspect.signature(kernels.get_kernel).parameters
"""
USE_OURS = """
import kernels.gemm, kernels.memory
from kernels.catalogue import WORKLOADS
assert kernels.gemm.__file__.endswith("gemm.py")
assert WORKLOADS["gemm"].flop({"m": 2, "n": 3, "k": 5}) == 60
from bench.workloads import load_workloads
assert load_workloads() is WORKLOADS
"""


@pytest.fixture(scope="module")
def their_needs(index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What theirs imports, installed once for all environments here."""
    folder = tmp_path_factory.mktemp("their-needs")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--no-compile"]
    subprocess.run([*pip, "--target", str(folder), *THEIR_NEEDS], check=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def theirs(index: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Their wheels."""
    folder = tmp_path_factory.mktemp("theirs")
    names = (f"kernels=={THEIR_VERSION}", f"kernels-data=={THEIR_VERSION}")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--dest", str(folder), *names], check=True, timeout=300)
    return tuple(sorted(folder.iterdir()))


def changed_files(environment: Environment) -> list[str]:
    """Files of theirs that are missing, or are not as their RECORD says."""
    site = environment.site_packages
    record = (site / f"kernels-{THEIR_VERSION}.dist-info" / "RECORD").read_text(encoding="utf-8")
    signed = [(name, digest) for name, digest, _ in csv.reader(record.splitlines()) if digest]
    assert len(signed) > 30
    return [name for name, digest in signed if _digest(site / name) != digest]


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256={digest.rstrip(b'=').decode('ascii')}"


@pytest.fixture(scope="module", params=["theirs first", "ours first"])
def both(
    request: pytest.FixtureRequest,
    theirs: tuple[Path, ...],
    their_needs: Path,
    distribution: Distribution,
    new_environment: NewEnvironment,
) -> Environment:
    """An environment with both, installed in either order."""
    environment = new_environment("both")
    environment.see(their_needs)
    for wheels in (
        (theirs, [distribution.wheel]) if request.param == "theirs first" else ([distribution.wheel], theirs)
    ):
        environment.install("--no-deps", *wheels)
    return environment


def test_both_work_until_one_goes(both: Environment, distribution: Distribution) -> None:
    both.run(USE_THEIRS)
    both.run(USE_OURS)
    assert not changed_files(both)

    both.uninstall("flopcensus")
    both.run(USE_THEIRS)
    assert not changed_files(both)
    assert not (both.site_packages / "kernels" / "gemm.py").exists()

    both.install("--no-deps", distribution.wheel)
    both.uninstall("kernels")
    both.run(USE_OURS)


def test_a_changed_file_is_noticed(
    theirs: tuple[Path, ...], their_needs: Path, new_environment: NewEnvironment
) -> None:
    environment = new_environment("harmed")
    environment.install("--no-deps", *theirs)
    assert not changed_files(environment)
    (environment.site_packages / "kernels" / "utils.py").write_text("", encoding="utf-8")
    (environment.site_packages / "kernels" / "status.py").unlink()
    assert changed_files(environment) == ["kernels/status.py", "kernels/utils.py"]


def test_an_editable_install_says_that_it_is_hidden(
    repository: Path,
    theirs: tuple[Path, ...],
    their_needs: Path,
    new_environment: NewEnvironment,
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch")
    environment = new_environment("editable")
    constraints = str(repository / "constraints.txt")
    environment.install("--no-deps", "--build-constraint", constraints, "--editable", repository)
    environment.install("--no-deps", *theirs)
    # everything else that measuring needs, from the environment of these tests
    environment.see(their_needs, Path(sysconfig.get_path("purelib")))
    environment.run(USE_THEIRS)
    command = [
        str(environment.flopcensus),
        "bench",
        "--device",
        "cpu",
        "--quick",
        "--out",
        str(tmp_path / "out"),
    ]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert "kernels" in line
    assert str(environment.site_packages) in line
    assert not result.stdout
    assert not list(tmp_path.rglob("*.json*"))
