"""A study: its file, what it names, what it finds, and the parts of its results that the page shows."""
