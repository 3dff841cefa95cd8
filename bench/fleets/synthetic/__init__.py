"""Fleets that never were, in the format of real records, with faults planted where we know them.

    >>> fleet = make_fleet("demo", nodes=6, devices=2, bad=1, seed=7)
    >>> record(fleet, 0)["node"], len(fleet.bad)
    ('r00n00', 1)

Published for tests: a script that reads or judges fleets is tried on one whose bad devices are known.
"""

from bench.fleets.synthetic.documents import record, records, write
from bench.fleets.synthetic.planting import Fleet, Planted, draw_fault, make_fleet, node_name
from bench.fleets.synthetic.running import WORKS

__all__ = [
    "WORKS",
    "Fleet",
    "Planted",
    "draw_fault",
    "make_fleet",
    "node_name",
    "record",
    "records",
    "write",
]
