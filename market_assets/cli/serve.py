"""`market-assets serve`: code server, daemon and web process of one machine; `web`: the web process alone.

`serve` itself lasts as long as the others, so what it needs once is done in processes that end, with all that they
have imported.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click

from market_assets.cli.command import pass_settings, use_dagster_home
from market_assets.cli.service import MOST_RESTARTS, READY_SECONDS, RESTARTS_WITHIN, Service
from market_assets.settings import Settings, SettingsError, environment_for_children

#: The code server waits for up to 60 s for the runs that it has started.
_SHUTDOWN_SECONDS = 75.0
_POLL_SECONDS = 0.2
_LOGS = "logs"
#: More users are only counted.
_MOST_USERS = 5


@click.command()
@click.option("--host", help="The address to listen on, instead of MARKET_ASSETS_HOST.")
@click.option("--port", type=click.IntRange(1, 65_535), help="The port, instead of MARKET_ASSETS_PORT.")
@click.option("--verbose", is_flag=True, help="Print what the processes print, instead of keeping it in files.")
@pass_settings
def serve(settings: Settings, host: str | None, port: int | None, verbose: bool) -> None:
    """Run everything on this machine until Ctrl-C: code server, daemon and web process.

    Prints the addresses, then a line when a run starts, ends or fails.
    """
    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    sys.exit(_serve_all(settings.model_copy(update=changes), verbose=verbose))


@click.command()
@pass_settings
def web(settings: Settings) -> None:
    """Run the web process alone, against the code server that workspace.yaml names."""
    from market_assets.web.server import serve_web

    use_dagster_home(settings)
    serve_web(settings)


def _serve_all(settings: Settings, *, verbose: bool) -> int:
    """Run until Ctrl-C, SIGTERM, or until a process has ended too often; returns the exit code."""
    home = use_dagster_home(settings)
    _in_child(_prepare, settings)
    if settings.data_dir.stat().st_mode & 0o077:
        click.echo(f"Other accounts may look into {settings.data_dir}: `chmod 700` it, unless they should")
    _refuse_taken_port(settings)
    environment = environment_for_children(
        DAGSTER_HOME=str(home),
        MARKET_ASSETS_HOST=settings.host,
        MARKET_ASSETS_PORT=str(settings.port),
        # A heap for each thread costs each process some megabytes: most of gRPC's threads wait.
        MALLOC_ARENA_MAX="1",
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    with tempfile.TemporaryDirectory(prefix="market_assets_") as private:
        services = _services(settings, Path(private) / "code.sock", verbose=verbose)
        try:
            return _run_until(stop, services, settings, environment)
        finally:
            _end_all(services)


def _in_child(work: Callable[..., None], *arguments: Any) -> None:
    """Do some work in a process of its own; it raises what the work raises."""
    with ProcessPoolExecutor(1, get_context("fork")) as child:
        child.submit(work, *arguments).result()


def _prepare(settings: Settings) -> None:
    """Make the folders and tables, and check what the other processes would fail with again and again.

    Raises:
        SettingsError: the sources' configuration is wrong, or others can reach this and tokens would not be safe.
        StoreError: the market database can't be used.
    """
    from market_assets.checked_settings import all_sources
    from market_assets.store import schema
    from market_assets.store.database import Database, make_private_folder
    from market_assets.web.auth.credentials import signing_key

    signing_key(settings)
    all_sources(settings)
    schema.upgrade(Database(settings.market_url))
    make_private_folder(settings.data_dir)
    make_private_folder(settings.data_dir / _LOGS)


def _services(settings: Settings, code_socket: Path, *, verbose: bool) -> list[Service]:
    """The processes in the order of starting.

    Whoever reaches the code server may start programs as its user, so it listens on a socket in a folder that no
    other user may enter.
    """
    workspace = _write_workspace(settings, code_socket)
    python = [sys.executable, "-m"]
    level = "info" if verbose else "warning"
    # What can't be loaded is shown in the UI.
    code = ["-m", "market_assets.definitions", "--location-name", "market_assets", "--lazy-load-user-code"]
    code_server = [*python, "market_assets.dagster_ext.code_server", *code, "--log-level", level]
    services = [
        Service("code server", [*code_server, "--socket", str(code_socket)]),
        Service("daemon", [*python, "dagster._daemon", "run", "-w", str(workspace), "--log-level", level]),
        Service("web process", [*python, "market_assets.web.server", str(workspace), "--print-runs"]),
    ]
    if not verbose:
        for service in services:
            service.log = settings.data_dir / _LOGS / f"{service.name.replace(' ', '_')}.log"
            service.log.unlink(missing_ok=True)
    return services


def _run_until(
    stop: threading.Event, services: list[Service], settings: Settings, environment: dict[str, str]
) -> int:
    """Start the services and keep them running; returns the exit code."""
    code_server, daemon, web_process = services
    code_server.start(environment)
    if not _wait_for(services, stop, socket.AF_UNIX, code_server.command[-1]):
        return _report_end(services, stop, code_server)
    daemon.start(environment)
    # Its lines about runs are shown after the addresses, also if it is started again.
    lines, web_process.output = os.pipe()
    web_process.start(environment)
    if not _wait_for(services, stop, socket.AF_INET, ("127.0.0.1", settings.port)):
        return _report_end(services, stop, web_process)
    _in_child(_print_addresses, settings, code_server.log)
    threading.Thread(target=_print_lines, args=(lines,), daemon=True).start()
    while not stop.wait(_POLL_SECONDS):
        for service in services:
            if not service.keep_running(environment):
                often = f"{MOST_RESTARTS + 1} times in {RESTARTS_WITHIN / 60:.0f} minutes"
                click.echo(f"market-assets: {service.ending}, {often}: giving up{service.last_words}", err=True)
                return 1
    return 0


def _print_lines(source: int) -> None:
    with open(source, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            click.echo(line.rstrip("\n"))


def _print_addresses(settings: Settings, log: Path | None) -> None:
    """Print where everything is, and who may sign in; the first start makes an admin."""
    from market_assets.cli.accounts import FIRST_ADMIN, make_first_admin
    from market_assets.store import users
    from market_assets.store.database import Database

    root = f"http://{settings.host}:{settings.port}"
    click.echo(f"Dagster's UI   {root}/")
    click.echo(f"Job market     {root}/market")
    click.echo(f"API            {root}/api/docs")
    database = Database(settings.market_url)
    if password := make_first_admin(database):
        click.echo(f"Sign in as     {FIRST_ADMIN}, with the password {password}")
        click.echo(
            f"               It is shown this once; change it with: market-assets user passwd {FIRST_ADMIN}"
        )
    else:
        names = [f"{user.name} ({user.role})" for user in users.list_users(database)]
        more = f" and {len(names) - _MOST_USERS} more" if len(names) > _MOST_USERS else ""
        click.echo(f"Sign in as     {', '.join(names[:_MOST_USERS])}{more}")
    if log is not None:
        click.echo(f"Logs           {log.parent}")
    click.echo("Ctrl-C ends everything; a run in progress gets up to a minute to finish.")


def _wait_for(services: list[Service], stop: threading.Event, family: int, address: Any) -> bool:
    """Wait until an address takes connections; False on a stop, when a process ends, or after `READY_SECONDS`."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not any(service.has_ended() for service in services):
        with socket.socket(family) as attempt:
            if attempt.connect_ex(address) == 0:
                return True
        if stop.wait(_POLL_SECONDS):
            return False
    return False


