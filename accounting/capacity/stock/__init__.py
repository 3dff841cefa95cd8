"""Stock over time: what enters and what leaves service, seen and projected (docs/stock.md)."""
