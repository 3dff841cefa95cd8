"""How the ranks of a group meet, and who is to blame where one does not come or falls silent."""
