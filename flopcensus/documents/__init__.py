"""An answer as plain data: the JSON and CSV that programs read, a file for each command that answers."""
