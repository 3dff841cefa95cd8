"""Transfers: what counts, in which order streams wait, and a check that can fail. GPUs are stood in for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kernels.moving import memory_nodes, payload
from kernels.shared.capture import NotRecordableError
from kernels.transfer import TRANSFERS, PreparedTransfer, Route, Transfer
from kernels.transfer_devices import PreparedBetweenDevices, TransferBetweenDevices
from kernels.transfer_nodes import CHUNK_BYTES, Crew, PreparedBetweenNodes, TransferBetweenNodes
from kernels.workload import Place, Prepared, Workload

DEVICES, NODES = TransferBetweenDevices(), TransferBetweenNodes()
GPU = Place(kind="cuda", device="cuda:0", peers=("cuda:1", "cuda:2"))
# Two nodes as far as anyone can tell: what is special about them is tested apart.
CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
CPU = Place(numa_cpus=((CPUS[0],), (CPUS[-1],)))
SHAPE = {"bytes": 3 * CHUNK_BYTES}
ELEMENTS = SHAPE["bytes"] // 4
ALL: list[Workload] = [*TRANSFERS, DEVICES, NODES]
SENT = payload.payload(1024 * 300, 1)
EVERY = pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
EVERY_ON_GPU = pytest.mark.parametrize("workload", ALL[:-1], ids=lambda workload: workload.name)
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="threads are not held to CPUs here"
)


def place_for(workload: Workload) -> Place:
    return CPU if workload is NODES else GPU


class Gpu:
    """Stands in for torch's GPUs: all lies in the host's memory, and what is asked for is written down.

    Attributes:
        log: Waits, copies and streams, in order.
        placed: Device and whether pinned, of each array that torch was asked for.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.placed: list[tuple[str, bool]] = []
        self.recording = False
        self._streams = 0
        self._now = self._named("main")

    def Stream(self, device: str) -> SimpleNamespace:  # noqa: N802 - torch's name
        self._streams += 1
        return self._named(f"side {self._streams}")

    def current_stream(self, _device: str) -> SimpleNamespace:
        return self._now

    @contextmanager
    def stream(self, stream: SimpleNamespace) -> Iterator[None]:
        before, self._now = self._now, stream
        yield
        self._now = before

    def synchronize(self, _device: str) -> None:
        self.log.append("synchronize")

    def note_copy(self, non_blocking: bool) -> None:
        self.log.append(f"copy on {self._now.name}{' without waiting' if non_blocking else ''}")

    def _named(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(
            name=name, wait_stream=lambda other: self.log.append(f"{name} waits for {other.name}")
        )


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    found = Gpu()
    empty, copy = torch.empty, torch.Tensor.copy_

    def empty_here(
        *sizes: Any, device: Any = "cpu", pin_memory: bool = False, **options: Any
    ) -> torch.Tensor:
        if isinstance(device, str):  # random numbers are drawn into arrays of a torch.device
            found.placed.append((device, pin_memory))
        return empty(*sizes, **options)

    def copy_here(target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        if len(target) == ELEMENTS:
            found.note_copy(non_blocking)
        return copy(target, source)

    def to(values: torch.Tensor, device: str) -> torch.Tensor:
        found.placed.append((str(device), False))
        return values.clone()

    monkeypatch.setattr(torch, "empty", empty_here)
    monkeypatch.setattr(torch.Tensor, "copy_", copy_here)
    monkeypatch.setattr(torch.Tensor, "to", to)
    for name in ("Stream", "current_stream", "stream", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, getattr(found, name))
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: found.recording)
    monkeypatch.setattr(
        torch.cuda, "can_device_access_peer", lambda one, other: (one, other) == ("cuda:0", "cuda:1")
    )
    return found


def prepared(workload: Workload) -> Prepared:
    return workload.prepare("fp32", SHAPE, place_for(workload), seed=2)


def run(workload: Workload) -> Prepared:
    operation = prepared(workload)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


def targets(operation: Prepared) -> list[torch.Tensor]:
    if isinstance(operation, PreparedTransfer):
        return [route.target for route in operation.routes]
    if isinstance(operation, PreparedBetweenDevices):
        return [operation.route.target]
    return [cast("PreparedBetweenNodes", operation).target]


def test_names_say_direction_and_memory() -> None:
    assert [one.name for one in ALL] == [
        "transfer_to_device_pinned",
        "transfer_from_device_pinned",
        "transfer_both_pinned",
        "transfer_to_device_pageable",
        "transfer_from_device_pageable",
        "transfer_between_devices",
        "transfer_between_nodes",
    ]
    assert all("each byte counted once" in one.summary for one in ALL)


@EVERY
@given(size=st.integers(1, 1 << 40))
def test_the_payload_counts_once_and_both_ways_together(workload: Workload, size: int) -> None:
    ways = 2 if "both" in workload.name else 1
    assert workload.bytes_moved({"bytes": size}, "fp32") == ways * size
    arrays = 2 if workload is NODES else ways
    assert workload.footprint_bytes({"bytes": size}, "fp32") == arrays * size
    assert workload.flop({"bytes": size}) == 0


@EVERY
@given(memory_bytes=st.integers(0, 1 << 34), cache_bytes=st.integers(0, 1 << 28))
def test_ladder_grows_and_fits(workload: Workload, memory_bytes: int, cache_bytes: int) -> None:
    place = Place(memory_bytes=memory_bytes, cache_bytes=cache_bytes, numa_cpus=((0,), (1,)))
    ladder = workload.ladder("fp32", place)
    sizes = [shape["bytes"] for shape in ladder]
    assert sizes == sorted(set(sizes))
    assert all(size % CHUNK_BYTES == 0 for size in sizes)
    assert all(workload.footprint_bytes(shape, "fp32") <= memory_bytes for shape in ladder)
    if workload is NODES:
        assert all(size >= 4 * cache_bytes for size in sizes)


@EVERY_ON_GPU
def test_a_gpu_is_asked_for_256_mib_at_least(workload: Workload) -> None:
    assert workload.ladder("fp32", GPU)[-1]["bytes"] >= 256 << 20


def test_where_there_is_one_memory_nothing_is_measured() -> None:
    for workload in TRANSFERS:
        assert workload.lacks("fp32", Place()) == "a CPU has no memory apart from the host's"
        assert "Apple" in (workload.lacks("fp32", Place(kind="mps", device="mps:0")) or "")
        assert workload.lacks("fp32", GPU) is None
    assert DEVICES.lacks("fp32", Place(kind="rocm", device="cuda:0")) == "there is one rocm device only"
    assert "one device" in (DEVICES.lacks("fp32", Place()) or "")
    assert NODES.lacks("fp32", Place(numa_cpus=((0, 1),))) == "the CPUs that may be used have one memory node"
    assert NODES.lacks("fp32", Place()) is not None
    assert "the CPU's" in (NODES.lacks("fp32", GPU) or "")


@EVERY
def test_where_it_lacks_something_it_cannot_be_prepared(workload: Workload) -> None:
    nowhere = GPU if workload is NODES else Place()
    assert workload.backends("fp32", nowhere) == ()
    with pytest.raises(ValueError, match=f"{workload.name} cannot run"):
        workload.prepare("fp32", SHAPE, nowhere, seed=0)
    with pytest.raises(ValueError, match="bf16"):
        workload.prepare("bf16", SHAPE, place_for(workload), seed=0)
    if not workload.lacks("fp32", place_for(workload)):
        with pytest.raises(ValueError, match=r"'nccl'.*known: "):
            workload.prepare("fp32", SHAPE, place_for(workload), seed=0, backend="nccl")


@EVERY_ON_GPU
def test_right_bytes_pass(workload: Workload, gpu: Gpu) -> None:
    verdict = run(workload).check()
    assert verdict.correct, verdict.detail


@EVERY_ON_GPU
def test_bytes_never_sent_fail(workload: Workload, gpu: Gpu) -> None:
    operation = prepared(workload)
    operation.poison()
    assert not operation.check().correct


@EVERY_ON_GPU
def test_each_target_is_compared(workload: Workload, gpu: Gpu) -> None:
    operation = run(workload)
    for target in targets(operation):
        target[ELEMENTS // 2 + 5] += 1
        assert not operation.check().correct
        operation.run()
        assert operation.check().correct


@pytest.mark.parametrize(
    ("workload", "placed"),
    [
        (TRANSFERS[0], [("cpu", True), ("cuda:0", False)]),
        (TRANSFERS[1], [("cpu", False), ("cuda:0", False), ("cpu", True)]),
        (TRANSFERS[3], [("cpu", False), ("cuda:0", False)]),
        (TRANSFERS[4], [("cpu", False), ("cuda:0", False), ("cpu", False)]),
        (DEVICES, [("cpu", False), ("cuda:0", False), ("cuda:1", False)]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_arrays_lie_where_the_name_says(workload: Workload, placed: list[tuple[str, bool]], gpu: Gpu) -> None:
    prepared(workload)
    assert gpu.placed == placed


def test_both_ways_run_side_by_side_between_what_was_before_and_what_comes_after(gpu: Gpu) -> None:
    operation = run(TRANSFERS[2])
    assert [entry for entry in gpu.log if entry != "synchronize"][-6:] == [
        "side 1 waits for main",
        "side 2 waits for main",
        "copy on side 1 without waiting",
        "copy on side 2 without waiting",
        "main waits for side 1",
        "main waits for side 2",
    ]
    first, second = cast("PreparedTransfer", operation).routes
    assert not torch.equal(first.source, second.source)


@pytest.mark.parametrize(("pinned", "how"), [(True, " without waiting"), (False, "")])
@pytest.mark.parametrize("direction", ["to_device", "from_device"])
def test_one_way_runs_on_the_current_stream(direction: Any, pinned: bool, how: str, gpu: Gpu) -> None:
    run(Transfer(direction, pinned=pinned))
    assert gpu.log[-1] == f"copy on main{how}"


@pytest.mark.parametrize(
    ("workload", "refuses"),
    [*((one, not one.pinned) for one in TRANSFERS), (DEVICES, True)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_a_graph_cannot_hold_refuses_to_be_recorded(workload: Workload, refuses: bool, gpu: Gpu) -> None:
    operation = prepared(workload)
    if isinstance(operation, PreparedBetweenDevices):
        on_gpu = SimpleNamespace(device="cuda:0")
        operation = PreparedBetweenDevices(cast("Route", SimpleNamespace(source=on_gpu)), directly=None)
    gpu.recording = True
    if not refuses:
        operation.run()
        return
    with pytest.raises(NotRecordableError):
        operation.run()


def test_between_devices_it_is_told_whether_directly(gpu: Gpu) -> None:
    assert prepared(DEVICES).backend == "torch/copy to cpu, peer to peer"
    other = Place(kind="cuda", device="cuda:0", peers=("cuda:3",))
    assert DEVICES.prepare("fp32", SHAPE, other, seed=0).backend.endswith(", through the host")


@given(elements=st.integers(1, 8), seed=st.integers(0, 1 << 30))
def test_sum_of_bits_is_that_of_integers(elements: int, seed: int) -> None:
    values = payload.payload(1024 * elements, seed)
    expected = sum(values.view(torch.int64).tolist()) % 2**64
    assert payload.bit_sum(values) == expected


def test_blocks_in_each_others_place_are_noticed() -> None:
    found = SENT.clone()
    found[1024:2048], found[2048:3072] = SENT[2048:3072], SENT[1024:2048]
    assert payload.bit_sum(found) == payload.bit_sum(SENT)
    verdict = payload.compare(SENT, found)
    assert not verdict.correct
    assert verdict.detail.startswith("2 of 300 blocks misplaced")


def test_elements_in_each_others_place_are_noticed_in_sampled_blocks() -> None:
    found = SENT.clone()
    found[5], found[7] = float(SENT[7]), float(SENT[5])
    assert payload.bit_sum(found) == payload.bit_sum(SENT)
    assert "1 of 64 sampled ones differ" in payload.compare(SENT, found).detail
    assert not payload.compare(SENT, found).correct


@given(place=st.integers(0, 1024 * 300 - 1), bit=st.integers(0, 30))
def test_any_wrong_bit_is_noticed(place: int, bit: int) -> None:
    found = SENT.clone()
    found.view(torch.int32)[place] ^= 1 << bit
    assert not payload.compare(SENT, found).correct


def test_a_payload_repeats_but_for_its_numbers() -> None:
    values = payload.payload(6 << 20, 3)
    blocks = values.view(torch.int32).view(-1, 1024)
    assert blocks[:, 0].tolist() == list(range(6 << 10))
    assert torch.equal(blocks[0, 1:], blocks[4096, 1:])
    assert 0.9 < float(values[1:1024].std()) < 1.1


@needs_affinity
def test_a_crew_stays_on_its_cpus_and_covers_everything() -> None:
    where: set[frozenset[int]] = set()
    parts: list[tuple[int, int]] = []

    def note(start: int, end: int) -> None:
        where.add(frozenset(os.sched_getaffinity(0)))
        parts.append((start, end))

    before = os.sched_getaffinity(0)
    size = 5 * CHUNK_BYTES + 4096
    Crew((CPUS[-1],)).share(size, note)
    Crew(CPUS).share(size, note)
    assert where == {frozenset({CPUS[-1]}), frozenset(CPUS)}
    assert os.sched_getaffinity(0) == before, "only the crew's own threads are held"
    covered = [byte for start, end in parts for byte in range(start, end, 4096)]
    assert sorted(covered) == sorted([*range(0, size, 4096)] * 2)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system tells of each array that it lies on a node of its own."""
    told: list[int] = []

    def nodes_of(address: int, _size: int) -> dict[int, int]:
        told.append(address)
        return {len(told) % 2: 256}

    monkeypatch.setattr(memory_nodes, "nodes_of", nodes_of)


@needs_affinity
def test_between_nodes_right_bytes_pass(apart: None) -> None:
    operation = prepared(NODES)
    assert not operation.check().correct, "nothing was copied yet"
    operation.run()
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    assert verdict.detail.endswith("0% of pages on common memory nodes")
    assert operation.backend == "memmove, 1 threads"
    (target,) = targets(operation)
    target[ELEMENTS - 1] = 0.0
    assert not operation.check().correct
    operation.poison()
    assert bool(target.isnan().all())
    assert not operation.check().correct


@needs_affinity
def test_arrays_on_one_node_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here they lie on one node for certain, or the system moved them there."""
    monkeypatch.setattr(memory_nodes, "nodes_of", lambda _address, _size: {0: 200, 1: 56})
    operation = run(NODES)
    verdict = operation.check()
    assert not verdict.correct
    assert "100% of pages" in verdict.detail
    monkeypatch.setattr(memory_nodes, "nodes_of", lambda _address, _size: None)
    assert operation.check().correct
    assert "not told" in operation.check().detail


def test_the_system_tells_where_pages_lie() -> None:
    values = torch.ones(16 << 20)
    found = memory_nodes.nodes_of(values.data_ptr(), values.nbytes)
    if found is None:
        pytest.skip("this system does not tell")
    assert sum(found.values()) == memory_nodes.SAMPLED_PAGES
    assert memory_nodes.common_share(found, found) == pytest.approx(1)


def test_share_of_pages_in_common() -> None:
    share = memory_nodes.common_share
    assert share({0: 10}, {1: 10}) == 0
    assert share({0: 10}, {0: 3}) == 1
    assert share({0: 5, 1: 5}, {1: 20}) == pytest.approx(0.5)
    assert share({0: 9, 1: 1}, {0: 1, 1: 9}) == pytest.approx(0.2)
