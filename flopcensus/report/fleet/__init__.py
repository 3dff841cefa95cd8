"""The pictures of a fleet's page: its heat map, and how each metric is spread."""
