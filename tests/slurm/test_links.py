"""Links whose rates are known, as tc has set them: plain TCP finds them, and so does the real command.

Of each 1,514 bytes of a frame that tc counts (a wire carries 24 more), 1,448 are TCP's payload: 1 Gbit/s is
0.1196 GB/s. A token bucket lets 128 KiB through at once after a pause.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.record import Result, load_record
from tests.slurm.emulated import SCRIPT, Cluster, emulated, needs_slurm

pytestmark = [pytest.mark.system, *needs_slurm]
MEBIBYTE = 1 << 20
TRANSFER = str(Path(__file__).parent / "transfer.py")
BYTES_PER_S = 1e9 / 8 * 1448 / 1514
"""Payload of a link of 1 Gbit/s."""

ATTEMPTS = 6
"""A machine that others load sends late, never early: of a few transfers the fastest is the nearest."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes at 1 Gbit/s, but for the cable between the first two of them: a hundredth of it."""
    with emulated(tmp_path_factory.mktemp("slurm"), 3) as found:
        for node in ("1", "2", "3"):
            found.script("shape", node, "1gbit")
        found.script("pair", "1", "2", "10mbit", "4kb")
        yield found


def rate_between(cluster: Cluster, sender: int, receiver: int, count: int) -> float:
    """Of a plain TCP transfer. Unit: B/s."""
    port = 7000 + 10 * sender + receiver
    listening = subprocess.Popen(
        [
            SCRIPT,
            "on",
            cluster.folder,
            str(receiver),
            sys.executable,
            TRANSFER,
            "receive",
            str(port),
            str(count),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    cluster.script("on", str(sender), sys.executable, TRANSFER, "send", f"n{receiver}", str(port), str(count))
    return float(listening.communicate(timeout=120)[0])


@pytest.mark.parametrize(("sender", "receiver"), [(1, 3), (3, 2), (1, 2), (2, 1)])
def test_a_plain_transfer_runs_at_the_rate_that_was_set(cluster: Cluster, sender: int, receiver: int) -> None:
    slow = {sender, receiver} == {1, 2}
    wanted = BYTES_PER_S / (100 if slow else 1)
    # So many that what a bucket holds, and what is there as the clock starts, are a few hundredths.
    count = MEBIBYTE if slow else 32 * MEBIBYTE
    best = 0.0
    for _ in range(ATTEMPTS):
        found = rate_between(cluster, sender, receiver, count)
        assert found <= 1.1 * wanted
        best = max(best, found)
        if best >= 0.8 * wanted:
            break
    assert best >= 0.2 * wanted


def largest_of(cluster: Cluster, work: Path, budget_seconds: int) -> Result:
    """What an all_reduce of n1 and n3 found at the largest size that it came to."""
    work.mkdir()
    job = cluster.submit(
        work, "--nodes", "2", "--", "--device", "cpu", "--workload", "all_reduce",
        "--time-budget", str(budget_seconds), "--patience", "90",
    )  # fmt: skip
    ended = cluster.wait(job)
    log = (work / f"slurm-{job}.out").read_text(encoding="utf-8")
    assert ended == "0:0", log
    found = {one.node: one for one in map(load_record, (work / "out").glob("record-*.json"))}
    assert set(found) == {"n1", "n3"}
    results = [result for result in found["n1"].results if result.workload == "all_reduce"]
    assert {result.status for result in results} == {"ok"}
    # 8 bytes are far from what the link carries: they only wait.
    smallest = min(results, key=size_of)
    assert smallest.value is not None
    assert smallest.value < BYTES_PER_S / 100
    return max(results, key=size_of)


def size_of(result: Result) -> int:
    return (result.shape or {})["bytes"]


def test_the_bus_bandwidth_of_an_all_reduce_between_two_nodes_is_that_of_their_link(
    cluster: Cluster, tmp_path: Path
) -> None:
    # The node between which and n1 there is another cable is taken out.
    cluster.clear()
    cluster.call("scontrol", "update", "nodename=n2", "state=drain", "reason=link")
    found = largest_of(cluster, tmp_path / "short", 10)
    # Where others load the machine it comes to larger sizes in more time only.
    if size_of(found) < MEBIBYTE:
        found = largest_of(cluster, tmp_path / "long", 40)
    assert size_of(found) >= MEBIBYTE
    assert found.exchange is not None
    assert (found.exchange.ranks, found.exchange.nodes) == (2, 2)
    # A mebibyte takes 8.8 ms, its latency 0.5 ms. Of two ranks each sends what it has once: bus is wire.
    # Others that load the machine cost time: the best of five rounds or more is the link's.
    assert 0.6 * BYTES_PER_S <= max(found.rounds) <= 1.15 * BYTES_PER_S


def test_pairwise_rounds_name_the_slow_link_and_no_other(cluster: Cluster, tmp_path: Path) -> None:
    cluster.clear()
    # Rates so low that a loaded machine keeps up with them.
    for node in ("1", "2", "3"):
        cluster.script("shape", node, "100mbit", "16kb")
    job = cluster.submit(
        tmp_path, "--", "--device", "cpu", "--workload", "links", "--time-budget", "10", "--patience", "90"
    )
    ended = cluster.wait(job)
    log = (tmp_path / f"slurm-{job}.out").read_text(encoding="utf-8")
    assert ended == "0:0", log
    (path,) = (tmp_path / "out").glob("record-n1-*.json")
    results = [one for one in load_record(path).results if one.workload == "links"]
    found = max(results, key=size_of).exchange
    assert found is not None
    rates = {link.ranks: link.best_bytes_per_s for link in found.links}
    assert len(rates) == 6
    for ranks, rate in rates.items():
        # What latency and a loaded machine cost is not known: no link is faster than it is.
        assert rate <= 1.25 * BYTES_PER_S / (100 if set(ranks) == {0, 1} else 10)
    assert len(found.slow) in (1, 2), rates
    assert all("n1" in line and "n2" in line and "n3" not in line for line in found.slow)
