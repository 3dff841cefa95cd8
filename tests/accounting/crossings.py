"""Random crossings for the laws of accounts, and the same as a table of pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from accounting.accounts.crosstabs import Crosstab

DRAWS = 3
PLACES = ["FR", "DE", "US", "CN", "unknown"]
HOLDERS = [*PLACES, "EU"]
amounts = st.floats(0, 1e20) | st.floats(1e-3, 1e3) | st.just(0.0)


@st.composite
def crossings(draw: st.DrawFn, levels: int = 2, least: int = 1) -> dict[tuple[str, ...], np.ndarray]:
    """Draw a crossing of the territory and further levels of nations."""
    key = st.tuples(st.sampled_from(PLACES), *[st.sampled_from(HOLDERS)] * (levels - 1))
    value = st.lists(amounts, min_size=DRAWS, max_size=DRAWS).map(np.array)
    return draw(st.dictionaries(key, value, min_size=least, max_size=15))


@st.composite
def holders(draw: st.DrawFn, least: int = 1) -> dict[tuple[str, ...], np.ndarray]:
    """Draw one level in which something is held in every draw."""
    names = st.text("abcdefgh", min_size=1, max_size=3) | st.just("unknown")
    value = st.lists(st.floats(1e-3, 1e9), min_size=DRAWS, max_size=DRAWS).map(np.array)
    return draw(st.dictionaries(names.map(lambda n: (n,)), value, min_size=least, max_size=12))


def frame(sums: Crosstab, *names: str) -> pd.DataFrame:
    """Return a crossing as a long table: a row for each key and draw."""
    rows = [
        (*key, draw, float(value))
        for key, draws in sums.items()
        for draw, value in enumerate(np.asarray(draws))
    ]
    return pd.DataFrame(rows, columns=[*names, "draw", "value"])
