"""The long table of an estimate as CSV, XLSX, Parquet, JSON and SDMX-CSV, with a data dictionary."""
