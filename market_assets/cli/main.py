"""`market-assets`: the entry point. The commands are in the neighbouring files, loaded when they are used.

Exit codes: 0 done, 1 failed (the last line names the cause), 2 wrong usage or a wrong setting, 130 Ctrl-C.
"""

from __future__ import annotations

import gc
import shlex
import sys
from importlib import import_module
from typing import Any

import click
from click.exceptions import Exit
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

#: Command → the module that has it, and the beginning of its help, so that showing the list loads no module.
COMMANDS = {
    "alerts": ("status", "Alerts: messages about failures."),
    "archive": ("databases", "Archived postings."),
    "backup": ("databases", "Back up the database, Dagster's history and the archive into one checked file."),
    "compare": ("lookups", "Print demand, pay and growth of two to five skills side by side."),
    "completion": ("main", "Print the script that completes commands, options, skills and tables in a shell."),
    "db": ("databases", "The market database."),
    "doctor": ("doctor", "Check the set-up and print what is wrong with it and what to do; exit 1 on an error."),
    "export": ("sql", "Write all rows of TABLE as CSV, JSON, JSON lines, Parquet or an Excel workbook."),
    "history": ("lookups", "Print the demand for a skill and its pay month by month."),
    "init": ("new", "Write a working folder with settings, sources, an asset of your own and its test."),
    "new": ("new", "Start a task or a source from a template that works unchanged."),
    "occupation": ("lookups", "Print what an occupation pays, by country and by seniority, and what it asks for."),
    "pay": (
        "lookups",
        "Print what a skill or an occupation pays, by country and seniority; or a place, or a form of employment.",
    ),
    "recommend": ("lookups", "Print the skills that go best with some skills, or that an occupation asks for."),
    "related": ("lookups", "Print the skills that postings ask for together with one, the closest first."),
    "restore": ("databases", "Restore a backup, whole or not at all; an older one is upgraded."),
    "run": ("run", "Run the whole pipeline once and print the market summary."),
    "salaries": ("texts", "Salaries in texts."),
    "serve": ("serve", "Run everything on this machine until Ctrl-C: code server, daemon and web process."),
    "skill": ("lookups", "Print the demand for a skill, its growth, its pay, and what goes with it."),
    "skills": ("texts", "Skills in texts."),
    "sources": ("sources", "Sources of postings."),
    "sql": ("sql", "Print the rows of a SQL query on the market database, which can't change anything."),
    "status": ("status", "Print jobs, incidents, tables and stores; exit 1 when something is wrong."),
    "summary": ("run", "Print the market summary of the store."),
    "tokens": ("accounts", "Personal access tokens, by which programs sign in."),
    "top": (
        "lookups",
        "Print the skills, occupations, industries, locations or companies with the most postings.",
    ),
    "trending": ("lookups", "Print the skills by growth of their share of the postings, the fastest first."),
    "user": ("accounts", "Users of the web process, and their roles."),
    "watch": ("status", "Print a line for each change of a run, until Ctrl-C."),
    "web": ("serve", "Run the web process alone, against the code server that workspace.yaml names."),
}


class _Commands(click.Group):
    """Loads commands on use; expected errors end with one line, others with their traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"market_assets.cli.{COMMANDS[cmd_name][0]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in sorted(COMMANDS.items())
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in sorted(COMMANDS.items())])

    def invoke(self, ctx: click.Context) -> Any:
        # What a command loads stays to its end: collecting garbage among it over and over is in vain.
        gc.set_threshold(50_000, 20, 20)
        try:
            return super().invoke(ctx)
        except (click.UsageError, Exit):
            raise
        except KeyboardInterrupt:
            _end("interrupted", 130)
        except Exception as error:
            if not isinstance(error, _expected_errors()):
                raise
            _end(str(error), getattr(error, "exit_code", 1))


def _expected_errors() -> tuple[type[Exception], ...]:
    from market_assets.cli.command import CommandFailedError
    from market_assets.settings import SettingsError
    from market_assets.sources.protocol import SourceError
    from market_assets.store.database import StoreError

    return CommandFailedError, SettingsError, SourceError, StoreError


def _end(message: str, code: int) -> None:
    click.echo(f"market-assets: {message}", err=True)
    sys.exit(code)


class QuotingBash(BashComplete):
    """Puts names of several words into quotes, as the other shells do by themselves."""

    def format_completion(self, item: CompletionItem) -> str:
        value = shlex.quote(item.value) if item.type == "plain" else item.value
        return super().format_completion(CompletionItem(value, item.type, item.help))


add_completion_class(QuotingBash, "bash")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="market-assets")
def main() -> None:
    """Job-market intelligence: ingest postings, find skills, keep statistics and relationships fresh."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
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
