"""How many accelerators, from a count, a power or a cost."""
