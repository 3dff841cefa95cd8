"""An answer for people: tables and sentences in a terminal, a file for each command that answers."""
