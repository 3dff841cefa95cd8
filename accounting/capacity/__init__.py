"""What it can do: efficiencies, sizes, the four bases, draws and their sums."""
