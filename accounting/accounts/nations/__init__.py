"""Accounts of nations: the page of one country and that of the world, and what stands on them."""
