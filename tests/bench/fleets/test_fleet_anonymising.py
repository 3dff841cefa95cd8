"""Records without names: nothing tells whose they are, the figures stay, and the record says so."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fleets.anonymising import SAID, anonymised, public_names
from bench.fleets.synthetic import make_fleet, record
from bench.record import Record

HOST = "gpu-node17.cluster.example.org"
UUID = "GPU-1b2c3d4e-0000-4f5a-8b6c-001122334455"
# from parts: no file names the folder of one person's machine (tests/architecture/test_forbidden_words.py)
HOME = "/" + "home/mustermann"


def named() -> dict[str, Any]:
    document = record(make_fleet("names", 1, 2, 0, 1), 0)
    document["node"] = HOST
    document["devices"][0]["uuid"] = UUID
    document["devices"][0]["details"]["serial_number"] = "1324621012345"
    document["environment"] |= {
        "job": "slurm 4711",
        "launch_id": "none.gpu-node01.cluster.example.org.29500.0",
        "env_TORCH_HOME": f"{HOME}/.cache/torch",
        "env_LD_PRELOAD": "/scratch/project_462000123/lib/libfast.so",
        "env_NCCL_HOST": "10.20.30.40",
        "env_GPU_USER": "mustermann",
    }
    document["results"][0] |= {
        "notes": [
            f"storage of {HOST.partition('.')[0]} under {HOME}/data",
            "asked a.b@example.org",
        ],
    }
    document["results"][1] |= {
        "backend": "torch/cublaslt",
        "notes": ["5.1 GB/s and 3 tokens/s, mustermann's run"],
    }
    return document


def test_no_name_is_left_anywhere() -> None:
    text = json.dumps(anonymised(named(), {HOST: "node-1"}))
    for name in (
        HOST,
        "node17",
        "node01",
        UUID,
        UUID[4:],
        "mustermann",
        "462000123",
        "slurm 4711",
        "1324621012345",
        "10.20.30.40",
    ):
        assert name not in text
    assert "example.org" not in text


def test_figures_models_and_units_stay_and_the_record_says_what_it_is() -> None:
    before, after = named(), anonymised(named(), {HOST: "node-1"})
    assert after["node"] == "node-1"
    assert after["environment"]["anonymised"] == SAID
    assert after["environment"]["torch"] == before["environment"]["torch"]
    for one, other in zip(before["results"], after["results"], strict=True):
        assert (one["value"], list(one["rounds"]), one.get("backend")) == (
            other["value"],
            list(other["rounds"]),
            other.get("backend"),
        )
    assert "5.1 GB/s and 3 tokens/s" in after["results"][1]["notes"][0]
    assert after["devices"][0]["name"] == "NVIDIA H100 80GB HBM3"
    Record.model_validate(after)


def test_it_changes_nothing_in_what_it_was_given() -> None:
    before = named()
    anonymised(before, {HOST: "node-1"})
    assert before == named()


def test_doing_it_twice_changes_nothing_more() -> None:
    once = anonymised(named(), {HOST: "node-1"})
    assert anonymised(once, {"node-1": "node-1"}) == once


@settings(max_examples=50, deadline=None)
@given(hosts=st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=30))
def test_each_host_gets_one_name_in_the_order_of_hosts(hosts: set[str]) -> None:
    public = public_names(hosts)
    assert set(public) == hosts
    assert len(set(public.values())) == len(hosts)
    assert [public[host] for host in sorted(hosts)] == sorted(public.values())
