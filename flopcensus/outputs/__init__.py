"""The JSON documents that commands print, as types: what ``flopcensus schema`` publishes of them.

Scripts rely on these fields. The types are closed: a field that a command prints and no type names is a
fault, and tests hold what every command prints against them.
"""
