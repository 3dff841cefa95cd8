"""What several devices do together: one process a device, on one node or on many, as one process group."""
