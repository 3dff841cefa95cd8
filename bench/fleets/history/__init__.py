"""Nightly runs of a whole site over years: a Parquet dataset that is added to and asked what has changed."""
