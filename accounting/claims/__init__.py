"""What a claim of so many exaFLOPS can mean."""
