"""Names of chips as Epoch AI's files of data centres and chip sales write them: without designer or form.

An exact table, like every other: a name that stands neither here nor in the catalogue stays unknown. The
chips are those that Epoch's "ML hardware" gives under the full name, see https://epoch.ai/data/machine-learning-hardware.
"""

from __future__ import annotations

from collections.abc import Mapping

from accounting.reference.names import NameTable

FULL_NAMES: Mapping[str, str] = {
    "A100": "NVIDIA A100",
    "A800": "NVIDIA A800",
    "H100": "NVIDIA H100",
    "H200": "NVIDIA H200",
    "H20": "NVIDIA H20",
    "H800": "NVIDIA H800",
    "B200": "NVIDIA B200",
    "B300": "NVIDIA B300",
    "R200": "NVIDIA VR200",
    "R300": "NVIDIA VR300",
    "Instinct MI250X": "AMD Instinct MI250X",
    "Instinct MI300A": "AMD Instinct MI300A",
    "Instinct MI300X": "AMD Instinct MI300X",
    "Instinct MI308X": "AMD Instinct MI308X",
    "Instinct MI325X": "AMD Instinct MI325X",
    "Instinct MI350X": "AMD Instinct MI350X",
    "Instinct MI355X": "AMD Instinct MI355X",
    "MI300X": "AMD Instinct MI300X",
    "MI308X": "AMD Instinct MI308X",
    "MI325X": "AMD Instinct MI325X",
    "MI350X": "AMD Instinct MI350X",
    "MI355X": "AMD Instinct MI355X",
    "Siyuan 590": "Cambricon Siyuan 590",
    "TPU v4i": "Google TPU v4i",
    "TPU v8i": "Google TPU v8i",
}


def chip_name(name: str, table: NameTable | None) -> str:
    """Return the name that the catalogue knows a chip by: as it stands or in full, else as it stands."""
    full = FULL_NAMES.get(name, name)
    return full if table and not table.find(name) and table.find(full) else name
