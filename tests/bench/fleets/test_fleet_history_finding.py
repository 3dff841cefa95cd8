"""What a history says: who lost speed, since when, by how much, and what is nobody's fault."""

from __future__ import annotations

import gc
import math
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest

from bench.errors import InputError
from bench.fleets.history.asking import Asked, Wanted
from bench.fleets.history.dataset import History
from bench.fleets.history.finding import find
from bench.fleets.history.findings import Findings
from tests.bench.fleets.history_records import START, batch, nights, record

FIRST = START.date()


def sound(days: int, nodes: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(0, 0.01, nodes) + rng.normal(0, 0.003, (days, nodes)))


def found(
    history: History, rate: float = 0.01, node: str | None = None, wanted: Wanted | None = None
) -> Findings:
    return find(Asked(history, wanted or Wanted()), rate, node)


def test_a_node_that_lost_speed_is_named_with_date_size_and_what_changed(tmp_path: Path) -> None:
    levels = sound(50, 8)
    levels[35:, 3] *= 0.96
    history = nights(levels, tmp_path, drivers=dict.fromkeys(range(35, 50), "590"))
    (one,) = found(history).found
    assert (one.node, one.device, one.name, one.regressed) == ("n03", "cuda:0", "gemm bf16", True)
    assert one.since == FIRST + timedelta(days=35)
    assert one.lost_ci95 is not None
    assert one.lost_ci95[0] <= 0.04 <= one.lost_ci95[1]
    assert one.lost == pytest.approx(0.04, abs=0.004)
    assert one.before == pytest.approx(7e14 * np.median(levels[:35, 3]))
    assert one.now == pytest.approx(7e14 * np.median(levels[35:, 3]))
    # the driver of all nodes changed that night, and it is said of the one that lost
    assert one.along == ("driver 580 → 590",)


def test_nothing_is_found_where_nothing_changed(tmp_path: Path) -> None:
    assert found(nights(sound(60, 10, 3), tmp_path)).found == ()


def test_what_slows_all_is_said_of_the_fleet_and_blames_no_node(tmp_path: Path) -> None:
    levels = sound(60, 10)
    levels[40:] *= 0.95
    (one,) = found(nights(levels, tmp_path)).found
    assert (one.node, one.regressed, one.since) == ("", True, FIRST + timedelta(days=40))


def test_a_loss_that_was_made_good_is_told_and_is_no_regression(tmp_path: Path) -> None:
    levels = sound(80, 8)
    levels[30:50, 2] *= 0.9
    (one,) = found(nights(levels, tmp_path)).found
    assert not one.regressed
    assert one.since is None
    assert [step.date for step in one.steps] == [FIRST + timedelta(days=30), FIRST + timedelta(days=50)]


def test_a_partial_recovery_leaves_a_regression_since_the_first_night(tmp_path: Path) -> None:
    levels = sound(80, 8)
    levels[30:50, 2] *= 0.9
    levels[50:, 2] *= 0.95
    (one,) = found(nights(levels, tmp_path)).found
    assert one.since == FIRST + timedelta(days=30)
    assert one.lost == pytest.approx(0.05, abs=0.005)


def test_a_node_that_became_faster_is_no_regression(tmp_path: Path) -> None:
    levels = sound(60, 8)
    levels[30:, 5] *= 1.05
    (one,) = found(nights(levels, tmp_path)).found
    assert (one.node, one.regressed) == ("n05", False)


def test_a_loss_nobody_would_drain_a_node_for_is_not_reported(tmp_path: Path) -> None:
    levels = sound(60, 8)
    levels[30:, 5] *= 0.994
    assert found(nights(levels, tmp_path)).found == ()


def test_fewer_than_five_nodes_are_judged_by_themselves(tmp_path: Path) -> None:
    levels = sound(60, 3)
    levels[40:, 1] *= 0.95
    result = found(nights(levels, tmp_path))
    assert [(one.node, one.relative) for one in result.found] == [("n01", False)]
    assert any("by themselves" in note for note in result.notes)


def test_a_season_that_all_share_is_held_against_nobody(tmp_path: Path) -> None:
    levels = sound(120, 8)
    levels *= np.exp(0.03 * np.sin(np.arange(120) / 19))[:, None]
    assert [one.node for one in found(nights(levels, tmp_path)).found if one.node] == []


def test_short_histories_are_not_judged_and_it_is_said(tmp_path: Path) -> None:
    result = found(nights(sound(9, 6), tmp_path))
    assert result.judged == 0
    assert "fewer than 10 nights" in result.notes[0]


