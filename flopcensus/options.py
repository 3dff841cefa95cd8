"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How results are written to stdout.",
)
calibration_option = click.option(
    "--calibration",
    "calibrations",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Further measurements: a calibration file or a bench record; repeatable.",
)
overlay_option = click.option(
    "--overlay",
    "overlays",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file of your own that corrects or adds facts; repeatable.",
)
draws_option = click.option(
    "--draws", type=int, default=10_000, show_default=True, help="Draws of what is uncertain."
)
seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="The same seed gives the same figures."
)
joint_option = click.option(
    "--joint",
    type=click.Choice(["owner", "access", "host"]),
    default="owner",
    show_default=True,
    help="Joint ventures: by shares of ownership, by shares of access, or all to the host nation.",
)
