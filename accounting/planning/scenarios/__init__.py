"""Scenarios: supply that is cut off, and capacity that changes hands, place or use (docs/scenarios.md)."""
