"""``kernels/`` lives beside Hugging Face's package of the same import name: no name is used by both."""

from __future__ import annotations

from pathlib import Path

from kernels.catalogue import GROUPED, WORKLOADS

# files and folders at the top of kernels/ in Hugging Face's kernels 0.16.2
THEIRS = frozenset(
    [
        "__init__.py",
        "_system.py",
        "_versions.py",
        "_windows.py",
        "archs.py",
        "backends.py",
        "benchmark.py",
        "benchmarks",
        "cli",
        "compat.py",
        "deps.py",
        "layer",
        "lockfile.py",
        "minver.py",
        "python_depends.json",
        "status.py",
        "utils.py",
        "variants.py",
        "verify.py",
    ]
)


def test_it_is_a_namespace_package(repository: Path) -> None:
    assert not list((repository / "kernels").rglob("__init__.py*"))


def test_no_name_is_used_by_both(repository: Path) -> None:
    ours = {path.stem for path in (repository / "kernels").rglob("*") if "__pycache__" not in path.parts}
    assert {"gemm", "products"} <= ours
    assert not ours & {Path(name).stem for name in THEIRS}


def test_the_workloads_stand_on_top_and_their_helpers_in_rooms(repository: Path) -> None:
    top = {path.stem for path in (repository / "kernels").glob("*.py")}
    everything = [*WORKLOADS.values(), *GROUPED.values()]
    workloads = {type(workload).__module__.removeprefix("kernels.") for workload in everything}
    assert top == workloads | {"catalogue", "workload"}
    folders = (path for path in (repository / "kernels").iterdir() if path.is_dir())
    rooms = [path for path in folders if path.name != "__pycache__"]
    held = [{path for path in room.iterdir() if path.name != "__pycache__"} for room in rooms]
    # a room left with nothing but byte code is of another commit
    assert all(len(paths) > 1 and all(path.is_file() for path in paths) for paths in held if paths)
