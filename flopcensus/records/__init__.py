"""A bench record as people and spreadsheets read it."""
