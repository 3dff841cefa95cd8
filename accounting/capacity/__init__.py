"""What it can do: efficiencies, the four bases, draws."""
