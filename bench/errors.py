"""The one tree of errors.

::

    FlopcensusError            everything flopcensus raises on purpose; carries the exit code
    ├── InputError             the user's input cannot be used (exit 2)
    │   └── …                  accounting adds file:line:column faults, unknown ids, mixed units
    ├── MissingExtraError      a package the command needs is not installed (exit 2)
    ├── DeviceError            a device cannot be used, or stopped answering (exit 2)
    ├── KernelsShadowedError   another package named ``kernels`` hides ours (exit 2)
    ├── RecordError            a record cannot be read, or is not one (exit 2)
    └── RecordNotWrittenError  a finished record found no room on the disk; carries it (exit 2)

    FlopcensusDeprecationWarning   no error: what goes away in a version that its message names (`deprecated`)

It stands in the lowest floor that raises errors, so that every floor above can extend it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.record import Record

EXIT_BAD_INPUT = 2


class FlopcensusError(Exception):
    """Root of the tree. ``exit_code`` is what the command line returns for it."""

    exit_code: int = EXIT_BAD_INPUT


class FlopcensusDeprecationWarning(FutureWarning):
    """Something that still works, and will not in the version that the message names.

    A FutureWarning, since Python hides its own DeprecationWarning from everybody but the code that runs as
    ``__main__``. ``python -W error::bench.errors.FlopcensusDeprecationWarning`` turns it into an error.
    """


class InputError(FlopcensusError):
    """The input cannot be used; the message says what was found and how to mend it."""


class MissingExtraError(FlopcensusError):
    """A package this command needs is not installed; the message gives the install command."""


class DeviceError(FlopcensusError):
    """A device asked for is absent, or stopped answering."""


class KernelsShadowedError(FlopcensusError):
    """Another installed package named ``kernels`` hides this checkout's workloads."""


class RecordError(InputError):
    """A file is not a record, or not one this version can read."""


class RecordNotWrittenError(InputError):
    """A run is finished, but its record could not be written; ``record`` is it, to be shown all the same."""

    def __init__(self, message: str, record: Record) -> None:
        super().__init__(message)
        self.record = record


def deprecated(what: str, instead: str, gone_in: str) -> None:
    """Warn the caller's caller that something goes away.

    Args:
        what: As the user calls it: an option, a key of a config, a function.
        instead: What to write in its place.
        gone_in: The version that no longer has it.
    """
    import warnings  # noqa: PLC0415  (nothing is deprecated in most runs)

    text = f"{what} is deprecated and goes away in version {gone_in}; {instead}"
    warnings.warn(text, FlopcensusDeprecationWarning, stacklevel=3)
