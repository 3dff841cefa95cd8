"""A study reads what lies in its folder, links followed, and nothing else unless a wider root is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from accounting.errors import InputFaults
from flopcensus.cli import invoke
from flopcensus.studies.study import load_study

GOLDEN = Path(__file__).parents[1] / "long_life" / "golden" / "0.1"
STUDY = """\
study:
  id: sent
  title: A study that somebody sent
  as_of: 2026-06-30
  draws: 50
  drivers: false
  census: [{census}]
  calibration: [{calibration}]
  clusters: [{clusters}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a census, and a neighbour with secrets."""
    inside, outside = tmp_path / "study", tmp_path / "private"
    shutil.copytree(GOLDEN, inside)
    outside.mkdir()
    for name in ("facilities.yaml", "calibration.yaml", "cluster.yaml", "ledger.csv"):
        shutil.copy(GOLDEN / name, outside / name)
    (inside / "link.yaml").symlink_to(outside / "facilities.yaml")
    (inside / "linked").mkdir()
    (inside / "linked" / "one.yaml").symlink_to(outside / "facilities.yaml")
    return inside


def study(folder: Path, **named: str) -> Path:
    """Write a study that names these paths."""
    path = folder / "sent.yaml"
    names = {"census": "", "calibration": "", "clusters": "", **named}
    path.write_text(STUDY.format(**names), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "named",
    [
        {"census": "../private/facilities.yaml"},
        {"census": "ledger:../private/ledger.csv"},
        {"census": "linked/../../private/facilities.yaml"},
        {"census": "/etc/passwd"},
        {"census": "fleet:/etc"},
        {"census": "link.yaml"},
        {"census": "linked"},
        {"census": ".."},
        {"census": '"a\\0b.yaml"'},
        {"census": "a" * 5000 + ".yaml"},
        {"calibration": "../private/calibration.yaml"},
        {"calibration": "/etc/passwd"},
        {"clusters": "../private/cluster.yaml"},
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(folder: Path, named: dict[str, str]) -> None:
    with pytest.raises(InputFaults, match=r"sent\.yaml:\d+:\d+: study\.\w+\[0\]: (a path that|not the name)"):
        load_study(str(study(folder, **named)))


def test_what_lies_in_the_folder_is_read_from_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    path = study(
        folder, census="facilities.yaml", calibration="calibration.yaml", clusters="cluster.yaml, hedged"
    )
    loaded = load_study(str(path.relative_to(tmp_path)))
    assert len(loaded.ledger.entries) == 3
    assert [cluster.id for cluster in loaded.clusters] == ["a-cluster", "hedged"]
    assert len(load_study(str(study(folder, census="ledger:ledger.csv"))).ledger.entries) == 3


def test_a_wider_root_is_the_users_own_word(folder: Path) -> None:
    path = study(folder, census="../private/facilities.yaml")
    assert len(load_study(str(path), folder.parent).ledger.entries) == 3


def test_the_output_folder_follows_the_id_which_is_no_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = study(folder, census="facilities.yaml")
    path.write_text(path.read_text(encoding="utf-8").replace("id: sent", "id: ../../x"), encoding="utf-8")
    monkeypatch.chdir(folder)
    assert invoke(["run", str(path)]) == 2
    assert "study.id" in capsys.readouterr().err
