# %% [markdown]
# # A nation: how much AI compute does Norway have, how sure are we, whose is it?

# %%
import flopcensus as fc

found = fc.estimate(country="NO", as_of="2026-06-30", by=["provider", "vendor", "sector"], draws=2000)
found

# %% [markdown]
# Every table begins with the basis: on paper (`peak`) and as delivered are never added up. The intervals are 5th to
# 95th percentiles, shares are shares of the mean.

# %%
print(found.total[["unit", "p5", "p50", "p95"]].to_string())
paper, delivered = (found.total["p50"].loc[basis].item() for basis in ("peak", "delivered"))
print(f"of what the data sheets promise, {delivered / paper:.0%} is delivered")

# %% [markdown]
# Who owns it, by nation of the owner, on the delivered basis.

# %%
owners = found.accounts.xs("delivered", level="basis").xs("provider", level="level")
print(owners[["name", "p5", "p50", "p95", "share"]].to_string())
fc.testing.assert_sums_to_total(found)

# %% [markdown]
# What the figures rest on, which deployments they hold, and what a reader should know.

# %%
print(found.provenance.loc["delivered"].to_string())
counted = found.ledger.query("counted and territory == 'NO'")
print(counted[["name", "accelerator", "count", "in_service", "source"]].to_string())
for text in found.warnings:
    print("note:", text)

# %% [markdown]
# A question of one's own: what if two of three accelerators in Norway were never installed? A census goes out as a
# frame and comes back.

# %%
frame = fc.load_census().to_frame().query("territory == 'NO'")
counts = ["count_low", "count_best", "count_high"]
less = fc.estimate(frame.assign(**{name: frame[name] / 3 for name in counts}), as_of="2026-06-30", draws=2000)
print(
    f"{less.total['mean'].loc['peak'].item() / found.total['mean'].loc['peak'].item():.2f} of the peak is left"
)
