"""``flopcensus decode``: what a claim such as "21 AI exaFLOPS" may mean."""

from __future__ import annotations

from pathlib import Path

import click

from flopcensus.options import calibration_option, draws_option, format_option, seed_option
from flopcensus.output import Format

_EXAMPLE = """\b
Examples:
  flopcensus decode "21 AI exaFLOPS" --accelerator nvidia-gh200 --count 5448
  flopcensus decode "16 EF, 16,000 H100"
  flopcensus decode "420 AI EF"
  flopcensus decode "13.7 EF" --accelerator B200 --count 4000 --accelerator H100 --count 4080

\b
Exit code 1: no reading that the claim's words allow comes within 5 % of it.
"""


@click.command("decode", epilog=_EXAMPLE)
@click.argument("claim")
@click.option(
    "--accelerator",
    "accelerators",
    multiple=True,
    help='Whose rates to read it with; "H100" is read as every variant. Repeatable. [default: the H100e]',
)
@click.option(
    "--count", "counts", multiple=True, help="How many; one for each --accelerator, in their order."
)
@calibration_option
@draws_option
@seed_option
@format_option
def command(
    claim: str,
    accelerators: tuple[str, ...],
    counts: tuple[str, ...],
    calibrations: tuple[Path, ...],
    draws: int,
    seed: int,
    output: Format,
) -> int:
    """List every reading of a CLAIM by precision, dense or sparse, and variant of the chip.

    A reading that fits within 5 % says what the claim may mean. Without a count, each reading implies one.
    """
    from flopcensus.answering.decode import run_decode
    from flopcensus.documents.decode import csv, document
    from flopcensus.output import to_json, warn
    from flopcensus.tables.decode import print_answer

    result = run_decode(claim, accelerators, counts, calibrations, draws=draws, seed=seed)
    if output == "json":
        click.echo(to_json(document(result)), nl=False)
    elif output == "csv":
        click.echo(csv(result), nl=False)
    else:
        print_answer(result)
    if result.decoded.claim.unread and output != "table":
        warn(f"not read: {result.decoded.claim.unread}")
    return 1 if result.decoded.verdict in {"none fits", "not as stated"} else 0
