"""A plan goes into a journal and comes back the same."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bench.plan import Plan
from bench.running.resume import plan_as_dict, plan_from_dict

NAMES = st.lists(st.text(min_size=1, max_size=9), max_size=3).map(tuple)
PLANS = st.builds(
    Plan,
    st.sampled_from(["quick", "default", "full", "custom"]),
    st.floats(1, 1e5),
    st.text(min_size=1, max_size=9),
    NAMES,
    NAMES,
    st.integers(0, 2**40),
    st.booleans(),
    st.none() | st.text(min_size=1, max_size=30),
)


@given(PLANS)
def test_a_plan_survives_the_journal(plan: Plan) -> None:
    assert plan_from_dict(json.loads(json.dumps(plan_as_dict(plan)))) == plan


def test_a_plan_of_an_earlier_version_names_no_folder() -> None:
    data = plan_as_dict(Plan("quick", 60.0))
    del data["storage_dir"]
    assert plan_from_dict(data) == Plan("quick", 60.0)
