"""Facts: accelerators, organisations, countries and groups."""
