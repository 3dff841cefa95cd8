"""What the tests of launches share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.record import DeviceDescription, Record


@pytest.fixture
def known() -> Record:
    """A record that says little."""
    return Record(
        schema="flopcensus/record/1",
        node="n0",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        flopcensus_version="0",
        mode="quick",
        budget_seconds=1.0,
        seed=0,
        devices=(DeviceDescription(id="cpu", kind="cpu", name="any"),),
        environment={},
        results=(),
    )
