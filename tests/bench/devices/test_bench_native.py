"""The compiled routines: compiled once, trusted where nobody else could have written them, told why not."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.devices import native
from bench.devices.native import NativeLibrary, cache_folder, is_trusted, load_native, sources
from bench.devices.system import processor

LOAD = "from bench.devices.native import load_native; assert load_native().library is not None"


def load_elsewhere() -> subprocess.Popen[bytes]:
    """Load in a process of its own: within one, a path once loaded stays what it was."""
    return subprocess.Popen([sys.executable, "-c", LOAD], cwd=Path(native.__file__).parents[2])


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[NativeLibrary, Path]:
    """Compiling takes seconds: once for all tests that need not do it themselves."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        load_native.cache_clear()
        return load_native(), folder / "flopcensus"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_native.cache_clear()
    yield tmp_path / "flopcensus"
    load_native.cache_clear()


@pytest.fixture
def compiled(compiled_once: tuple[NativeLibrary, Path], cache: Path) -> NativeLibrary:
    """Compiled routines, in this test's cache."""
    found, folder = compiled_once
    if found.library is None:
        pytest.skip(f"no compiled routines here: {found.absent}")
    shutil.copytree(folder, cache)
    return found


def test_loaded_or_told_why_not(compiled_once: tuple[NativeLibrary, Path]) -> None:
    found, _ = compiled_once
    assert (found.library is None) == (found.absent is not None)


def test_compiled_once(compiled: NativeLibrary, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept,) = cache.iterdir()
    assert compiled.compiler
    monkeypatch.setattr(native, "_compile", lambda *_: pytest.fail("compiled again"))
    load_native.cache_clear()
    assert load_native().library is not None
    assert list(cache.iterdir()) == [kept]
    assert not kept.stat().st_mode & native.WRITABLE_BY_OTHERS


def test_two_processes_may_compile_anew_at_once(compiled: NativeLibrary, cache: Path) -> None:
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])  # cut short by a full disk
    both = [load_elsewhere() for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    assert list(cache.iterdir()) == [kept]
    assert len(kept.read_bytes()) == len(whole)


def test_what_others_may_write_is_not_loaded(compiled: NativeLibrary, cache: Path) -> None:
    (kept,) = cache.iterdir()
    assert is_trusted(kept)
    kept.chmod(0o722)
    assert not is_trusted(kept)
    kept.chmod(0o700)
    cache.chmod(0o777)
    assert not is_trusted(kept)
    cache.chmod(0o700)


def test_a_link_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert not is_trusted(tmp_path / "link")
    assert not is_trusted(tmp_path / "absent")


def test_without_a_writable_cache_it_still_loads(
    compiled: NativeLibrary, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = cache.iterdir()
    monkeypatch.setattr(native, "_compile", lambda _, made: shutil.copy(kept, made))
    (tmp_path / "taken").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "taken"))
    load_native.cache_clear()
    assert load_native().library is not None


def test_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "_unsuited", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = load_native()
    assert found.library is None
    assert "no C compiler" in str(found.absent)
    assert "gcc" in str(found.absent)


def test_what_the_compiler_says_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(native, "_unsuited", lambda: None)
    fake = tmp_path / "gcc"
    fake.write_text(
        "#!/bin/sh\n[ $1 = --version ] && echo fake 1.0 && exit\necho x: error: no such flag >&2\nexit 1\n",
        encoding="utf-8",
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    found = load_native()
    assert found.library is None
    assert found.compiler == "fake 1.0"
    assert str(found.absent).endswith("gcc: x: error: no such flag")


def test_other_machines_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert "x86-64" in str(load_native().absent)
    assert "aarch64" in str(load_native().absent)


def test_the_baseline_compiles_too(
    compiled: NativeLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "ATTEMPTS", (("-DFC_BASELINE",),))
    load_native.cache_clear()
    library = load_native().library
    assert library is not None
    assert library.fc_has_unit(0)
    assert not library.fc_has_unit(8)


def test_sources_are_found() -> None:
    names = {path.name for path in sources()}
    assert {"crew.c", "crew.h", "stream.c", "vector.c", "matrix.c"} <= names


def test_the_cache_follows_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "flopcensus"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("~/.cache/flopcensus").expanduser()


def test_data_caches_first_level_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "usable_cpus", lambda: (3,))
    monkeypatch.setattr(sys, "platform", "linux")
    caches = [
        ("Unified", "3", "107520K"),
        ("Data", "1", "48K"),
        ("Instruction", "1", "32K"),
        ("Unified", "2", "2M"),
    ]
    for number, (kind, level, size) in enumerate(caches):
        folder = tmp_path / f"sys/devices/system/cpu/cpu3/cache/index{number}"
        folder.mkdir(parents=True)
        for name, text in (("type", kind), ("level", level), ("size", size), ("shared_cpu_list", "3")):
            (folder / name).write_text(text, encoding="utf-8")
    assert processor.data_caches_bytes(tmp_path) == (48 << 10, 2 << 20, 107520 << 10)
    assert processor.last_level_cache_bytes(tmp_path) == 107520 << 10
    assert processor.data_caches_bytes(tmp_path / "absent") == ()


def test_modes_named_are_those_of_others() -> None:
    assert native.WRITABLE_BY_OTHERS == stat.S_IWGRP | stat.S_IWOTH == 0o022
