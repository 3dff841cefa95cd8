"""What AI compute exists, what it can do, and who controls it."""
