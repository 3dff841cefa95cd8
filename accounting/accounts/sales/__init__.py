"""Chip sales held against a census: what was sold, what is located, and the shares of each."""
