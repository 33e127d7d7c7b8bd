"""`market-assets doctor`: what it finds in a set-up, and what it says to do."""

from __future__ import annotations

import json
import re
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from market_assets.cli import doctor
from market_assets.operations import system_state
from market_assets.store import schema
from market_assets.store.database import Database
from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import market_assets

LINE = re.compile(r"(ok|warning|error) +(\S+(?: zone)?) +(.+)")


@pytest.fixture
def port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def examined(invoke: Invoke, port: int = 0, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code and the findings by their check."""
    own_port = {"MARKET_ASSETS_PORT": str(port)} if port else {}
    result = invoke("doctor", "--json", **own_port, **settings)
    found = json.loads(result.stdout)
    assert result.exit_code == (1 if found["status"] == "error" else 0)
    return result.exit_code, {each["check"]: each for each in found["findings"]}


def test_a_new_folder_is_in_order_but_for_the_daemon(invoke: Invoke, project: Path, port: int) -> None:
    code, found = examined(invoke, port)
    assert code == 0
    assert {check for check, each in found.items() if each["level"] != "ok"} == {"daemon"}
    assert found["daemon"]["advice"] == "market-assets serve runs it"
    assert list(found) == [
        *("versions", "time zone", "settings", "folder", "data", "sign-in", "port", "sources"),
        *("code", "database", "daemon", "disk"),
    ]
    assert found["sources"]["text"] == "sample"
    assert found["folder"]["text"] == f"dagster.yaml is in {project}"
    assert found["database"]["text"].endswith("market.db is made at the first run")


def test_a_line_is_printed_for_each(invoke: Invoke, port: int) -> None:
    result = invoke("doctor", MARKET_ASSETS_PORT=str(port))
    lines = result.stdout.splitlines()
    assert all(LINE.fullmatch(line) for line in lines), result.stdout
    assert [LINE.fullmatch(line)[2] for line in lines] == list(examined(invoke, port)[1])  # type: ignore[index]
    assert next(line for line in lines if "daemon" in line).endswith(" → market-assets serve runs it")


def test_what_runs_is_seen(invoke: Invoke, project: Path, port: int) -> None:
    database = Database(f"sqlite:///{project / 'data' / 'market.db'}")
    schema.upgrade(database)
    with dg.DagsterInstance.from_config(str(project)) as instance:
        for kind in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(datetime.now(UTC).timestamp(), kind, "x", errors=[]))
    code, found = examined(invoke, port)
    assert (code, {each["level"] for each in found.values()}) == (0, {"ok"})
    assert found["database"]["text"] == f"data/market.db, version {schema.newest_version()}"
    (project / "data").chmod(0o755)
    assert examined(invoke, port)[1]["data"]["advice"] == "chmod 700 data"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"MARKET_ASSETS_CURENCY": "EUR"}, "did you mean MARKET_ASSETS_CURRENCY?"),
        ({"MARKET_ASSETS_WINDOW_DAYS": "many"}, "MARKET_ASSETS_WINDOW_DAYS: "),
    ],
)
def test_a_wrong_setting_is_the_last_finding(invoke: Invoke, settings: dict[str, str], text: str) -> None:
    code, found = examined(invoke, **settings)
    assert (code, list(found)[-1], found["settings"]["level"]) == (1, "settings", "error")
    assert text in found["settings"]["text"]


def test_wrong_sources_are_an_error(invoke: Invoke, project: Path, port: int) -> None:
    (project / "sources.yaml").write_text("sources: [{type: nowhere}]")
    code, found = examined(invoke, port)
    assert code == 1
    assert found["sources"]["level"] == "error"
    assert "code" not in found, "one cause has one line"
    assert "docs/sources.md" in found["sources"]["advice"]


def test_wrong_sources_keep_a_new_process_from_nothing_else(project: Path, port: int) -> None:
    (project / "sources.yaml").write_text("sources: [{type: nowhere}]")
    ended = market_assets("doctor", cwd=project, MARKET_ASSETS_PORT=str(port))
    assert (ended.code, ended.err) == (1, "")
    assert [line.split()[0] for line in ended.out.splitlines() if line[:5] == "error"] == ["error"]
    assert "daemon" in ended.out


@pytest.mark.parametrize(
    ("content", "check", "text"),
    [
        ("run_queue: [", "folder", "DAGSTER_HOME: dagster.yaml can't be read: while parsing a flow node"),
        ("nosuch: 1", "history", 'dagster.yaml: Received unexpected config entry "nosuch" at the root.'),
    ],
)
def test_a_wrong_dagster_yaml_is_named(
    invoke: Invoke, project: Path, port: int, content: str, check: str, text: str
) -> None:
    (project / "dagster.yaml").write_text(content)
    code, found = examined(invoke, port)
    assert (code, [each["check"] for each in found.values() if each["level"] == "error"]) == (1, [check])
    assert text in found[check]["text"]
    assert "dagster.yaml" in found[check]["advice"] or "the file" in found[check]["advice"]
    refused = invoke("run")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert text in refused.stderr


def test_a_folder_of_nothing_is_an_error(
    invoke: Invoke, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    code, found = examined(invoke, port)
    assert (code, found["folder"]["level"]) == (1, "error")
    assert "market-assets init FOLDER" in found["folder"]["advice"]
    assert found["sources"]["text"] == "sample, since there is no sources.yaml"


def test_a_port_in_use_is_an_error(invoke: Invoke) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, found = examined(invoke, taken.getsockname()[1])
    assert (code, found["port"]["level"]) == (1, "error")
    assert "Address already in use" in found["port"]["text"]


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"MARKET_ASSETS_HOST": "0.0.0.0"}, "error"),
        ({"MARKET_ASSETS_HOST": "0.0.0.0", "JWT_SECRET_KEY": "changeme" * 6}, "error"),
        ({"MARKET_ASSETS_HOST": "0.0.0.0", "JWT_SECRET_KEY": "Zk3vQ8mN1pR6tW9xB4cF7hJ2lS5dG0aE"}, "ok"),
    ],
)
def test_a_process_that_others_reach_needs_a_key(
    invoke: Invoke, port: int, settings: dict[str, str], level: str
) -> None:
    finding = examined(invoke, port, **settings)[1]["sign-in"]
    assert finding["level"] == level
    assert settings.get("JWT_SECRET_KEY", "x" * 99) not in str(finding)


def test_a_database_where_no_folder_can_be_is_an_error(invoke: Invoke, project: Path, port: int) -> None:
    (project / "notes").write_text("no folder")
    code, found = examined(invoke, port, DATABASE_URL="sqlite:///notes/market.db")
    assert (code, found["database"]["level"], found["database"]["advice"]) == (1, "error", "correct DATABASE_URL")
    assert found["database"]["text"] == f"{project / 'notes'} can't be written by this account"


def test_a_database_that_does_not_answer_is_an_error(invoke: Invoke, port: int) -> None:
    nowhere = f"postgresql://user:open-sesame@127.0.0.1:{port}/market"
    code, found = examined(invoke, port, DATABASE_URL=nowhere)
    assert (code, found["database"]["level"]) == (1, "error")
    assert "open-sesame" not in str(found)


def test_a_file_of_ones_own_that_is_left_out_is_a_warning(
    invoke: Invoke, project: Path, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "custom").mkdir()
    (project / "custom" / "mine.py").write_text("1 / 0")
    code, found = examined(invoke, port)
    assert (code, found["code"]["level"]) == (0, "warning")
    assert f"{project / 'custom' / 'mine.py'}, line 1: ZeroDivisionError" in found["code"]["text"]
    assert not caplog.records, "what is found is printed once"


def test_a_full_disk_is_an_error(invoke: Invoke, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        system_state.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 5, "total": 9})
    )
    code, found = examined(invoke, port)
    assert (code, found["disk"]["level"]) == (1, "error")


def test_a_package_of_another_version_is_an_error(
    invoke: Invoke, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        doctor, "requires", lambda _package: ["click>=999", "s3fs; extra == 'scale'", "no-such>=1"]
    )
    code, found = examined(invoke, port)
    assert (code, found["versions"]["level"]) == (1, "error")
    assert "click " in found["versions"]["text"]
    assert "no-such none, needed >=1" in found["versions"]["text"]
    assert "s3fs" not in found["versions"]["text"]


def test_it_changes_nothing(invoke: Invoke, project: Path, port: int) -> None:
    before = {path.name for path in project.iterdir()}
    assert examined(invoke, port)[0] == 0
    assert {path.name for path in project.iterdir()} - before <= {"data"}
    assert not (project / "data" / "market.db").exists()
    # Dagster makes its own folder there; what is in the data folder is this account's alone all the same.
    assert (project / "data").stat().st_mode & 0o077 == 0
