"""Devices: what they are, how calls on them are timed, what their meters say."""
