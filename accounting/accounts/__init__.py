"""Who controls it: levels, groups, concentration."""
