"""``flopcensus plan``: the best mix of accelerators within limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flopcensus.options import calibration_option, draws_option, format_option, overlay_option, seed_option
from flopcensus.output import Format

_EXAMPLE = """\b
Examples:
  flopcensus plan hedged --maximise delivered --power "50 MW" --budget "2 B$" --max-share vendor:US=0.6
  flopcensus plan mine.yaml --minimise cost --at-least "5 EFLOP/s" --accelerators nvidia-gb300,amd-mi355x
  flopcensus plan mine.yaml --power "20 MW" --importable --robust 0.2 --frontier vendor-nation -o best.yaml
"""


@click.command("plan", epilog=_EXAMPLE)
@click.argument("config")
@click.option(
    "--maximise",
    help="What to make large: a basis, bytes-per-s, tpp, run, … [default: delivered].",
)
@click.option("--minimise", help="What to make small: cost, capital, power, energy, carbon, water, ….")
@click.option("--at-least", "least", multiple=True, help="'5 EFLOP/s' of --basis, or QUANTITY=VALUE.")
@click.option("--at-most", "most", multiple=True, help="QUANTITY=VALUE, such as 'carbon=5000 t'; repeatable.")
@click.option("--power", help="At most, at the meter at full load [default: the file's power_cap].")
@click.option("--it-power", help="At most, of IT at full load.")
@click.option("--budget", help="Capital at most [default: the file's budget].")
@click.option("--yearly-cost", help="Cost a year at most.")
@click.option("--max-share", multiple=True, help="LEVEL:CODE=SHARE, such as vendor:US=0.6; repeatable.")
@click.option("--min-share", multiple=True, help="LEVEL:CODE=SHARE; repeatable.")
@click.option("--max-count", multiple=True, help="ACCELERATOR=NUMBER, what there is to buy; repeatable.")
@click.option("--min-count", multiple=True, help="ACCELERATOR=NUMBER; repeatable.")
@click.option("--accelerators", help="Candidates, joined by commas, in place of those the file leaves open.")
@click.option(
    "--importable",
    is_flag=True,
    help="Leave out what needs an export licence; without --accelerators: all that are sold.",
)
@click.option("--export-cap", "caps", multiple=True, help="An export rule whose country cap must suffice.")
@click.option("--on", "on", help="Date of the export rules, YYYY-MM-DD [default: last in service, or today].")
@click.option("--keep", is_flag=True, help="Keep all deployments with a count as they stand.")
@click.option("--unit", "units", multiple=True, help="NUMBER, or ACCELERATOR=NUMBER; counts are multiples.")
@click.option("--precision", default="bf16", show_default=True)
@click.option("--basis", default="delivered", show_default=True, help="Of --at-least, and of shares then.")
@click.option("--robust", type=float, help="Make best this percentile, such as 0.2, in place of the median.")
@click.option(
    "--sure", type=float, default=0.5, show_default=True, help="Probability with which limits are kept."
)
@click.option("--frontier", help="LEVEL or LEVEL:CODE: the best mix by the largest share of one code.")
@click.option("-o", "out", type=click.Path(path_type=Path), help="Write the cluster as YAML.")
@click.option("--assumptions", is_flag=True, help="Also print every parameter, and which are defaults.")
@overlay_option
@calibration_option
@draws_option
@seed_option
@format_option
def command(config: str, output: Format, **options: Any) -> int:
    """Find the counts that do most, or cost least, within limits.

    CONFIG is a cluster (YAML, or a shipped id). Deployments without a count are sought; where all have one,
    all are sought anew. The exit code is 1 where no mix keeps all limits; those that clash are named.
    """
    from accounting.planning.optimise.cluster_file import cluster_yaml
    from flopcensus.answering.plan import run_plan
    from flopcensus.documents.plan import csv, document
    from flopcensus.output import to_json
    from flopcensus.tables.plan import print_plan, verdict

    found = run_plan(config, options)
    if output == "json":
        click.echo(to_json(document(found)), nl=False)
    elif output == "csv":
        click.echo(csv(found), nl=False)
    else:
        print_plan(found, assumptions=options["assumptions"])
    if found.plan.mix is None:
        if output != "table":
            click.echo(verdict(found.plan), err=True)
        return 1
    if options["out"] is not None:
        from bench.files import write_text_atomic

        write_text_atomic(options["out"], cluster_yaml(config, found.plan))
    return 0
