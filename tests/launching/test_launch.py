"""What ``launch`` prints: what a scheduler, a shell or Kubernetes makes of it, hostile values included."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import InputError
from flopcensus.launching.bench_run import BenchRun, bench_run, parse_duration
from flopcensus.launching.kubernetes import KubernetesJob, kubernetes_manifest
from flopcensus.launching.slurm import SlurmJob, slurm_script
from flopcensus.launching.ssh import ssh_script
from tests.cli import in_process

HOSTILE = [
    "a b", "$(touch owned)",
    "`touch owned`", "; touch owned", "'; touch owned; '", '"; touch owned; "', "a\nb",
    "*", "~", "$HOME", "\\", "é ü", "#x", "!x", "&& touch owned", "{a,b}", "%j",
]  # fmt: skip
# As they come back from a shell, a call a line; the first word says who was called.
PROBE = """#!/usr/bin/env bash
for word in "{name}" "$@"; do printf '%s\\0' "$word"; done >>"$CALLS"; printf '\\1\\0' >>"$CALLS"
"""


def run(nodes: int = 2, out: str = "out", *arguments: str) -> BenchRun:
    return bench_run(nodes, out, arguments)


def pretend(folder: Path, *names: str) -> dict[str, str]:
    """Programs that only keep the words that they are called with."""
    folder.mkdir(exist_ok=True)
    for name in names:
        script = folder / name
        script.write_text(PROBE.format(name=name), encoding="utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}


def calls(folder: Path) -> list[list[str]]:
    text = (folder / "calls").read_text(encoding="utf-8")
    return [call.split("\0")[:-1] for call in text.split("\1\0")[:-1]]


def bash(script: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash"], input=script, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300
    )


def checked(script: str, *by: str) -> None:
    """A checker of scripts finds nothing."""
    done = subprocess.run(by, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SCRIPTS = {
    "plain": slurm_script(run(), SlurmJob()),
    "torchrun": slurm_script(run(), SlurmJob(through="torchrun", at_least=1)),
    "apptainer": slurm_script(
        run(4, "a b", "--quick"), SlurmJob(image="a b.sif", gpus_per_node=8, vendor="amd")
    ),
    "pyxis": slurm_script(
        run(), SlurmJob(image="docker://a/b:1", container="pyxis", partition="gpu", account="me")
    ),
    "ssh": ssh_script(run(3, "a 'b", "--device", "$HOME"), ["a", "me@b", "10.0.0.7"], 2),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_one_that_bash_reads(name: str) -> None:
    checked(SCRIPTS[name], "bash", "-n")


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed here")
def test_shellcheck_finds_nothing(name: str) -> None:
    # SC2016: a $ in single quotes. That a user's stays what it is is what they are for.
    checked(SCRIPTS[name], "shellcheck", "--shell=bash", "--exclude=SC2016", "-")


@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_slurm_script_is_given_arrives_as_it_was(tmp_path: Path, value: str) -> None:
    env = pretend(tmp_path / "bin", "srun")
    script = slurm_script(run(2, value, "--device", value), SlurmJob(image=value, container="pyxis"))
    work = tmp_path / "work"
    work.mkdir()
    done = bash(script, work, env)
    assert done.returncode == 0, done.stderr
    tried, words = calls(tmp_path / "bin")
    # That all nodes can be reached is tried first.
    assert tried[-1] == "true"
    folder = work / value
    assert words[-6:] == ["bench", "--out", str(folder), "--gather", "--device", value]
    assert f"--container-image={value}" in words
    assert f"--container-mounts={folder}:{folder}" in words
    assert [path.name for path in work.iterdir()] == [value]


def test_through_torchrun_each_node_is_told_its_rank_and_the_first_nodes_name(tmp_path: Path) -> None:
    env = pretend(tmp_path / "bin", "torchrun")
    for name, text in {
        "srun": 'while [ "$1" != bash ]; do shift || exit 0; done; exec "$@"',
        "scontrol": "echo n7; echo n8",
    }.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    env |= {"SLURM_JOB_NODELIST": "n[7-8]", "SLURM_JOB_ID": "10042", "SLURM_NODEID": "1"}
    env |= {"SLURM_STEP_NUM_NODES": "2"}
    script = slurm_script(run(2, "o", "--device", "a b"), SlurmJob(through="torchrun"))
    done = bash(script, tmp_path, env)
    assert done.returncode == 0, done.stderr
    ((_, *words),) = calls(tmp_path / "bin")
    line = "--nnodes 2 --node-rank 1 --nproc-per-node 1 --master-addr n7 --master-port 20042 --no-python"
    assert words == [
        *line.split(),
        "flopcensus",
        "bench",
        "--out",
        str(tmp_path / "o"),
        "--gather",
        "--device",
        "a b",
    ]


@pytest.mark.parametrize(
    ("rank", "code", "left", "ended"), [(0, 1, 1, True), (1, 1, 1, False), (0, 2, 2, False), (0, 0, 0, False)]
)
def test_once_rank_0_has_given_somebody_up_the_step_is_ended(
    tmp_path: Path, rank: int, code: int, left: int, *, ended: bool
) -> None:
    env = pretend(tmp_path / "bin", "scancel", "sleep")
    for name, text in {
        "srun": 'while [ "$1" != bash ]; do shift || exit 0; done; exec "$@"',
        "flopcensus": f'printf "%s\\n" "$@" >words; exit {code}',
    }.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    env |= {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "1", "SLURM_PROCID": str(rank)}
    done = bash(slurm_script(run(2, "o", "--device", "a $b"), SlurmJob()), tmp_path, env)
    assert done.returncode == left, done.stderr
    words = (tmp_path / "words").read_text().splitlines()
    assert words == ["bench", "--out", str(tmp_path / "o"), "--gather", "--device", "a $b"]
    said = calls(tmp_path / "bin") if ended else []
    assert [call for call in said if call[0] == "scancel"] == ([["scancel", "7.1"]] if ended else [])
    assert (tmp_path / "bin" / "calls").exists() is ended


def test_fewer_nodes_may_do_but_not_more_than_are_asked_for() -> None:
    text = in_process("launch", "slurm", "--nodes", "8", "--at-least", "7").stdout
    assert "#SBATCH --nodes=7-8\n" in text
    assert "#SBATCH --nodes=8\n" in in_process("launch", "slurm", "--nodes", "8", "--at-least", "8").stdout
    done = in_process("launch", "slurm", "--nodes", "8", "--at-least", "9")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--at-least must not be more than --nodes" in done.stderr


@pytest.mark.parametrize("option", ["--partition", "--account", "--qos", "--name"])
@pytest.mark.parametrize("value", ["a b", "a\n#SBATCH --uid=0", "$(id)", "-x", "", "a;b", "a'b"])
def test_a_directive_takes_plain_names_only(option: str, value: str) -> None:
    done = in_process("launch", "slurm", option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert "plain name" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_directives_say_what_was_asked_for() -> None:
    text = in_process(
        "launch", "slurm", "--nodes", "4", "--gpus-per-node", "8", "--partition", "gpu", "--account", "ai-42",
        "--qos", "high", "--time", "1-2:30:00", "--", "--quick",
    ).stdout  # fmt: skip
    asked = {line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")}
    assert asked == {
        "--job-name=flopcensus", "--nodes=4", "--ntasks-per-node=1", "--exclusive", "--no-kill",
        "--gpus-per-node=8",
        "--time=26:30:00", "--partition=gpu", "--account=ai-42", "--qos=high",
    }  # fmt: skip


def test_submitting_hands_the_same_script_to_sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f"#!/bin/sh\ncat >{shlex.quote(str(tmp_path))}/script\necho Submitted batch job 7\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    arguments = ("launch", "slurm", "--nodes", "3")
    assert in_process(*arguments, "--submit").stdout == "Submitted batch job 7\n"
    assert (tmp_path / "script").read_text() == in_process(*arguments).stdout


def test_submitting_without_slurm_or_against_its_will_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = in_process("launch", "slurm", "--submit")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "sbatch is not here" in done.stderr
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho 'invalid partition\nspecified: x' >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    done = in_process("launch", "slurm", "--submit")
    assert (done.returncode, done.stderr) == (
        2,
        "error: sbatch refuses the script: invalid partition specified: x\n",
    )


JOBS = {
    "least": KubernetesJob("flopcensus"),
    "most": KubernetesJob("r.example:5000/a/b@sha256:0", "n1", 8, "amd", "records", "team-a"),
}


@pytest.mark.parametrize("version", ["1.33", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_one_that_kubernetes_takes(job: str, version: str) -> None:
    found = yaml.safe_load(kubernetes_manifest(run(4, "/tmp/x", "--quick"), JOBS[job]))
    kubernetes_validate.validate(found, version, strict=True)


def test_the_validator_notices_what_is_wrong() -> None:
    found = yaml.safe_load(kubernetes_manifest(run(), JOBS["most"]))
    found["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, "1.33", strict=True)


def test_a_jobset_holds_the_same_job() -> None:
    job = JOBS["most"]
    alone = yaml.safe_load(kubernetes_manifest(run(), job))
    found = yaml.safe_load(kubernetes_manifest(run(), KubernetesJob(**(job.__dict__ | {"jobset": True}))))
    assert (found["apiVersion"], found["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert set(found) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(found["spec"]) <= {"replicatedJobs", "network", "successPolicy", "failurePolicy", "suspend"}
    (replicated,) = found["spec"]["replicatedJobs"]
    assert (replicated["name"], replicated["replicas"], set(replicated["template"])) == ("nodes", 1, {"spec"})
    # The template of a replicated job is that of a Job.
    assert replicated["template"]["spec"] == alone["spec"]
    kubernetes_validate.validate(alone | {"spec": replicated["template"]["spec"]}, "1.33", strict=True)


def container_of(text: str) -> dict[str, Any]:
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1) | st.sampled_from(
    ["NO", "y", "on", "1e3", "08", "0x1F", "null", "~", "1_000", "12:30", "=", "- a", "a: b", "$(WORLD_SIZE)"]
))  # fmt: skip
def test_whatever_word_is_given_stays_that_word(value: str) -> None:
    word = f"x{value}" if value.startswith("-") else value
    text = kubernetes_manifest(run(2, "/o", "--device", word), KubernetesJob("image"))
    command = container_of(text)["command"]
    assert command[-1] == word.replace("$", "$$")
    # YAML 1.2, which others read, calls more things numbers than ours: what is bare begins with a letter.
    line = text.split("\n")[[line.strip() for line in text.split("\n")].index("env:") - 1].strip()
    assert line[2] in "\"'" or line[2].isalpha()


def test_without_a_claim_each_pod_prints_its_record_and_with_one_they_gather() -> None:
    alone = container_of(kubernetes_manifest(run(), KubernetesJob("image")))["command"]
    assert {"--no-gather", "--format"} <= set(alone)
    both = container_of(kubernetes_manifest(run(), KubernetesJob("image", claim="records")))["command"]
    assert "--gather" in both
    assert both[both.index("--out") + 1] == "/records"


@pytest.mark.parametrize(
    ("option", "value"),
    [("--name", "A"), ("--name", "a" * 41), ("--claim", "a b"), ("--namespace", "-x"), ("--image", "a b")],
)
def test_names_that_kubernetes_refuses_are_refused_first(option: str, value: str) -> None:
    extra = () if option == "--image" else ("--image", "x")
    done = in_process("launch", "kubernetes", *extra, option, value)
    assert (done.returncode, done.stdout) == (2, "")
    assert option in done.stderr


# ssh without a network: what is told to a host is run here, by sh, in a folder of the host's name
SSH = """#!/usr/bin/env bash
while [ "$1" != -- ]; do shift; done
case "$2" in gone) echo "ssh: no route to host" >&2; exit 255 ;; esac
mkdir -p "$2"; cd "$2" || exit 9; exec sh -c "$3"
"""
# bench without a device: says who it is, as a record would
BENCH = """#!/usr/bin/env bash
if [ "$(basename "$PWD")" = hangs ]; then sleep 60; fi
if [ "$(basename "$PWD")" = wrong ]; then echo '{}'; echo 'computed wrong results' >&2; exit 1; fi
printf '{"rank": "%s", "of": "%s", "launch": "%s", "last": "%s"}\\n' \\
  "$RANK" "$WORLD_SIZE" "$FLOPCENSUS_LAUNCH_ID" "${@: -1}"
