"""How a device is measured: devices, sampling, records."""
