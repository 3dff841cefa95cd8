"""Environment variables that change what is measured: threads, libraries, visible devices, preloaded code."""

from __future__ import annotations

import os
from collections.abc import Mapping

from bench.environment.node import Environment

PREFIXES = (
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "ONEDNN_", "DNNL_", "ATEN_"),
    *("PYTORCH_", "TORCH_", "TORCHINDUCTOR_", "TRITON_"),
    *("CUDA_", "CUBLAS_", "CUBLASLT_", "NCCL_", "NVIDIA_"),
    *("HIP_", "ROCR_", "HSA_", "ROCBLAS_", "HIPBLASLT_", "MIOPEN_", "GPU_"),
    *("ZE_", "SYCL_", "ONEAPI_"),
    *("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"),
)
# Long values are paths and lists whose end says little.
MOST_CHARACTERS = 200
SECRETS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


def variable_facts(variables: Mapping[str, str] = os.environ) -> Environment:
    """Those that are set, as ``env_OMP_NUM_THREADS``; never one whose name speaks of a secret."""
    return {
        f"env_{name}": value[:MOST_CHARACTERS]
        for name, value in sorted(variables.items())
        if name.startswith(PREFIXES) and not any(word in name.upper() for word in SECRETS)
    }
