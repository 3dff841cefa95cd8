"""The compiled routines: found in the cache or compiled with the C compiler at hand, then loaded.

They load on any x86-64. Each routine is compiled for an instruction set of its own, and its caller must make
sure that the processor has that.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import InputError
from bench.files import write_bytes_atomic

COMPILERS = ("gcc", "cc", "clang")
FLAGS = ("-std=gnu11", "-O2", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden")
# The second attempt leaves out the instructions that an older assembler does not know.
ATTEMPTS: tuple[tuple[str, ...], ...] = ((), ("-DFC_BASELINE",))
COMPILE_SECONDS = 120.0
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class NativeLibrary:
    """The routines, or why there are none.

    Attributes:
        library: The routines, their signatures declared.
        absent: Why there are none.
        compiler: First line of the compiler's version.
    """

    library: ctypes.CDLL | None
    absent: str | None = None
    compiler: str | None = None


@functools.cache
def load_native() -> NativeLibrary:
    """Load the routines, compiled first where the cache does not hold them; once a process."""
    unsuited = _unsuited()
    if unsuited:
        return NativeLibrary(None, unsuited)
    compiler = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if compiler is None:
        return NativeLibrary(None, f"no C compiler on the PATH (looked for {', '.join(COMPILERS)})")
    version = _first_line(_run([compiler, "--version"])) or compiler
    try:
        return NativeLibrary(_load(compiler, version), compiler=version)
    except (OSError, InputError) as error:
        return NativeLibrary(None, f"the compiled routines cannot be had: {error}", version)


def cache_folder() -> Path:
    """Where compiled routines are kept: ``$XDG_CACHE_HOME/flopcensus``, as the XDG directories say."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named and Path(named).is_absolute() else Path("~/.cache").expanduser()
    return base / "flopcensus"


def sources() -> tuple[Path, ...]:
    """The C sources and headers, as they were installed."""
    import kernels.native.library  # noqa: PLC0415 - another package may hide ours until checked

    folder = Path(kernels.native.library.__file__).parent
    return tuple(sorted([*folder.glob("*.c"), *folder.glob("*.h")]))


def is_trusted(path: Path) -> bool:
    """Whether a file is this user's own and nobody else can write to it, or to its folder."""
    try:
        found = (path.stat(follow_symlinks=False), path.parent.stat())
    except OSError:
        return False
    own = all(one.st_uid == os.getuid() and not one.st_mode & WRITABLE_BY_OTHERS for one in found)
    return own and stat.S_ISREG(found[0].st_mode)


def _unsuited() -> str | None:
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "AMD64"}:
        return f"compiled routines are for Linux on x86-64; this is {sys.platform} on {platform.machine()}"
    return None


def _load(compiler: str, version: str) -> ctypes.CDLL:
    from kernels.native.library import declare  # noqa: PLC0415

    path = cache_folder() / f"native-{_key(version)}.so"
    if is_trusted(path):
        try:
            return declare(ctypes.CDLL(str(path)))
        except (OSError, AttributeError):  # cut short by a full disk, or not ours after all
            path.unlink(missing_ok=True)
    return declare(_compile_and_keep(compiler, path))


def _key(version: str) -> str:
    """Hash of all that decides what the compiler makes."""
    hashed = hashlib.blake2b(repr((version, FLAGS, ATTEMPTS)).encode(), digest_size=12)
    for path in sources():
        hashed.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return hashed.hexdigest()


def _compile_and_keep(compiler: str, path: Path) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="flopcensus-native-") as folder:
        made = Path(folder) / "native.so"
        _compile(compiler, made)
        kept = _keep(made, path)
        # A library stays mapped after its file is gone, so that nothing need be left behind.
        return ctypes.CDLL(str(kept if kept is not None else made))


def _keep(made: Path, path: Path) -> Path | None:
    """Put what was compiled into the cache; None where that cannot be written or trusted."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes_atomic(path, made.read_bytes())
        path.chmod(0o700)
    except (OSError, InputError):
        return None
    return path if is_trusted(path) else None


def _compile(compiler: str, made: Path) -> None:
    """Compile everything, or all but the newest instruction sets.

    Raises:
        OSError: Neither compiled; the first line of what the compiler said.
    """
    units = [str(path) for path in sources() if path.suffix == ".c"]
    said = ""
    for attempt in ATTEMPTS:
        done = _run([compiler, *FLAGS, *attempt, "-o", str(made), *units])
        if done is not None and done.returncode == 0:
            return
        said = said or _first_line(done)
    raise OSError(f"{Path(compiler).name}: {said or 'did not finish'}")


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """Run the compiler, its messages in English; None where it cannot be run or hangs."""
    try:
        # The command is the compiler that the user's PATH names, on our own files.
        return subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMPILE_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None


def _first_line(done: subprocess.CompletedProcess[str] | None) -> str:
    """The first line that says what is wrong, or the first at all."""
    lines = f"{done.stdout}\n{done.stderr}".strip().splitlines() if done is not None else []
    errors = (line for line in lines if "error" in line.lower())
    return next(errors, lines[0] if lines else "").strip()
