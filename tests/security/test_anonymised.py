"""Identifiers planted all over a record, and searched for in what is published without names."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from bench.fleets.anonymising import anonymised, public_names
from bench.fleets.synthetic import make_fleet, record
from flopcensus.cli import invoke

HOST, OTHER = "gpu-node17.cluster.example.org", "gpu-node18.cluster.example.org"
HOME = "/" + "home/mustermann"
# each with a field of the record that holds it, or "" where it stands in free texts alone
PLANTED = {
    "host": (HOST, ""),
    "short host": ("gpu-node17", ""),
    "another host": (OTHER, ""),
    "another host, short": ("gpu-node18", ""),
    "UUID": ("GPU-1b2c3d4e-0000-4f5a-8b6c-001122334455", "uuid"),
    "MIG UUID": ("MIG-1b2c3d4e-0000-4f5a-8b6c-00112233445a", "mig_uuid"),
    "serial": ("1324621012345", "serial"),
    "board serial": ("PW0VK7J2", "board_serial"),
    "GUID": ("0x5c5c5c0300a1b2c3", "node_guid"),
    "PCI id": ("00000000:3B:00.0", "pci_bus_id"),
    "PCI id, short": ("af:00.1", ""),
    "asset": ("DC4-R12-U31", "asset_tag"),
    "MAC": ("0c:42:a1:aa:bb:cc", "mac_address"),
    "user": ("mustermann", "env_USER"),
    "path": (f"{HOME}/runs/x", "env_TORCH_HOME"),
    "project": ("/scratch/project_462000123/lib", ""),
    "Windows path": ("C:\\Users\\mustermann\\x", ""),
    "IPv4": ("10.20.30.40", ""),
    "IPv6": ("fe80::ae1f:6bff:fe12:3456", ""),
    "IPv6, long": ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", ""),
    "e-mail": ("a.muster@example.org", ""),
    "job": ("slurm-job-4711", "job"),
}


def planted(chance: random.Random) -> dict[str, Any]:
    """Return a record with every identifier in its field, and in texts at random places."""
    document = record(make_fleet("planted", 1, 2, 0, 1), 0)
    document["node"] = HOST
    for name, (value, key) in PLANTED.items():
        if key:
            chance.choice([document["environment"], document["devices"][0]["details"]])[key] = value
        text = chance.choice(["{}", "seen on {}: slow", "({})", "{},{}", "'{}'", "at {}."]).replace(
            "{}", value
        )
        result = chance.choice(document["results"])
        what = chance.randrange(3)
        if what == 0:
            result.setdefault("notes", []).append(text)
        elif what == 1:
            result["backend"] = text
        else:
            document["environment"][f"env_{chance.randrange(100)}_{name.replace(' ', '_')}"] = text
    return document


@pytest.mark.parametrize("seed", range(40))
def test_no_planted_identifier_is_left(seed: int) -> None:
    public = public_names([HOST, OTHER])
    text = json.dumps(anonymised(planted(random.Random(seed)), public)).casefold()
    left = [name for name, (value, _) in PLANTED.items() if json.dumps(value)[1:-1].casefold() in text]
    assert left == []
    assert "mustermann" not in text
    assert "example.org" not in text


def test_versions_and_figures_stay() -> None:
    document = record(make_fleet("kept", 1, 1, 0, 1), 0)
    kept = {"numpy_blas": "scipy-openblas 0.3.31.188.0", "driver": "570.124.06", "torch": "2.13.0+cu130"}
    document["environment"] |= kept
    document["results"][0]["notes"] = ["12:30 to 12:45, 5.1 GB/s at 1:2 sparsity"]
    after = anonymised(document, public_names([document["node"]]))
    assert {key: after["environment"][key] for key in kept} == kept
    assert after["results"][0]["notes"] == document["results"][0]["notes"]


def test_what_the_command_writes_holds_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for place in range(6):
        document = planted(random.Random(place)) | {"node": f"gpu-node{17 + place}.cluster.example.org"}
        (folder / f"record-{place}.json").write_text(json.dumps(document), encoding="utf-8")
    public = tmp_path / "public"
    arguments = [
        "fleet",
        str(folder),
        "--anonymise",
        "--force",
        "--records-to",
        str(public),
        "--format",
        "json",
    ]
    assert invoke(arguments) in {0, 1}
    said = capsys.readouterr().out
    written = [path.read_text(encoding="utf-8") for path in public.rglob("*") if path.is_file()]
    assert len(written) == 6
    names = [path.name for path in public.rglob("*")]
    for text in (said, *written, *names):
        for name, (value, _) in PLANTED.items():
            assert json.dumps(value)[1:-1].casefold() not in text.casefold(), name
