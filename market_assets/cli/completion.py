"""`market-assets completion`, and what the shells' completion offers beside commands and options."""

from __future__ import annotations

import contextlib
import shlex

import click
from click.shell_completion import BashComplete, CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")


class QuotingBash(BashComplete):
    """Puts names of several words into quotes, as the other shells do by themselves."""

    def format_completion(self, item: CompletionItem) -> str:
        value = shlex.quote(item.value) if item.type == "plain" else item.value
        return super().format_completion(CompletionItem(value, item.type, item.help))


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, skills and tables in a shell.

    \b
    in ~/.bashrc:  eval "$(market-assets completion bash)"
    in ~/.zshrc:   eval "$(market-assets completion zsh)"
    for fish:      market-assets completion fish > ~/.config/fish/completions/market-assets.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "market-assets", "_MARKET_ASSETS_COMPLETE").source())


def complete_skill(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The skills of the taxonomy whose names begin so, in any case."""
    from market_assets.checked_settings import get_settings
    from market_assets.skills.taxonomy import load_taxonomy

    # In the middle of a line that somebody types, a wrong setting or taxonomy is no news.
    with contextlib.suppress(Exception):
        known = load_taxonomy(get_settings().taxonomy).skills
        return [skill.name for skill in known if skill.name.lower().startswith(incomplete.lower())]
    return []
