"""``python -m flopcensus``."""

from flopcensus.cli import main

main()
