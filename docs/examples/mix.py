# %% [markdown]
# # A mix: which accelerators for 20 MW, with no more than 60 % from US designers?

# %%
import flopcensus as fc

plan = fc.plan("hedged", maximise="delivered", power="20 MW", max_share={"vendor:US": 0.6}, draws=1000)
plan

# %% [markdown]
# What binds it: `goal_per_unit` is what one more watt, or one more point of share, would give.

# %%
print(plan.mix[["name", "count", "share"]].to_string())
print(plan.limits.to_string())
assert plan.feasible

# %% [markdown]
# The planned cluster is a file, which stands beside others; both are drawn with the same luck.

# %%
from pathlib import Path

Path("best.yaml").write_text(plan.to_yaml(), encoding="utf-8")
both = fc.compare("best.yaml", "all-nvidia", draws=1000)
print(both.capacity["p50"].unstack("cluster").to_string())
print(both.differences.xs("delivered", level="basis")[["ratio_p5", "ratio_p50", "ratio_p95"]].to_string())

# %% [markdown]
# What a training run of 10²⁵ FLOP takes on it.

# %%
run = fc.training_run(flop=1e25, on="best.yaml", days=90, draws=1000)
print(run.verdict)
print(run.quantities.loc[["days", "energy_j", "cost_usd"]].to_string())
