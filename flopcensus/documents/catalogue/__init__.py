"""The catalogue: tables of the facts that the accounts rest on, each row with its sources."""
