"""The cube: all accounts by precision, basis, date and status, so that a page can change its view by itself.

For each precision the census is valued once, whatever the number of dates: an entry's draws are added to
the rows of all dates at which it counts. Sums are exact (:mod:`accounting.capacity.sums`), so that a cell is
to the last bit what ``flopcensus estimate`` gives for its date, precision, basis, status, seed and draws.

What is planned at a date is what is under construction, contracted or announced with a date in service by
then. It stands apart from what operates and is never added to it.

Memory bandwidth is one more view, in B/s: its rows have ``memory`` in place of a precision.
"""
