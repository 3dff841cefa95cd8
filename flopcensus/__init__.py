"""flopcensus: what AI accelerators deliver, and who holds how much of it."""

__version__ = "0.1.0"
__all__ = ["__version__"]
