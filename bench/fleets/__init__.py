"""Many nodes: reading records by the thousand, judging devices by their peers, and fleets made up to test
that.
"""
