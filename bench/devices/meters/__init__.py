"""Meters of devices: clock, power, energy and heat, through the vendors' libraries and Linux."""
