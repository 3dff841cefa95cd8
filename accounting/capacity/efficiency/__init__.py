"""From measurements to the efficiencies that calibration pools."""
