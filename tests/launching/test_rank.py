"""Which rank this is, from what each launcher leaves in the environment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import InputError
from bench.launching.rank import Rank, read_rank

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "GROUP_RANK": "1",
    "MASTER_ADDR": "node0", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "4711",
    "TORCHELASTIC_RESTART_COUNT": "0",
}  # fmt: skip
# as srun of Slurm 22.05 sets them
SLURM = {
    "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_PROCID": "2", "SLURM_NTASKS": "3",
    "SLURM_STEP_NUM_TASKS": "3", "SLURM_LOCALID": "0", "SLURM_NODEID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "2,1", "SLURM_STEP_NODELIST": "n[0-1]",
}  # fmt: skip
# as mpirun of Open MPI 4.1 sets them
OPENMPI = {
    "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "2774728705", "PMIX_RANK": "3",
}  # fmt: skip
HYDRA = {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1", "PMI_FD": "9"}
KUBERNETES = {"JOB_COMPLETION_INDEX": "2", "WORLD_SIZE": "4", "FLOPCENSUS_LAUNCH_ID": "0f6d"}
# a batch script is no step, and runs once: mpirun or torchrun in it starts the ranks
BATCH = {
    "SLURM_JOB_ID": "4711",
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "3",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
}


@pytest.mark.parametrize(
    ("variables", "rank"),
    [
        (TORCHRUN, Rank("torchrun", "4711.node0.29500.0", 5, 8, 1, 4, 1)),
        (SLURM, Rank("slurm", "4711.0", 2, 3, 0, 1, 1)),
        (OPENMPI, Rank("openmpi", "2774728705", 3, 4, 1, 2)),
        (HYDRA, Rank("mpich", None, 1, 2, 0, 1)),
        (KUBERNETES, Rank("kubernetes", "0f6d", 2, 4, 0, 1, 2)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, Rank("variables", None, 1, 2)),
        ({"PMI_RANK": "1", "PMI_SIZE": "2", "PALS_APID": "a"}, Rank("pmi", "a", 1, 2)),
        ({"PMIX_RANK": "1", "PMIX_NAMESPACE": "x", "WORLD_SIZE": "2"}, Rank("pmix", "x", 1, 2)),
    ],
)
def test_each_launcher_is_understood(variables: dict[str, str], rank: Rank) -> None:
    assert read_rank(variables) == rank


@pytest.mark.parametrize(
    ("inner", "outer", "launcher"),
    [
        (TORCHRUN, SLURM, "torchrun"),
        (OPENMPI, SLURM, "openmpi"),
        (HYDRA, SLURM, "mpich"),
        ({"PMI_RANK": "2", "PMI_SIZE": "3"}, SLURM, "slurm"),
        ({"PMIX_RANK": "2", "PMIX_NAMESPACE": "slurm.pmix.4711.0"}, SLURM, "slurm"),
        (OPENMPI, BATCH, "openmpi"),
    ],
)
def test_the_innermost_launcher_is_believed(
    inner: dict[str, str], outer: dict[str, str], launcher: str
) -> None:
    found = read_rank(outer | inner)
    assert found is not None
    assert found.launcher == launcher


@pytest.mark.parametrize(
    "variables",
    [
        {},
        BATCH,
        {"RANK": "1"},
        {"RANK": "", "WORLD_SIZE": "", "LOCAL_RANK": " "},
        {"WORLD_SIZE": "2", "MASTER_ADDR": "node0"},
        {"JOB_COMPLETION_INDEX": "1"},
    ],
)
def test_what_started_no_ranks_is_no_launcher(variables: dict[str, str]) -> None:
    assert read_rank(variables) is None


@pytest.mark.parametrize("text", ["-1", "one", "1.5", "²", "9" * 40, "1;id"])
def test_a_rank_that_is_no_number_is_bad_input(text: str) -> None:
    with pytest.raises(InputError, match="RANK must be a whole number"):
        read_rank({"RANK": text, "WORLD_SIZE": "4"})


@pytest.mark.parametrize(
    ("rank", "world"), [("4", "4"), ("0", "0")]
)  # fmt: skip
def test_a_rank_outside_its_world_is_what_another_launch_left(rank: str, world: str) -> None:
    with pytest.raises(InputError, match="--alone"):
        read_rank({"RANK": rank, "WORLD_SIZE": world})


def test_a_launcher_that_names_half_of_it_is_bad_input() -> None:
    with pytest.raises(InputError, match="SLURM_NTASKS"):
        read_rank({"SLURM_PROCID": "0", "SLURM_STEP_ID": "0"})


@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=12), data=st.data())
def test_tasks_of_a_node_are_read_from_slurms_shorthand(counts: list[int], data: st.DataObject) -> None:
    """The oracle writes the shorthand out, node by node."""
    groups: list[list[int]] = []
    for count in counts:
        if groups and groups[-1][0] == count:
            groups[-1][1] += 1
        else:
            groups.append([count, 1])
    text = ",".join(str(count) if times == 1 else f"{count}(x{times})" for count, times in groups)
    node = data.draw(st.integers(0, len(counts) - 1))
    told = SLURM | {
        "SLURM_STEP_TASKS_PER_NODE": text,
        "SLURM_NODEID": str(node),
        "SLURM_STEP_NUM_TASKS": "200",
    }
    found = read_rank(told)
    assert found is not None
    assert found.local_world_size == counts[node]


@pytest.mark.parametrize("text", ["", "x", "2(x", "2(xx3)", "1(x999999999999)", "2,,1"])
def test_a_shorthand_that_is_none_tells_nothing_and_takes_no_memory(text: str) -> None:
    found = read_rank(SLURM | {"SLURM_STEP_TASKS_PER_NODE": text})
    assert found is not None
    assert found.local_world_size in (None, 1, 2)


@given(
    st.dictionaries(
        st.sampled_from(sorted(TORCHRUN | SLURM | OPENMPI | HYDRA | KUBERNETES)),
        st.text(max_size=12) | st.integers(-2, 9).map(str),
    )
)
def test_whatever_the_environment_holds_there_is_a_rank_none_or_one_clear_error(told: dict[str, str]) -> None:
    try:
        found = read_rank(told)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert found is None or 0 <= found.rank < found.world_size


def test_the_record_says_all_of_it() -> None:
    rank = read_rank(TORCHRUN)
    assert rank is not None
    facts: dict[str, Any] = rank.facts
    assert facts["launcher"] == "torchrun"
    assert (facts["rank"], facts["world_size"], facts["node_index"]) == (5, 8, 1)


@pytest.mark.parametrize(
    ("variables", "once_only"),
    [
        (TORCHRUN, True),
        (TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"}, False),
        (SLURM, True),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, False),
    ],
)
def test_names_that_the_next_launch_has_too_are_known(variables: dict[str, str], *, once_only: bool) -> None:
    rank = read_rank(variables)
    assert rank is not None
    assert rank.once_only is once_only
