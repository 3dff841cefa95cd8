"""What exists: facilities, deployments, the ledger, and readers of foreign files."""
