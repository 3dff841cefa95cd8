"""Hypothesis without a clock: a shared machine may pause for longer than any deadline."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
