"""`market-assets serve`: code server, daemon and web process of one machine; `web`: the web process alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import click

from market_assets.cli.command import pass_settings, use_dagster_home
from market_assets.cli.users import FIRST_ADMIN, make_first_admin
from market_assets.settings import Settings, SettingsError, environment_for_children
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets.web.auth.tokens import signing_key

_READY_SECONDS = 90.0
#: The code server waits for up to 60 s for the runs that it has started.
_SHUTDOWN_SECONDS = 75.0
_POLL_SECONDS = 0.2
#: By name, in the order of starting.
Children = dict[str, subprocess.Popen[bytes]]


@click.command()
@pass_settings
def serve(settings: Settings) -> None:
    """Run everything on this machine until Ctrl-C: code server, daemon and web process."""
    sys.exit(_serve_all(settings))


@click.command()
@pass_settings
def web(settings: Settings) -> None:
    """Run the web process alone, against the code server that workspace.yaml names."""
    from market_assets.web.server import serve_web

    use_dagster_home(settings)
    serve_web(settings)


def _serve_all(settings: Settings) -> int:
    """Run until Ctrl-C, SIGTERM or the end of one of the processes; returns the exit code."""
    home = use_dagster_home(settings)
    signing_key(settings)
    database = Database(settings.market_url)
    schema.upgrade(database)
    _refuse_taken_port(settings)
    if password := make_first_admin(database):
        click.echo(f"The first start: sign in as {FIRST_ADMIN} with the password {password}")
        click.echo(f"It is shown this once; change it with: market-assets user passwd {FIRST_ADMIN}")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    children: Children = {}
    try:
        code_port = _free_port()
        workspace = _write_workspace(settings, code_port)
        dagster = [sys.executable, "-m", "dagster"]
        code = [*dagster, "code-server", "start", "-m", "market_assets.definitions"]
        code += ["--host", "127.0.0.1", "--port", str(code_port), "--location-name", "market_assets"]
        children["code server"] = _start(code, home)
        if not _wait_for(code_port, children, stop):
            return _report_end(children, stop)
        daemon = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace)]
        children["daemon"] = _start(daemon, home)
        web_process = [sys.executable, "-m", "market_assets.web.server", str(workspace)]
        children["web process"] = _start(web_process, home)
        if not _wait_for(settings.port, children, stop):
            return _report_end(children, stop)
        click.echo(f"Dagster's UI:      http://{settings.host}:{settings.port}/")
        click.echo(f"The market report: http://{settings.host}:{settings.port}/market")
        click.echo("Both ask to sign in; `market-assets user` adds users.")
        click.echo("Ctrl-C ends everything; a run in progress gets up to a minute to finish.")
        while not stop.wait(_POLL_SECONDS) and _all_run(children):
            pass
        return _report_end(children, stop)
    finally:
        _end_all(children)


def _start(command: list[str], home: Path) -> subprocess.Popen[bytes]:
    """Start a process in a new session, so that Ctrl-C reaches only this one, which ends the others in order."""
    environment = environment_for_children(DAGSTER_HOME=str(home))
    return subprocess.Popen(command, env=environment, start_new_session=True)


def _all_run(children: Children) -> bool:
    return all(child.poll() is None for child in children.values())


def _wait_for(port: int, children: Children, stop: threading.Event) -> bool:
    """Wait until a port accepts connections; False on a stop, the end of a process, or after `_READY_SECONDS`."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and _all_run(children):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return True
        if stop.wait(_POLL_SECONDS):
            return False
    return False


def _report_end(children: Children, stop: threading.Event) -> int:
    if stop.is_set():
        return 0
    ended = {name: child.returncode for name, child in children.items() if child.poll() is not None}
    for name, code in ended.items():
        click.echo(f"market-assets: the {name} ended with exit code {code}", err=True)
    if not ended:
        click.echo(f"market-assets: the {list(children)[-1]} was not ready in {_READY_SECONDS:.0f} s", err=True)
    return 1


def _end_all(children: Children) -> None:
    """End the processes in the reverse order of starting; those that ignore SIGTERM are killed."""
    for child in reversed(children.values()):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _SHUTDOWN_SECONDS
    for name, child in reversed(children.items()):
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            click.echo(f"market-assets: the {name} did not end after SIGTERM; killed", err=True)
            child.kill()
            child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            address, cause = f"{settings.host}:{settings.port}", os.strerror(error.errno or 0)
            raise SettingsError(f"MARKET_ASSETS_PORT: {address} can't be used: {cause}") from error


def _write_workspace(settings: Settings, code_port: int) -> Path:
    """Write the workspace file for the other processes, with the code server's port."""
    path = settings.data_dir.resolve() / "serve-workspace.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "load_from:\n"
        "  - grpc_server:\n"
        f"      host: 127.0.0.1\n      port: {code_port}\n      location_name: market_assets\n",
        encoding="utf-8",
    )
    return path
