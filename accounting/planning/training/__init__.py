"""Training runs: whether a cluster, a site or a nation can do one, in how long, at what cost."""
