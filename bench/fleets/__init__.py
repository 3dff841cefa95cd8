"""Many nodes: records read by the thousand, devices judged by their peers, fleets made up to test it."""
