"""The real web process, made in the process of the tests: Dagster, the code location, the store and the guard."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import jwt
import sqlalchemy as sa
import uvicorn
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from starlette.testclient import TestClient

from market_assets.dagster_ext.workspace import MarketProcessContext
from market_assets.settings import Settings
from market_assets.store import schema, users
from market_assets.store.database import Database
from market_assets.store.tables.administration import accounts
from market_assets.store.tables.catalog import metadata
from market_assets.web.auth.credentials import hash_password, identity_of, signing_key
from market_assets.web.auth.limits import RequestLimits
from market_assets.web.market.snapshot import SnapshotCache
from market_assets.web.server import WebProcess, server_config

LOCATION = "market_assets"
#: The fields of every error but those of the admin calls.
PROBLEM = {"type", "title", "status", "detail", "error"}
PASSWORD = "correct horse battery staple"
ROLES = {"ada": "admin", "vic": "viewer"}
SITE = "http://localhost:3000"
#: Tests ask more often, and from one address, than people do, on machines that are busy with other tests.
UNLIMITED = RequestLimits(
    sign_in="100000/minute",
    address="1000000/minute",
    user="1000000/minute",
    graphql="1000000/minute",
    account="1000000/minute",
    seconds=300,
    graphql_seconds=300,
)
#: Of a password's hash, in tests.
LOWEST_COST = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
_hashes: dict[str, str] = {}


@dataclass
class WholeProcess:
    """The web process, and clients of it."""

    settings: Settings
    database: Database
    instance: dg.DagsterInstance
    process: WebProcess

    @property
    def key(self) -> bytes:
        return signing_key(self.settings)

    @property
    def engine(self) -> sa.Engine:
        """Of users, sessions and the audit log."""
        return self.process.tokens.engine

    @property
    def market_engine(self) -> sa.Engine:
        return self.process.database.pooled_engine()

    def reset(self) -> None:
        """Remove everything that tests did: runs, schedules' states, rows of every table, sessions, the report."""
        self.instance.wipe()
        self.instance.wipe_all_schedules()
        self.settings.report_path.unlink(missing_ok=True)
        with self.process.database.pooled_engine().begin() as connection, self.engine.begin() as of_accounts:
            for table in reversed(metadata.sorted_tables):
                # The migration puts a row there.
                if table.name != "data_revision":
                    connection.execute(sa.delete(table))
            for table in accounts.sorted_tables:
                of_accounts.execute(sa.delete(table))
        for name, role in ROLES.items():
            self.add_user(name, role)
        self.process.api.state.market = SnapshotCache(self.process.database)

    def client(self, address: str = "127.0.0.1", site: str = SITE, **headers: str) -> TestClient:
        """A client without cookies that nobody signed in for."""
        return TestClient(
            self.process.application,
            base_url=site,
            client=(address, 50_000),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def sign_in(self, name: str) -> str:
        """A bearer token of a user."""
        answer = self.client().post("/api/auth/login", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def signed_in(self, name: str | None, address: str = "127.0.0.1") -> TestClient:
        """A client with a bearer token; with none where there is no name."""
        if name is None:
            return self.client(address)
        return self.client(address, Authorization=f"Bearer {self.sign_in(name)}")

    def browser(self, name: str) -> TestClient:
        """A client that signed in by the login page, as a browser does: with cookies."""
        client = self.client()
        page = client.get("/login")
        form = {"username": name, "password": PASSWORD, "csrf": csrf_of(page)}
        assert client.post("/login", data=form, headers={"Origin": SITE}).status_code == 303
        return client

    def add_user(self, name: str, role: str) -> None:
        users.add_user(self.engine, name, role, known_hash(PASSWORD))

    def claims(self, token: str, audience: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, self.key, ["HS256"], audience=audience)
        return claims


@contextlib.contextmanager
def whole_process(folder: Path, limits: RequestLimits = UNLIMITED, **variables: object) -> Iterator[WholeProcess]:
    """The web process with an admin `ada` and a viewer `vic`."""
    settings = Settings(
        DATABASE_URL=f"sqlite:///{folder / 'market.db'}",
        MARKET_ASSETS_DATA_DIR=folder / "data",
        _env_file=None,
        **variables,
    )
    database = Database(settings.market_url)
    schema.upgrade(database)
    home = folder / "dagster"
    home.mkdir()
    queue = {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}
    overrides = {"run_coordinator": queue, "telemetry": {"enabled": False}, "nux": {"enabled": False}}
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="market_assets.definitions"), location_name=LOCATION
    )
    with (
        dg.DagsterInstance.local_temp(str(home), overrides=overrides) as instance,
        MarketProcessContext(
            instance, InProcessWorkspaceLoadTarget(origin), user_of=identity_of
        ) as process_context,
    ):
        process = WebProcess(process_context, settings, limits)
        whole = WholeProcess(settings, database, instance, process)
        for name, role in ROLES.items():
            whole.add_user(name, role)
        yield whole
    database.pooled_engine().dispose()


@contextlib.contextmanager
def served(process: WebProcess, **changes: object) -> Iterator[str]:
    """The address of a web process behind the real server, with changes of settings, in a thread."""
    settings = process.settings.model_copy(update={"host": "127.0.0.1", "port": 0, **changes})
    server = uvicorn.Server(server_config(process.application, settings))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 300
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)


def known_hash(password: str) -> str:
    """The password's hash, made once: it is slow on purpose."""
    if password not in _hashes:
        _hashes[password] = hash_password(password)
    return _hashes[password]


def csrf_of(page: httpx.Response) -> str:
    """The token in the form of the login page."""
    return page.text.split('name="csrf" value="')[1].split('"')[0]
