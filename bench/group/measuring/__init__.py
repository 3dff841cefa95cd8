"""What the ranks of a group measure together, all of them in step."""
