"""A run on many nodes, started by the launcher that a site has: who is who, and who has not come."""
