"""`market-assets doctor`: what is wrong with a set-up, before anything is started, and what to do about it."""

from __future__ import annotations

import json
import logging
import os
import platform
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import click
from packaging.requirements import Requirement

from market_assets.checked_settings import get_settings
from market_assets.cli.command import json_option, use_dagster_home
from market_assets.cli.status import read_system
from market_assets.operations.health import Health, Problem, judge
from market_assets.operations.names import TASK_PROBLEMS, TASKS_SENSOR
from market_assets.operations.system_state import SystemState
from market_assets.settings import Settings, SettingsError
from market_assets.store.database import Database

Level = Literal["ok", "warning", "error"]
_COLOURS: dict[Level, str] = {"ok": "green", "warning": "yellow", "error": "red"}
_PACKAGE = "market-assets"
_HEALTH_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """What a check has found, in a line, and what to do where something is wrong."""

    check: str
    level: Level
    text: str
    advice: str = ""


@click.command()
@json_option("Print a JSON object: the worst level, and each finding.")
def doctor(as_json: bool) -> None:
    """Check the set-up and print what is wrong with it and what to do; exit 1 on an error."""
    # What loading the code logs is among the findings.
    logging.disable(logging.WARNING)
    try:
        findings = list(_findings())
    finally:
        logging.disable(logging.NOTSET)
    worst: Level = max((each.level for each in findings), key=list(_COLOURS).index)
    if as_json:
        listed = {"status": worst, "findings": [asdict(each) for each in findings]}
        click.echo(json.dumps(listed, ensure_ascii=False, indent=1))
    else:
        for each in findings:
            advice = f" → {each.advice}" if each.advice else ""
            level = click.style(f"{each.level:<8}", fg=_COLOURS[each.level])
            click.echo(f"{level} {each.check:<10} {each.text}{advice}")
    sys.exit(1 if worst == "error" else 0)


def _findings() -> Iterator[Finding]:
    yield from _versions()
    yield _time_zone()
    try:
        settings = get_settings()
    except SettingsError as error:
        for line in error.message.splitlines():
            yield Finding("settings", "error", line, "correct it in the environment or in .env; see .env.example")
        return
    yield Finding(
        "settings", "ok", "of .env and the environment" if Path(".env").exists() else "of the environment"
    )
    folder = _folder(settings)
    yield folder
    for check in (_data_folder, _signing_key, _port):
        yield check(settings)
    yield from _sources(settings)
    if folder.level == "ok":
        yield from _state(read_system(settings), settings)


def _versions() -> Iterator[Finding]:
    """Python, this program and whether what it needs is installed in versions that it is made for."""
    wrong = []
    for line in requires(_PACKAGE) or ():
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            found = "none"
        if found == "none" or not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} {found}, needed {needed.specifier}")
    shown = f"Python {platform.python_version()}, {_PACKAGE} {version(_PACKAGE)}, dagster {version('dagster')}"
    if wrong:
        yield Finding("versions", "error", f"{shown}; {'; '.join(wrong)}", f"pip install --upgrade {_PACKAGE}")
    else:
        yield Finding("versions", "ok", shown)


def _time_zone() -> Finding:
    here = datetime.now().astimezone()
    zone = here.strftime("%z")
    note = "" if zone == "+0000" else f"; this machine is at {zone[:3]}:{zone[3:]}"
    return Finding("time zone", "ok", f"schedules and all times are in UTC{note}")


def _folder(settings: Settings) -> Finding:
    try:
        home = use_dagster_home(settings)
    except SettingsError as error:
        is_there = (settings.dagster_home or Path()).joinpath("dagster.yaml").exists()
        advice = "correct the file" if is_there else "go there, or begin one: market-assets init FOLDER"
        return Finding("folder", "error", error.message, advice)
    return Finding("folder", "ok", f"dagster.yaml is in {home}")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    if closed := _closed_folder(folder):
        advice = "let this account write there, or set MARKET_ASSETS_DATA_DIR"
        return Finding("data", "error", f"{closed} can't be written by this account", advice)
    if not folder.exists():
        return Finding("data", "ok", f"{folder} is made at the first run")
    if folder.stat().st_mode & 0o077:
        return Finding("data", "warning", f"other accounts may look into {folder}", f"chmod 700 {folder}")
    return Finding("data", "ok", f"{folder} is this account's alone")


def _closed_folder(folder: Path) -> Path | None:
    """What keeps this account from writing into a folder or making it: the nearest path that is there."""
    nearest = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
    return None if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK) else nearest


