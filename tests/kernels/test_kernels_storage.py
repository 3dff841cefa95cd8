"""Storage: a file that leaves nothing behind, read from where it says, and a check that can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.moving import mounts
from kernels.moving.mounts import file_system
from kernels.moving.reading import BLOCK_BYTES
from kernels.storage import Kind, Storage
from kernels.workload import Place

if not hasattr(os, "preadv"):
    pytest.skip("no preadv here", allow_module_level=True)

from kernels.moving.shard import PreparedStorage, Shard

COLD, WARM = Storage("cold"), Storage("warm")
SHAPE = {"bytes": 2 * BLOCK_BYTES + 12_288, "threads": 2}
KINDS = pytest.mark.parametrize("kind", ["cold", "warm"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder that passes for storage, wherever the tests' own lies."""
    if file_system(str(tmp_path)) in mounts.MEMORY_FILE_SYSTEMS:
        monkeypatch.setattr(mounts, "file_system", lambda _folder: "ext4")
    return Place(folder=str(tmp_path), cache_bytes=16 << 20)


def run(kind: Kind, place: Place, backend: str | None = None, seed: int = 1) -> PreparedStorage:
    operation = Storage(kind).prepare("int8", SHAPE, place, seed=seed, backend=backend)
    assert isinstance(operation, PreparedStorage)
    operation.poison()
    with operation.setting():
        operation.run()
    return operation


@KINDS
def test_right_bytes_pass_and_no_file_is_to_be_seen(kind: Kind, place: Place, tmp_path: Path) -> None:
    operation = run(kind, place)
    verdict = operation.check()
    assert verdict.correct, verdict.detail
    assert verdict.detail == "0 of 3 blocks differ from what was written"
    assert list(tmp_path.iterdir()) == []


