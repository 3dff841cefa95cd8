"""What the operating system tells of a node's hardware: processor, PCI devices, control groups."""