def _signing_key(settings: Settings) -> Finding:
    from market_assets.web.auth.credentials import is_reachable, signing_key

    if not is_reachable(settings) and settings.jwt_secret_key is None:
        return Finding("sign-in", "ok", "for this machine alone; the key is kept in the data folder")
    try:
        signing_key(settings)
    except SettingsError as error:
        return Finding("sign-in", "error", error.message, "set JWT_SECRET_KEY")
    return Finding("sign-in", "ok", "JWT_SECRET_KEY is set")


def _port(settings: Settings) -> Finding:
    address = f"{settings.host}:{settings.port}"
    try:
        family, *_, place = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if _answers(settings):
            return Finding("port", "ok", f"{address}: the web process is running")
        advice = "end the program that uses it, or set MARKET_ASSETS_HOST and MARKET_ASSETS_PORT"
        return Finding("port", "error", f"{address} can't be used: {error.strerror}", advice)
    return Finding("port", "ok", f"{address} is free")


def _answers(settings: Settings) -> bool:
    """Whether a web process of ours listens on the port."""
    import httpx

    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    try:
        answer = httpx.get(f"http://{host}:{settings.port}/health/live", timeout=_HEALTH_SECONDS, trust_env=False)
        return answer.status_code == 200 and "status" in answer.json()
    except (httpx.HTTPError, ValueError):
        return False


def _sources(settings: Settings) -> Iterator[Finding]:
    from market_assets.checked_settings import all_sources

    try:
        names = ", ".join(source.name for source in all_sources(settings))
    except SettingsError as error:
        advice = "docs/sources.md has every type and setting; then market-assets sources check"
        for line in error.message.splitlines():
            yield Finding("sources", "error", line, advice)
        return
    missing = "" if settings.sources.exists() else f", since there is no {settings.sources}"
    yield Finding("sources", "ok", names + missing)


def _state(state: SystemState, settings: Settings) -> Iterator[Finding]:
    """What the stores, the daemon and the disk are like, as `market-assets status` judges them."""
    health = judge(state)
    reasons = {reason.name: reason for reason in reversed(health.reasons)}
    yield from _code(reasons.get("code"), settings)
    yield _database(state, reasons.get("database"), settings)
    yield _daemon(reasons)
    yield _disk(state, health)


def _code(failure: Problem | None, settings: Settings) -> Iterator[Finding]:
    if failure is not None:
        # Wrong sources keep it from loading, and have a line already.
        if all(each.level == "ok" for each in _sources(settings)):
            yield Finding("code", "error", failure.text, "correct what it names")
        return
    from market_assets.definitions import build_defs

    sensors = {sensor.name: sensor for sensor in build_defs(settings).get_repository_def().sensor_defs}
    # The sensor is there where there is something to say.
    shown = sensors[TASKS_SENSOR].metadata[TASK_PROBLEMS].value if TASKS_SENSOR in sensors else None
    for problem in shown if isinstance(shown, list) else []:
        yield Finding("code", "warning", f"left out: {problem}", "correct the file; the rest works without it")
    if shown is None:
        own = settings.custom_folder
        yield Finding("code", "ok", f"it loads{f', with the files in {own}' if own else ''}")


def _database(state: SystemState, failure: Problem | None, settings: Settings) -> Finding:
    if state.database is not None and state.database.version is None:
        database = Database(settings.market_url)
        if database.is_sqlite and (closed := _closed_folder(database.path.parent)):
            return Finding(
                "database", "error", f"{closed} can't be written by this account", "correct DATABASE_URL"
            )
        return Finding("database", "ok", f"{state.database.name} is made at the first run")
    if failure is not None:
        advice = "start it, or correct DATABASE_URL" if state.database is None else "then start again"
        return Finding("database", "error", failure.text, advice)
    assert state.database is not None
    return Finding("database", "ok", f"{state.database.name}, version {state.database.version}")


def _daemon(reasons: Mapping[str, Problem]) -> Finding:
    if "history" in reasons:
        advice = "start it, or correct DAGSTER_POSTGRES_URL or dagster.yaml"
        return Finding("history", "error", reasons["history"].text, advice)
    if "daemon" in reasons:
        return Finding("daemon", "warning", reasons["daemon"].text, "market-assets serve runs it")
    return Finding("daemon", "ok", "it is running")


def _disk(state: SystemState, health: Health) -> Finding:
    levels: tuple[tuple[Level, Sequence[Problem]], ...] = ("error", health.reasons), ("warning", health.warnings)
    for level, problems in levels:
        for problem in problems:
            if problem.name == "disk":
                return Finding("disk", level, problem.text, "make room, or set MARKET_ASSETS_DATA_DIR")
    assert state.disk is not None
    return Finding("disk", "ok", f"{state.disk.free / 2**30:,.1f} GiB are free under {state.disk.folder}")