def test_both_ways_past_the_cache_read_the_same(place: Place) -> None:
    for backend in COLD.backends("int8", place):
        try:
            operation = run("cold", place, backend)
        except OSError:
            assert backend == "pread direct"  # not every file system has it
            continue
        assert operation.check().correct
        assert operation.backend.startswith(backend)


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="no O_DIRECT here")
def test_without_direct_reads_pages_are_dropped(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Shard._set_for

    def refusing(self: Shard, way: str) -> None:
        if way == "pread direct":
            raise OSError(22, "Invalid argument")
        real(self, way)

    monkeypatch.setattr(Shard, "_set_for", refusing)
    operation = run("cold", place)
    assert operation.backend.startswith("pread dropped, ")
    assert operation.check().correct
    with pytest.raises(OSError, match="Invalid"):
        run("cold", place, "pread direct")


def bytes_from_storage() -> int:
    """What this process has had fetched from storage so far."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("read_bytes")))


@pytest.mark.parametrize(("kind", "whole"), [("cold", 1), ("warm", 0)])
def test_cold_is_read_from_storage_and_warm_is_not(kind: Kind, whole: int, tmp_path: Path) -> None:
    if file_system(str(tmp_path)) not in ("ext4", "xfs") or not os.access("/proc/self/io", os.R_OK):
        pytest.skip("the system does not tell what it reads from storage")
    place = Place(folder=str(tmp_path))
    for backend in Storage(kind).backends("int8", place):
        operation = run(kind, place, backend)
        before = bytes_from_storage()
        operation.run()
        assert bytes_from_storage() - before == whole * SHAPE["bytes"]


@KINDS
def test_nothing_read_fails(kind: Kind, place: Place) -> None:
    operation = run(kind, place)
    operation.poison()
    assert not operation.check().correct


@pytest.mark.parametrize("where", [0, BLOCK_BYTES // 8, -1])
def test_one_wrong_bit_fails(where: int, place: Place) -> None:
    operation = run("warm", place)
    operation.found[where] ^= 1
    verdict = operation.check()
    assert not verdict.correct
    assert verdict.detail.startswith("1 of 3")


def test_blocks_in_each_others_place_fail(place: Place) -> None:
    operation = run("warm", place)
    words = BLOCK_BYTES // 8
    first = operation.found[:words].copy()
    operation.found[:words] = operation.found[words : 2 * words]
    operation.found[words : 2 * words] = first
    assert not operation.check().correct


def test_a_file_changed_behind_our_back_fails(place: Place) -> None:
    operation = run("warm", place)
    os.pwrite(operation.shard._descriptor, b"changed", BLOCK_BYTES + 5)
    operation.run()
    assert not operation.check().correct


def test_a_file_cut_short_is_an_error(place: Place) -> None:
    operation = run("warm", place)
    os.ftruncate(operation.shard._descriptor, BLOCK_BYTES)
    with pytest.raises(EOFError, match=f"{BLOCK_BYTES} bytes"):
        operation.run()


def test_reads_cut_short_are_taken_up_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, parts, at: real(file, [parts[0][:65_536]], at))
    assert run("warm", place).check().correct


def test_the_bytes_cannot_be_compressed(place: Place) -> None:
    operation = run("warm", place)
    contents = operation.found.tobytes()
    assert len(zlib.compress(contents, 1)) > 0.99 * len(contents)
    blocks = [block.tobytes() for _, block in operation.shard.blocks()]
    assert len(set(blocks)) == len(blocks)
    other = run("warm", place, seed=2)
    assert (other.found != operation.found).mean() > 0.99


def test_a_process_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from kernels.moving.shard import Shard\n"
        "shard = Shard(sys.argv[1], 1 << 20, 1, flush=True)\n"
        "print(os.fstat(shard._descriptor).st_size, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert killed.stdout.strip() == b"1048576"
    assert list(tmp_path.iterdir()) == []


@given(threads=st.integers(1, 64), size=st.integers(1, 1 << 40))
def test_bytes_are_the_files(threads: int, size: int) -> None:
    shape = {"bytes": size, "threads": threads}
    for workload in (COLD, WARM):
        assert workload.bytes_moved(shape, "int8") == size
        assert workload.footprint_bytes(shape, "int8") == 2 * size
        assert workload.flop(shape) == 0


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """What the folder's file system has free, as a test says. Unit: B."""
    usage = SimpleNamespace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    yield usage


def test_a_tenth_of_the_space_is_taken_at_most(place: Place, free: SimpleNamespace) -> None:
    for gigabytes in range(20):
        free.free = gigabytes << 30
        sizes = [shape["bytes"] for shape in COLD.ladder("int8", place)]
        assert sizes == sorted(set(sizes))
        assert all(10 * size <= free.free for size in sizes)
        reason = COLD.lacks("int8", place)
        assert reason is None if sizes else "too little space" in (reason or "")
    assert len(sizes) == 3


def test_ladder_fits_the_memory_and_warm_exceeds_the_cache(place: Place, free: SimpleNamespace) -> None:
    free.free = 1 << 50
    for memory in (1 << 26, 1 << 27, 1 << 30, 1 << 34):
        small = Place(folder=place.folder, memory_bytes=memory)
        assert all(COLD.footprint_bytes(s, "int8") <= memory for s in COLD.ladder("int8", small))
    large = Place(folder=place.folder, cache_bytes=100_000_001)
    (shape,) = WARM.ladder("int8", large)
    assert 200_000_002 <= shape["bytes"] < 200_000_002 + BLOCK_BYTES


@KINDS
def test_what_is_lacking_is_said(kind: Kind, place: Place, tmp_path: Path) -> None:
    workload = Storage(kind)
    gpu = Place(kind="cuda", device="cuda:0", folder=str(tmp_path))
    assert workload.lacks("int8", gpu) == "storage belongs to the node: measured with the CPU"
    assert "no folder" in (workload.lacks("int8", Place()) or "")
    gone = Place(folder=str(tmp_path / "gone"))
    assert "cannot be written to" in (workload.lacks("int8", gone) or "")
    assert workload.lacks("int8", place) is None
    for nowhere in (gpu, Place(), gone):
        assert workload.backends("int8", nowhere) == ()
        with pytest.raises(ValueError, match="cannot run"):
            workload.prepare("int8", SHAPE, nowhere, seed=0)


def test_memory_is_no_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "file_system", lambda _folder: "tmpfs")
    place = Place(folder=str(tmp_path))
    assert COLD.lacks("int8", place) == f"{tmp_path} is tmpfs: it is memory, not storage"
    assert WARM.lacks("int8", place) is None


def test_another_precision_or_backend_is_refused(place: Place) -> None:
    with pytest.raises(ValueError, match="fp32"):
        COLD.prepare("fp32", SHAPE, place, seed=0)
    with pytest.raises(ValueError, match=r"'mmap'.*known: pread cached"):
        WARM.prepare("int8", SHAPE, place, seed=0, backend="mmap")


MOUNTS = """\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
25 24 0:23 / /dev/shm rw - tmpfs tmpfs rw,size=24684084k
40 27 0:40 / /data rw - nfs4 server:/export rw
41 40 0:41 / /data/my\\040disk rw - xfs /dev/sdb rw
42 27 0:42 / /over rw - ext4 /dev/sdc rw
43 42 0:43 / /over rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/dev/shm/a", "tmpfs"),
        ("/dev/shmall", "ext4"),
        ("/data", "nfs4"),
        ("/data/my disk/b", "xfs"),
        ("/over/c", "tmpfs"),
    ],
)
def test_the_innermost_and_last_mount_tells_the_file_system(folder: str, kind: str, tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS, encoding="utf-8")
    assert file_system(folder, str(table)) == kind


def test_without_a_table_of_mounts_nothing_is_told(tmp_path: Path) -> None:
    assert file_system("/", str(tmp_path / "none")) is None
