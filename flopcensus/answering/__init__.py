"""From options to answers: what the command line and the library both call."""
