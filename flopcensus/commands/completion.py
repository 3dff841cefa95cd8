"""``flopcensus completion``: what a shell runs to complete commands, options and ids."""

from __future__ import annotations

import click

_EXAMPLE = """\b
Examples:
  flopcensus completion bash > ~/.local/share/bash-completion/completions/flopcensus
  flopcensus completion zsh > ~/.zfunc/_flopcensus
  flopcensus completion fish > ~/.config/fish/completions/flopcensus.fish
  eval "$(flopcensus completion bash)"
"""


@click.command("completion", epilog=_EXAMPLE)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a SHELL; bash from 4.4 on.

    It completes commands, options, files, and ids: accelerators, clusters, countries, studies, workloads.
    """
    from click.shell_completion import get_completion_class

    from flopcensus.cli import cli

    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  (click knows the three)
    complete = made(cli, {}, "flopcensus", "_FLOPCENSUS_COMPLETE")
    template = complete.source_template
    if shell == "fish":
        # click parts each line at every comma: territory,vendor would be offered as territory
        template = template.replace('string split ","', 'string split --max 1 ","')
    # not .source(): that of bash asks which bash is installed here, which says nothing of where it will run
    click.echo(template % complete.source_vars())
