"""Totals at many dates, their growth, and the leading systems."""
