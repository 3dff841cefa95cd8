"""Reader of a fleet: the bench records of a site's nodes, as one facility whose count was measured.

A record says which devices a node has, not where it stands nor whose it is. That is said in ``fleet.yaml``
in the folder, or stays unknown::

    id: our-cluster
    name: Our cluster
    territory: FI
    owner: university-of-x      # an organisation's id or name
    operator: university-of-x
    sector: public
    in_service: 2026-03-01

A device counts once, by its UUID where it has one, else by node and id, however many records tell of it; CPUs
are no accelerators. What is no record is left out by reason, and so are devices of no known model.
"""

from __future__ import annotations

import datetime
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from gzip import decompress
from pathlib import Path
from typing import Any, Literal
from zlib import error as ZlibError  # noqa: N812

from pydantic import BaseModel, ConfigDict

from accounting.census.facilities import Sector
from accounting.census.ledger import Entry, Ledger, Owner
from accounting.documents import load_document
from accounting.errors import Fault, InputFaults
from accounting.quantities import Uncertain
from accounting.reference.facts import Facts
from accounting.validation import load_all
from bench.record import SCHEMA