"""


def ssh_run(
    tmp_path: Path, hosts: list[str], *arguments: str, limit: float | None = None, at_once: int = 2
) -> Any:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {"ssh": SSH, "flopcensus": BENCH}.items():
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    script = ssh_script(bench_run(len(hosts), "out", arguments, limit_seconds=limit), hosts, at_once)
    return bash(script, tmp_path, os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"})


def test_every_hosts_record_comes_home_under_its_name(tmp_path: Path) -> None:
    hosts = [f"n{number}" for number in range(5)]
    done = ssh_run(tmp_path, hosts)
    assert done.returncode == 0, done.stderr
    found = [json.loads(next((tmp_path / "out").glob(f"record-{host}-*.json")).read_text()) for host in hosts]
    assert [(one["rank"], one["of"]) for one in found] == [(str(number), "5") for number in range(5)]
    assert len({one["launch"] for one in found}) == 1
    assert not list((tmp_path / "out").glob(".ended-*")) + list((tmp_path / "out").glob("*.part"))


def test_a_host_that_hangs_fails_or_is_not_reached_is_named_and_the_others_stay(tmp_path: Path) -> None:
    done = ssh_run(tmp_path, ["n0", "gone", "hangs", "wrong"], limit=1.0, at_once=4)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[:3] == [
        "error: gone cannot be reached, or the connection broke: ssh: no route to host",
        "error: hangs did not end in time: ",
        "error: wrong ended with code 1: computed wrong results",
    ]
    assert "1 of 4 nodes measured" in lines[3]
    named = {path.name.split("-")[1] for path in (tmp_path / "out").glob("record-*.json")}
    assert named == {"n0", "wrong"}


@pytest.mark.parametrize(
    "value", [one for one in HOSTILE if "\\" not in one and '"' not in one and "\n" not in one]
)
def test_what_a_host_is_told_arrives_through_two_shells(tmp_path: Path, value: str) -> None:
    done = ssh_run(tmp_path, ["n0"], "--device", value)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "out").glob("record-*.json")
    assert json.loads(path.read_text())["last"] == value
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "n0" / "owned").exists()


@pytest.mark.parametrize("host", ["-oProxyCommand=touch owned", "a b", "a;b", "$(id)", "a\nb", "@a", "a@"])
def test_a_host_that_ssh_would_take_for_something_else_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="not the name of a host"):
        ssh_script(run(1), [host], 1)


def test_hosts_of_a_file_and_of_options_are_taken_once(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("# ours\na\n\nb  # the second\n", encoding="utf-8")
    text = in_process("launch", "ssh", "--hosts", str(tmp_path / "hosts"), "--host", "c").stdout
    assert [line for line in text.splitlines() if line.startswith("start ")] == [
        "start 0 c",
        "start 1 a",
        "start 2 b",
    ]
    done = in_process("launch", "ssh", "--hosts", str(tmp_path / "hosts"), "--host", "a")
    assert (done.returncode, done.stderr) == (2, "error: named twice: a\n")
    assert "name the hosts" in in_process("launch", "ssh").stderr


def test_a_torchrun_line_is_what_torchrun_reads() -> None:
    run_module = pytest.importorskip("torch.distributed.run")
    for options, nodes in ((("--nodes", "4", "--host", "n0"), "4"), ((), "1")):
        line = in_process("launch", "torchrun", *options, "--out", "a b", "--", "--quick").stdout
        name, *words = shlex.split(line)
        read = run_module.parse_args(words)
        assert (name, read.nnodes, read.nproc_per_node, read.no_python) == ("torchrun", nodes, "1", True)
        assert read.training_script == "flopcensus"
        assert read.training_script_args == ["bench", "--out", "a b", "--quick"]
        assert read.rdzv_endpoint == ("n0:29400" if options else "")


@pytest.mark.parametrize(
    "arguments", [("--host", "a b"), (), ("--host", "-x"), ("--host", "a", "--id", "b c")]
)
def test_a_torchrun_line_without_a_place_to_meet_is_refused(arguments: tuple[str, ...]) -> None:
    assert in_process("launch", "torchrun", "--nodes", "2", *arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--quik",), "--quick"),
        (("--time-budget",), "--time-budget"),
        (("--time-budget", "soon"), "must be a number"),
        (("--time-budget", "0"), "time budget"),
        (("--out", "x"), "leave out --out"),
        (("--alone",), "leave out --alone"),
        (("diff", "a", "b"), "only options"),
    ],
)
def test_what_bench_would_refuse_on_every_node_is_refused_here(arguments: tuple[str, ...], says: str) -> None:
    done = in_process("launch", "slurm", "--", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_are_slurms(days: int, hours: int, minutes: int, seconds: int) -> None:
    total = days * 86400 + hours * 3600 + minutes * 60 + seconds
    if total:
        assert parse_duration(f"{days}-{hours}:{minutes}:{seconds}") == total
        assert parse_duration(f"{days * 24 + hours}:{minutes:02}:{seconds:02}") == total


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 5400), ("90:30", 5430), ("2-3", 183600), ("1-0:30", 88200)]
)
def test_shorter_durations_too(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1h", "1:2:3:4", "0:0", "١"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    assert in_process("launch", "slurm", f"--time={text}").returncode == 2
