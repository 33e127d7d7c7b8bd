"""Every setting, typed. The only reader of the environment and of `.env`.

A leaf: it imports nothing of the package. `checked_settings` adds the checks that need other modules, and has the
settings of this process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_ISO_CURRENCY = r"^[A-Z]{3}$"
#: Longer than any market's history, and short enough that no window begins before the year 1.
_MOST_DAYS = 36_500
#: Variables whose value may hold a password, so that no message repeats it.
SECRET_VARIABLES = {
    *("DATABASE_URL", "DAGSTER_POSTGRES_URL", "MARKET_ASSETS_BROKER_URL", "MARKET_ASSETS_LANDING_URL"),
    *("JWT_SECRET_KEY", "MARKET_ASSETS_METRICS_TOKEN", "MARKET_ASSETS_ALERT_URLS"),
}


class SettingsError(click.ClickException):
    """A setting is wrong; each line of the message names the variable and what is wrong with it.

    A click exception, so that Dagster's own commands end with this message and exit code too.
    """

    exit_code = 2


class Settings(BaseSettings):
    """Settings from the environment, else from `.env`; `.env.example` documents each."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True)

    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    data_dir: Path = Field(Path("data"), validation_alias="MARKET_ASSETS_DATA_DIR")
    landing_url: str | None = Field(None, validation_alias="MARKET_ASSETS_LANDING_URL")
    landing_days: int = Field(90, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_LANDING_DAYS")
    retention_days: int = Field(90, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_RETENTION_DAYS")
    window_days: int = Field(90, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_WINDOW_DAYS")
    trend_days: int = Field(180, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_TREND_DAYS")
    start: date | None = Field(None, validation_alias="MARKET_ASSETS_START")
    min_sample: int = Field(5, ge=1, le=1000, validation_alias="MARKET_ASSETS_MIN_SAMPLE")
    # Checking the defaults would import all of Dagster, also for commands that need none of it.
    ingestion_cron: str = Field(
        "0 2 * * *", validate_default=False, validation_alias="MARKET_ASSETS_INGESTION_CRON"
    )
    refresh_cron: str = Field(
        "30 2,14 * * *", validate_default=False, validation_alias="MARKET_ASSETS_REFRESH_CRON"
    )
    cleanup_cron: str = Field("0 3 * * 0", validate_default=False, validation_alias="MARKET_ASSETS_CLEANUP_CRON")
    rebuild_cron: str = Field("0 4 * * 0", validate_default=False, validation_alias="MARKET_ASSETS_REBUILD_CRON")
    history_cron: str = Field("0 5 * * *", validate_default=False, validation_alias="MARKET_ASSETS_HISTORY_CRON")
    history_days: int = Field(90, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_HISTORY_DAYS")
    audit_days: int = Field(400, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_AUDIT_DAYS")
    # A default file or folder may be missing, and the sample source is used; one that is set must exist.
    sources: Path = Field(Path("sources.yaml"), validate_default=False, validation_alias="MARKET_ASSETS_SOURCES")
    currency: str = Field("USD", pattern=_ISO_CURRENCY, validation_alias="MARKET_ASSETS_CURRENCY")
    exchange_rates: Path | None = Field(None, validation_alias="MARKET_ASSETS_EXCHANGE_RATES")
    taxonomy: Path | None = Field(None, validation_alias="MARKET_ASSETS_TAXONOMY")
    custom_dir: Path = Field(Path("custom"), validate_default=False, validation_alias="MARKET_ASSETS_CUSTOM_DIR")
    code_url: str | None = Field(None, pattern="^https?://", validation_alias="MARKET_ASSETS_CODE_URL")
    inbox: Path | None = Field(None, validation_alias="MARKET_ASSETS_INBOX")
    refresh_after_postings: int | None = Field(None, ge=1, validation_alias="MARKET_ASSETS_REFRESH_AFTER_POSTINGS")
    host: str = Field("127.0.0.1", validation_alias="MARKET_ASSETS_HOST")
    port: int = Field(3000, ge=1, le=65535, validation_alias="MARKET_ASSETS_PORT")
    dagster_home: Path | None = Field(None, validation_alias="DAGSTER_HOME")
    dagster_postgres_url: str | None = Field(None, validation_alias="DAGSTER_POSTGRES_URL")
    workers: int = Field(2, ge=1, le=1000, validation_alias="MARKET_ASSETS_WORKERS")
    broker_url: str | None = Field(None, validation_alias="MARKET_ASSETS_BROKER_URL")
    jwt_secret_key: SecretStr | None = Field(None, validation_alias="JWT_SECRET_KEY")
    # Proxies whose X-Forwarded-* headers are trusted: addresses or networks, separated by commas or spaces.
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), validation_alias="MARKET_ASSETS_TRUSTED_PROXIES"
    )
    # A browser opens six connections, a WebSocket among them; behind one address may be an office.
    connections_per_address: int = Field(
        128, ge=8, le=10_000, validation_alias="MARKET_ASSETS_CONNECTIONS_PER_ADDRESS"
    )
    graphql_bytes: int = Field(65_536, ge=16_384, le=1 << 24, validation_alias="MARKET_ASSETS_GRAPHQL_BYTES")
    metrics_token: SecretStr | None = Field(None, validation_alias="MARKET_ASSETS_METRICS_TOKEN")
    adzuna_app_id: str | None = Field(None, validation_alias="ADZUNA_APP_ID")
    adzuna_app_key: str | None = Field(None, validation_alias="ADZUNA_APP_KEY")
    rapidapi_key: str | None = Field(None, validation_alias="RAPIDAPI_KEY")
    alert_urls: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias="MARKET_ASSETS_ALERT_URLS")
    # Not a setting: the report of a user's own file has another name.
    _report_name: str = PrivateAttr("market_report")

    @field_validator("alert_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        networks = tuple(ip_network(part, strict=False) for part in value.replace(",", " ").split())
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("the whole internet can't be trusted: name the proxies")
        return networks

    @field_validator("currency", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("start")
    @classmethod
    def _begun(cls, value: date | None) -> date | None:
        if value is not None and value > datetime.now(UTC).date():
            raise ValueError("it is in the future")
        return value

    @field_validator("landing_url")
    @classmethod
    def _known_file_system(cls, value: str | None) -> str | None:
        if value:
            import fsspec

            try:
                fsspec.get_filesystem_class(fsspec.utils.get_protocol(value))
            except (ImportError, ValueError) as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("ingestion_cron", "refresh_cron", "cleanup_cron", "rebuild_cron", "history_cron")
    @classmethod
    def _valid_cron(cls, value: str) -> str:
        import dagster as dg

        try:
            dg.ScheduleDefinition(name="any", job_name="any", cron_schedule=value)
        except dg.DagsterInvalidDefinitionError:
            raise ValueError(f"{value!r} is not a cron expression such as '0 2 * * *'") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value:
            parse_database_url(value)
        return value

    @field_validator("dagster_postgres_url")
    @classmethod
    def _known_instance_database(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value:
            if not value.startswith(("postgresql", "postgres:")):
                raise ValueError("it must be a PostgreSQL database: postgresql://user:password@host/name")
            parse_database_url(value)
            if value == info.data.get("database_url"):
                raise ValueError(
                    "it must be another database than DATABASE_URL's: each keeps its own schema's version"
                )
        return value

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://")):
            raise ValueError("it must be a Redis server: redis://host:6379/0")
        if value:
            check_installed("dagster_celery", "scale")
        return value

    @field_validator("sources", "exchange_rates", "taxonomy", "custom_dir", "inbox")
    @classmethod
    def _existing_if_named(cls, value: Path | None) -> Path | None:
        if value is not None and not value.exists():
            raise ValueError(f"{value} does not exist")
        return value

    @field_validator("custom_dir", "inbox")
    @classmethod
    def _folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError(f"{value} is no folder")
        return value

    @property
    def market_url(self) -> str:
        """The market database: as set, else an SQLite file under the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'market.db'}"

    @property
    def landing(self) -> str:
        """Where landed payloads are: an fsspec URL or a folder."""
        return self.landing_url or str(self.data_dir / "landing")

    @property
    def board_keys(self) -> dict[str, str | None]:
        """The API keys for job boards, by environment variable."""
        return {
            "ADZUNA_APP_ID": self.adzuna_app_id,
            "ADZUNA_APP_KEY": self.adzuna_app_key,
            "RAPIDAPI_KEY": self.rapidapi_key,
        }

    @property
    def custom_folder(self) -> Path | None:
        """The folder with the user's own files; None where there is none."""
        return self.custom_dir if self.custom_dir.is_dir() else None

    @property
    def archive_dir(self) -> Path:
        return self.data_dir / "archive"

    @property
    def report_path(self) -> Path:
        return self.data_dir / "reports" / f"{self._report_name}.html"

    def of_file(self, name: str) -> Settings:
        """The settings for a user's own file: with a separate database, landing folder and report."""
        folder = self.data_dir / "from"
        own = self.model_copy(
            update={
                "database_url": f"sqlite:///{folder / name}.db",
                "landing_url": str(folder / f"{name}.landing"),
            }
        )
        own._report_name = name
        return own


def parse_database_url(url: str) -> URL:
    """Read a database URL: `sqlite:///path` or `postgresql://…`.

    Raises:
        ValueError: it is not one; the message does not repeat the URL, which may hold a password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise ValueError("not a database URL such as sqlite:///path or postgresql://user@host/name") from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(f"{backend} is not supported: use sqlite:///path or postgresql://…")
    if backend == "postgresql":
        check_installed("adbc_driver_postgresql", "postgresql")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("an SQLite database needs a file: sqlite:///path/to/market.db")
    return parsed


def check_installed(module: str, extra: str) -> None:
    """See that what an extra of this package brings is there.

    Raises:
        ValueError: it is not; the message says how to install it.
    """
    if find_spec(module) is None:
        package = module.replace("_", "-")
        raise ValueError(f"{package} is not installed: pip install 'market-assets[{extra}]'")


def read_settings(kind: type[Settings]) -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        SettingsError: one line for each wrong variable.
    """
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError("\n".join(_message(problem) for problem in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env: it can't be read: {error}") from None


def set_variables() -> Iterator[tuple[str, str, str]]:
    """Every variable that `.env` or the environment sets, whatever it is for: name, value, where (as a suffix)."""
    for name, value in dotenv_values(".env", interpolate=False).items():
        if name not in os.environ:
            yield name, value or "", " (in .env)"
    for name, value in os.environ.items():
        yield name, value, ""


def environment_for_children(**changes: str) -> dict[str, str]:
    """The environment for a child process, with changes."""
    return {**os.environ, **changes}


def set_dagster_home(folder: Path) -> None:
    """Set DAGSTER_HOME, the folder of `dagster.yaml`, for this process and its children."""
    os.environ["DAGSTER_HOME"] = str(folder.resolve())


def _message(problem: object) -> str:
    details = dict(problem)  # type: ignore[call-overload]
    message = str(details["msg"]).removeprefix("Value error, ")
    name = ".".join(map(str, details["loc"]))
    return f"{name}: {message}" + ("" if name in SECRET_VARIABLES else f" (it is {str(details['input'])!r})")
