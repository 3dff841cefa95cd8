"""Readers of foreign files: each row is kept, repaired with a note, or left out with a reason."""
