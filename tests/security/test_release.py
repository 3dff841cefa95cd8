"""What a release is made of: pinned requirements without addresses, and licences that let it be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def facts(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script's module."""
    import importlib

    monkeypatch.syspath_prepend(str(repository / "scripts"))
    return importlib.import_module("release_facts")


def item(name: str, digest: str | None = "ab" * 32) -> dict[str, object]:
    """Return one package of a pip report."""
    hashes = {"hashes": {"sha256": digest}} if digest else {}
    where = {"url": "https://index.example/x.whl", "archive_info": hashes}
    return {"metadata": {"name": name, "version": "1.2"}, "download_info": where}


def test_requirements_are_pinned_with_hashes_and_tell_no_address(facts: ModuleType) -> None:
    text = facts.lock(json.dumps({"install": [item("Some_Package"), item("flopcensus", None), item("a.b")]}))
    hashed = f"--hash=sha256:{'ab' * 32}"
    assert text == f"a-b==1.2 {hashed}\nsome-package==1.2 {hashed}\n"


def test_a_package_without_a_hash_ends_the_release(facts: ModuleType) -> None:
    with pytest.raises(SystemExit, match="without a hash"):
        facts.lock(json.dumps({"install": [item("x", None)]}))


@pytest.mark.parametrize(
    ("licence", "copyleft"),
    [
        ("MIT", False),
        ("BSD-3-Clause AND MIT AND Apache-2.0", False),
        ("GPL-3.0-or-later", True),
        ("GNU Affero General Public License v3", True),
        ("MIT AND GPL-2.0-only", True),
        ("MIT OR GPL-2.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
    ],
)
def test_copyleft_is_told_from_the_rest(facts: ModuleType, licence: str, copyleft: bool) -> None:
    assert facts.is_copyleft(licence) is copyleft


def test_the_script_is_sound_and_refuses_what_it_does_not_know(repository: Path) -> None:
    script = repository / "scripts" / "release.sh"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    done = subprocess.run(["bash", str(script), "--upload"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such option" in done.stderr
    done = subprocess.run(
        [sys.executable, str(script.parent / "release_facts.py")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
