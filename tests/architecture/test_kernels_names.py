"""``kernels/`` lives beside Hugging Face's package of the same import name: no name is used by both."""

from __future__ import annotations

from pathlib import Path

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
    ours = {path.stem for path in (repository / "kernels").iterdir() if path.name != "__pycache__"}
    assert "gemm" in ours
    assert not ours & {Path(name).stem for name in THEIRS}
