"""The best mix: which counts of which accelerators do most within limits."""
