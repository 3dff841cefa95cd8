"""A manifest for Kubernetes: an Indexed Job of one pod a node, or a JobSet that holds it.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/,
https://jobset.sigs.k8s.io/docs/reference/jobset.v1alpha2/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from bench.environment.node import NODE_NAME
from bench.errors import InputError
from bench.launching.rank import LAUNCH_ID
from flopcensus.launching.bench_run import STARTING_SECONDS, BenchRun

RESOURCES = {"nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}
RECORDS = "/records"
# Kubernetes adds what tells pods apart, within 63 characters.
_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class KubernetesJob:
    """What the cluster is asked for.

    Attributes:
        image: Container image that holds flopcensus.
        name: Name of the Job.
        gpus_per_node: GPUs of each pod; 0 to ask for none.
        vendor: Maker of the GPUs, which says what the cluster calls them (``RESOURCES``).
        claim: PersistentVolumeClaim that all pods can write to; without one, the log of each pod is its
            record.
        namespace: Where it lives; None for that of the context.
        jobset: Whether it comes as a JobSet.
    """

    image: str
    name: str = "flopcensus"
    gpus_per_node: int = 0
    vendor: Literal["nvidia", "amd"] = "nvidia"
    claim: str | None = None
    namespace: str | None = None
    jobset: bool = False


def kubernetes_manifest(run: BenchRun, job: KubernetesJob) -> str:
    """The manifest as YAML.

    Raises:
        InputError: A name is none that Kubernetes takes.
    """
    return _yaml(manifest(run, job))


def manifest(run: BenchRun, job: KubernetesJob) -> dict[str, Any]:
    """The manifest as data.

    Raises:
        InputError: See `kubernetes_manifest`.
    """
    _require_names(job)
    metadata = {"name": job.name, **({"namespace": job.namespace} if job.namespace else {})}
    spec = _job_spec(run, job)
    if not job.jobset:
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
    replicated = {"name": "nodes", "replicas": 1, "template": {"spec": spec}}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": metadata,
        "spec": {"failurePolicy": {"maxRestarts": 0}, "replicatedJobs": [replicated]},
    }


def _job_spec(run: BenchRun, job: KubernetesJob) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "flopcensus", "app.kubernetes.io/instance": job.name}
    return {
        "completionMode": "Indexed",
        "completions": run.nodes,
        "parallelism": run.nodes,
        # A node that fails is to end itself and no other.
        "backoffLimitPerIndex": 0,
        "activeDeadlineSeconds": run.limit_s,
        "template": {"metadata": {"labels": labels}, "spec": _pod_spec(run, job, labels)},
    }


def _pod_spec(run: BenchRun, job: KubernetesJob, labels: dict[str, str]) -> dict[str, Any]:
    one_a_node = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    memory = {"name": "shared-memory", "emptyDir": {"medium": "Memory"}}
    claim = {"name": "records", "persistentVolumeClaim": {"claimName": job.claim}}
    return {
        "restartPolicy": "Never",
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [one_a_node]}},
        "containers": [_container(run, job)],
        "volumes": [memory, *([claim] if job.claim else [])],
    }


def _container(run: BenchRun, job: KubernetesJob) -> dict[str, Any]:
    # Pods begin when their image is there: the first may have to wait for the last.
    others = (
        ("--gather", "--patience", f"{STARTING_SECONDS:g}")
        if job.claim
        else ("--no-gather", "--format", "json")
    )
    mount = {"name": "records", "mountPath": RECORDS}
    limits = {"limits": {RESOURCES[job.vendor]: job.gpus_per_node}} if job.gpus_per_node else {}
    return {
        "name": "bench",
        "image": job.image,
        # $(NAME) would be replaced by Kubernetes; $$ stands for the sign.
        "command": [
            word.replace("$", "$$") for word in run.command_line(RECORDS if job.claim else run.out, *others)
        ],
        "env": [
            {"name": "WORLD_SIZE", "value": str(run.nodes)},
            _from_field(NODE_NAME, "spec.nodeName"),
            _from_field(LAUNCH_ID, "metadata.labels['batch.kubernetes.io/controller-uid']"),
        ],
        **({"resources": limits} if limits else {}),
        "volumeMounts": [{"name": "shared-memory", "mountPath": "/dev/shm"}, *([mount] if job.claim else [])],  # noqa: S108
    }


def _from_field(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _require_names(job: KubernetesJob) -> None:
    if not _LABEL.fullmatch(job.name):
        raise InputError(
            f"--name must be up to 40 of a-z, 0-9 and -, from a letter on (found {job.name[:60]!r})"
        )
    for option, value in (("--claim", job.claim), ("--namespace", job.namespace)):
        if value is not None and not _SUBDOMAIN.fullmatch(value):
            raise InputError(f"{option} must be a name of a-z, 0-9, - and . (found {value[:60]!r})")
    if not job.image.strip() or any(ord(sign) <= 32 for sign in job.image):
        raise InputError(f"--image must be the name of an image (found {job.image[:60]!r})")


# Readers of YAML differ in what is a number (1e3, 08) or a truth value (y, on): only words stay bare.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9./-]+")


def _yaml(data: dict[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what is not a plain word, and knows no anchors."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar(
            "tag:yaml.org,2002:str", value, None if _WORD.fullmatch(value) else '"'
        )

    Dumper.add_representer(str, text)
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
