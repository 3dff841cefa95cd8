"""From rounds to figures: status, physical limits, roofline, scores, and two records compared."""
