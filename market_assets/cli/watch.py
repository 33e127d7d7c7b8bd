"""`market-assets watch`: a line for each change of a run."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from datetime import datetime

import click

from market_assets.cli.command import history_errors, json_option, open_instance, pass_settings
from market_assets.operations.run_changes import as_line, changes, newest_executions
from market_assets.settings import Settings
from market_assets.store.executions import Execution


@click.command()
@json_option("Print a JSON object for each change instead.")
@click.option("--job", help="Only runs of this job.")
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 60),
    metavar="SECONDS",
    help="How often to look.",
)
@pass_settings
def watch(settings: Settings, as_json: bool, job: str | None, every: float) -> None:
    """Print a line for each change of a run, until Ctrl-C.

    Reads the history's database alone: no other process needs to run.
    """
    # A shell that starts this in the background makes it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with open_instance(settings) as instance, history_errors():
            for changed in changes(newest_executions(instance, job), lambda: time.sleep(every)):
                click.echo(_as_json(changed) if as_json else as_line(changed))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # So that the interpreter's last flush of it does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_json(run: Execution) -> str:
    content = asdict(run)
    times = {name: value.isoformat() for name, value in content.items() if isinstance(value, datetime)}
    return json.dumps({"type": "run", **content, **times})