def _report_end(services: list[Service], stop: threading.Event, awaited: Service) -> int:
    if stop.is_set():
        return 0
    ended = [service for service in services if service.has_ended()]
    for service in ended:
        click.echo(f"market-assets: {service.ending}{service.last_words}", err=True)
    if not ended:
        click.echo(f"market-assets: the {awaited.name} was not ready in {READY_SECONDS:.0f} s", err=True)
    return 1


def _end_all(services: list[Service]) -> None:
    """End the processes in the reverse order of starting; those that ignore SIGTERM are killed."""
    running = [
        (service.name, service.process)
        for service in reversed(services)
        if service.process and not service.has_ended()
    ]
    for _name, process in running:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _SHUTDOWN_SECONDS
    for name, process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            click.echo(f"market-assets: the {name} did not end after SIGTERM; killed", err=True)
            process.kill()
            process.wait()


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            address, cause = f"{settings.host}:{settings.port}", os.strerror(error.errno or 0)
            raise SettingsError(f"MARKET_ASSETS_PORT: {address} can't be used: {cause}") from error


def _write_workspace(settings: Settings, code_socket: Path) -> Path:
    """Write the workspace file for the other processes, with the code server's socket."""
    path = settings.data_dir.resolve() / "serve-workspace.yaml"
    path.write_text(
        f"load_from:\n  - grpc_server:\n      socket: {code_socket}\n      location_name: market_assets\n",
        encoding="utf-8",
    )
    return path
