"""What if: hypothetical clusters and mixes."""
