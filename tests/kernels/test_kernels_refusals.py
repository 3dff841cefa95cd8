"""What every workload refuses, as `kernels.workload.Workload.prepare` says it does."""

from __future__ import annotations

import pytest

from kernels.catalogue import WORKLOADS
from kernels.collectives import COLLECTIVES
from kernels.data_parallel import DataParallel
from kernels.tensor_parallel import TensorParallel
from kernels.workload import Place, Workload

ALL: tuple[Workload, ...] = (*WORKLOADS.values(), *COLLECTIVES, DataParallel(), TensorParallel())
EACH = pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)


@EACH
def test_a_precision_that_is_not_listed_is_refused_by_name(workload: Workload) -> None:
    with pytest.raises(ValueError, match=rf"'fp3'.*{workload.precisions[0]}"):
        workload.prepare("fp3", {}, Place(), seed=1)


@EACH
def test_a_backend_that_is_not_listed_is_refused_wherever_it_is_asked_for(
    workload: Workload, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """On a place that lacks nothing, whatever this machine lacks."""
    monkeypatch.setattr(type(workload), "lacks", lambda *_: None)
    place = Place(ranks=2, peers=("cpu",), folder=str(tmp_path))
    with pytest.raises(ValueError, match=r"no backend 'abacus'.*known"):
        workload.prepare(workload.precisions[0], {}, place, seed=1, backend="abacus")


@pytest.mark.parametrize("workload", [*COLLECTIVES, *filter(lambda one: one.family == "transfer", ALL)])
def test_a_place_where_it_cannot_run_is_refused_with_the_reason(workload: Workload) -> None:
    reason = workload.lacks("fp32", Place())
    assert reason
    with pytest.raises(ValueError, match="cannot run") as refusal:
        workload.prepare("fp32", {}, Place(), seed=1)
    assert str(refusal.value).endswith(reason)
