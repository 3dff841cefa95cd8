"""One process a device does the measuring; this side tells it what to do and never waits for ever."""