def test_the_question_narrows_what_is_judged(tmp_path: Path) -> None:
    levels = sound(60, 8)
    levels[20:, 3] *= 0.95
    history = nights(levels, tmp_path)
    assert [one.node for one in found(history, node="n03").found] == ["n03"]
    assert found(history, node="n04").found == ()
    # since a night after the loss, there is none
    assert found(history, wanted=Wanted(since=FIRST + timedelta(days=25))).found == ()
    assert found(history, wanted=Wanted(metric="memory_copy")).series == 0
    assert found(history, wanted=Wanted(metric="gemm bf16")).nights == 60
    with pytest.raises(InputError, match="between 0 and 1"):
        found(history, rate=1.0)


def test_nights_and_peers_are_those_of_pandas(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    made = []
    for night in range(4):
        for node in range(6):
            for again in range(1 + (node == night)):
                values = [[float(x) if x < 1.4 else None for x in rng.uniform(0.5, 1.5, 2)] for _ in range(2)]
                made.append(record(f"n{node}", START + timedelta(days=night, hours=again), values))
    history = History.at(tmp_path / "h")
    history.merge(batch(made))
    asked = Asked(history, Wanted()).nights()
    found = pd.DataFrame(
        [
            (asked.series[w].node, asked.series[w].device, asked.series[w].workload, int(d), y, m, int(n))
            for w, d, y, m, n in zip(
                asked.which, asked.day, asked.log, asked.middle, asked.nodes, strict=True
            )
        ],
        columns=["node", "device", "workload", "day", "log", "middle", "nodes"],
    )
    plain = ds.dataset(tmp_path / "h", partitioning="hive").to_table().to_pandas()
    plain = plain[plain.status == "ok"]
    plain["log"] = np.log(plain.value)
    plain["day"] = (pd.to_datetime(plain.date) - pd.Timestamp("1970-01-01")).dt.days
    expected = plain.groupby(["node", "device", "workload", "day"]).log.median().reset_index()
    peers = expected.groupby(["workload", "day"]).agg(middle=("log", "median"), nodes=("node", "nunique"))
    expected = expected.merge(peers.reset_index(), on=["workload", "day"])
    keys = ["node", "device", "workload", "day"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys).reset_index(drop=True)[[*keys, "log", "middle", "nodes"]],
        expected.sort_values(keys).reset_index(drop=True)[[*keys, "log", "middle", "nodes"]],
        check_dtype=False,
    )


def test_a_date_with_several_files_is_asked_as_if_it_had_one(tmp_path: Path) -> None:
    levels = sound(12, 6)
    whole = nights(levels, tmp_path / "whole")
    nights(levels[:, :4], tmp_path / "h")
    for file in (tmp_path / "whole").rglob("*.parquet"):
        target = tmp_path / "h" / file.relative_to(tmp_path / "whole")
        target.write_bytes(file.read_bytes())
    history = History(tmp_path / "h")
    assert all(len(files) == 2 for files in history.files().values())
    mine, theirs = Asked(history, Wanted()).nights(), Asked(whole, Wanted()).nights()
    assert mine.series == theirs.series
    assert np.array_equal(mine.log, theirs.log)


def test_a_path_that_looks_like_a_pattern_is_taken_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "site [1] *?" / "s3:" / "h"
    assert found(nights(sound(12, 5), folder)).nights == 12


def test_results_that_were_not_ok_are_counted(tmp_path: Path) -> None:
    history = History.at(tmp_path / "h")
    history.merge(batch([record("a", START + timedelta(days=n), [[None, 1.0]]) for n in range(3)]))
    assert Asked(history, Wanted()).not_ok() == {("a", "cuda:0", "failed"): 3}


def test_what_memory_does_not_hold_goes_to_a_private_folder_that_goes_with_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working, temporary = tmp_path / "cwd", tmp_path / "temporary"
    working.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(working)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    asked = Asked(nights(sound(12, 6), tmp_path / "h"), Wanted())
    (folder,) = temporary.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    run = asked._connection.execute
    run("SET memory_limit = '20MB'")
    run("SET threads = 1")
    spilled = run("SELECT max(a), count(*) FROM (SELECT range || '/' AS a FROM range(2000000) ORDER BY a)")
    assert spilled.fetchone() == ("999999/", 2_000_000)
    assert not list(working.iterdir())
    del asked, run, spilled
    gc.collect()
    assert not list(temporary.iterdir())


def test_trends_are_in_shares_of_30_days(tmp_path: Path) -> None:
    levels = sound(60, 6) * np.exp(-0.0002 * np.arange(60))[:, None]
    (one,) = found(nights(levels, tmp_path)).trends
    assert one.node == ""
    assert one.per_month == pytest.approx(math.expm1(-0.006), abs=0.002)
    assert one.ci95[0] < one.per_month < one.ci95[1] < 0
    assert found(nights(levels, tmp_path / "again")).first == date(2026, 3, 1)
