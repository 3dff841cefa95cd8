# %% [markdown]
# # A node: what does this machine really deliver?
#
# Everything a product of matrices in fp32 can tell in some seconds. `fc.bench(quick=True)` takes a minute and
# measures more; docs/measuring.md says how.

# %%
import flopcensus as fc

run = fc.bench(device="cpu", workload="gemm", precision="fp32", time_budget=6, out="results/bench")
run

# %% [markdown]
# The figure, its 95 % interval and how many rounds it rests on. `settled` says whether the interval is within ±1 %:
# so short a run seldom is.

# %%
gemm = run.results.query("status == 'ok'")
print(gemm[["unit", "value", "ci95_low", "ci95_high", "settled"]].to_string())
assert (gemm["ci95_low"] <= gemm["value"]).all()
assert (gemm["value"] <= gemm["ci95_high"]).all()

# %% [markdown]
# The record is on disk already, and is read again the same.

# %%
from pathlib import Path

path = Path("results/bench") / run.file_name
again = fc.read_record(path)
assert again.to_dict() == run.to_dict()
fc.testing.assert_record_valid(path)
