"""The folder for sites without a network: filled with flopcensus alone here, as torch would take minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def wheelhouse(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels") / "a house"
    script = repository / "scripts" / "wheelhouse.sh"
    env = os.environ | {"PYTHON": sys.executable}
    subprocess.run([script, folder, "--no-deps"], env=env, check=True, timeout=280)
    return folder


def install(wheelhouse: Path, venv: Path) -> subprocess.CompletedProcess[str]:
    """Install without the packages it needs: click alone, for --version, is borrowed from this Python."""
    borrowed = venv.parent / "borrowed"
    borrowed.mkdir()
    (borrowed / "click").symlink_to(Path(click.__file__).parent)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    # An index that cannot be reached stands for the network that is not there.
    env |= {
        "PIP_NO_DEPS": "1",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PYTHON": sys.executable,
        "PYTHONPATH": str(borrowed),
    }
    return subprocess.run(
        [wheelhouse / "install.sh", venv], env=env, capture_output=True, text=True, check=False, timeout=280
    )


def test_it_installs_without_a_network(wheelhouse: Path, tmp_path: Path) -> None:
    done = install(wheelhouse, tmp_path / "venv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("flopcensus, version")


def test_a_wheel_that_was_damaged_on_the_way_is_noticed(wheelhouse: Path, tmp_path: Path) -> None:
    (wheel,) = wheelhouse.glob("*.whl")
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        done = install(wheelhouse, tmp_path / "venv")
    finally:
        wheel.write_bytes(whole)
    assert done.returncode != 0
    assert not (tmp_path / "venv").exists()
