"""Who controls it: capacity by level, with intervals; of nations, over time, against sales, for release."""
