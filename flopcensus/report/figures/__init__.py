"""The page's figures: one file a subject, each a chart with its numbers, source and caveats.

A figure holds rows for every view and says which controls they follow; the page's script and
:mod:`.choosing` (for single charts, and in words) pick from them by the same rules.
"""
