"""Every setting, typed. The only reader of the environment and of `.env`."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

import click
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_ISO_CURRENCY = r"^[A-Z]{3}$"
#: Longer than any market's history, and short enough that a window never begins before the calendar does.
_MOST_DAYS = 36_500
#: What a message must not repeat: it may hold a password.
_SECRET = {
    *("DATABASE_URL", "DAGSTER_POSTGRES_URL", "MARKET_ASSETS_BROKER_URL", "MARKET_ASSETS_LANDING_URL"),
    *("JWT_SECRET_KEY", "MARKET_ASSETS_METRICS_TOKEN", "MARKET_ASSETS_ALERT_URLS"),
}


class SettingsError(click.ClickException):
    """A setting is wrong; each line of the message names the variable and what is wrong with it.

    Dagster's own commands end with this line and exit code too, since click knows how.
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
    ingestion_cron: str = Field("0 2 * * *", validation_alias="MARKET_ASSETS_INGESTION_CRON")
    refresh_cron: str = Field("30 2,14 * * *", validation_alias="MARKET_ASSETS_REFRESH_CRON")
    cleanup_cron: str = Field("0 3 * * 0", validation_alias="MARKET_ASSETS_CLEANUP_CRON")
    rebuild_cron: str = Field("0 4 * * 0", validation_alias="MARKET_ASSETS_REBUILD_CRON")
    history_cron: str = Field("0 5 * * *", validation_alias="MARKET_ASSETS_HISTORY_CRON")
    history_days: int = Field(90, ge=1, le=_MOST_DAYS, validation_alias="MARKET_ASSETS_HISTORY_DAYS")
    # Without the file there is the sample source alone; one that is named must be there.
    sources: Path = Field(Path("sources.yaml"), validate_default=False, validation_alias="MARKET_ASSETS_SOURCES")
    currency: str = Field("USD", pattern=_ISO_CURRENCY, validation_alias="MARKET_ASSETS_CURRENCY")
    exchange_rates: Path | None = Field(None, validation_alias="MARKET_ASSETS_EXCHANGE_RATES")
    taxonomy: Path | None = Field(None, validation_alias="MARKET_ASSETS_TAXONOMY")
    custom_dir: Path | None = Field(None, validation_alias="MARKET_ASSETS_CUSTOM_DIR")
    inbox: Path | None = Field(None, validation_alias="MARKET_ASSETS_INBOX")
    refresh_after_postings: int | None = Field(None, ge=1, validation_alias="MARKET_ASSETS_REFRESH_AFTER_POSTINGS")
    host: str = Field("127.0.0.1", validation_alias="MARKET_ASSETS_HOST")
    port: int = Field(3000, ge=1, le=65535, validation_alias="MARKET_ASSETS_PORT")
    dagster_home: Path | None = Field(None, validation_alias="DAGSTER_HOME")
    dagster_postgres_url: str | None = Field(None, validation_alias="DAGSTER_POSTGRES_URL")
    workers: int = Field(2, ge=1, le=1000, validation_alias="MARKET_ASSETS_WORKERS")
    broker_url: str | None = Field(None, validation_alias="MARKET_ASSETS_BROKER_URL")
    jwt_secret_key: SecretStr | None = Field(None, validation_alias="JWT_SECRET_KEY")
    # Whose word about where a request comes from is taken: addresses or networks, by commas or spaces.
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), validation_alias="MARKET_ASSETS_TRUSTED_PROXIES"
    )
    metrics_token: SecretStr | None = Field(None, validation_alias="MARKET_ASSETS_METRICS_TOKEN")
    adzuna_app_id: str | None = Field(None, validation_alias="ADZUNA_APP_ID")
    adzuna_app_key: str | None = Field(None, validation_alias="ADZUNA_APP_KEY")
    rapidapi_key: str | None = Field(None, validation_alias="RAPIDAPI_KEY")
    alert_urls: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias="MARKET_ASSETS_ALERT_URLS")
    # No setting, but what a user's own file changes.
    _report_name: str = PrivateAttr("market_report")

    @field_validator("alert_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("alert_urls")
    @classmethod
    def _readable_by_apprise(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            from market_assets.operations.alerts.channels import unreadable

            if problem := unreadable(value):
                raise ValueError(problem)
        return value

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

    @field_validator("currency")
    @classmethod
    def _currency_of_some_country(cls, value: str) -> str:
        from market_assets.postings.countries import country_currencies

        if value != "USD" and value not in country_currencies().values():
            raise ValueError("is not the currency of any country")
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
        from dagster._utils.schedules import is_valid_cron_string

        if not is_valid_cron_string(value):
            raise ValueError(f"{value!r} is not a cron expression such as '0 2 * * *'")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if not value:
            return value
        from market_assets.store.database import StoreError, parse_database_url

        try:
            parse_database_url(value)
        except StoreError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("dagster_postgres_url")
    @classmethod
    def _known_instance_database(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and not value.startswith(("postgresql", "postgres:")):
            raise ValueError("it must be a PostgreSQL database: postgresql://user:password@host/name")
        if value and cls._known_database(value) == info.data.get("database_url"):
            raise ValueError(
                "it must be another database than DATABASE_URL's: each keeps its own schema's version"
            )
        return value

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://")):
            raise ValueError("it must be a Redis server: redis://host:6379/0")
        if value and not find_spec("dagster_celery"):
            raise ValueError("it needs dagster-celery: install from requirements-scale.lock")
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

    @field_validator("taxonomy")
    @classmethod
    def _readable_taxonomy(cls, value: Path | None) -> Path | None:
        if value is not None:
            from market_assets.skills.taxonomy import load_taxonomy

            load_taxonomy(value)
        return value

    @field_validator("exchange_rates")
    @classmethod
    def _readable_rates(cls, value: Path | None) -> Path | None:
        if value is not None:
            from market_assets.postings.salaries.currencies import load_exchange_rates

            load_exchange_rates(value)
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
        """The keys of accounts at job boards, by environment variable."""
        return {
            "ADZUNA_APP_ID": self.adzuna_app_id,
            "ADZUNA_APP_KEY": self.adzuna_app_key,
            "RAPIDAPI_KEY": self.rapidapi_key,
        }

    @property
    def archive_dir(self) -> Path:
        return self.data_dir / "archive"

    @property
    def report_path(self) -> Path:
        return self.data_dir / "reports" / f"{self._report_name}.html"

    def of_file(self, name: str) -> Settings:
        """The settings for a user's own file: a database, landing folder and report that hold nothing else."""
        folder = self.data_dir / "from"
        own = self.model_copy(
            update={
                "database_url": f"sqlite:///{folder / name}.db",
                "landing_url": str(folder / f"{name}.landing"),
            }
        )
        own._report_name = name
        return own


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: one line for each wrong variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_worded(problem) for problem in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env: it can't be read: {error}") from None


def environment_for_children(**changes: str) -> dict[str, str]:
    """The environment of a process that this one starts, with changes."""
    return {**os.environ, **changes}


def set_dagster_home(folder: Path) -> None:
    """Tell Dagster, in this process and its children, where its instance is configured."""
    os.environ["DAGSTER_HOME"] = str(folder.resolve())


def _worded(problem: object) -> str:
    details = dict(problem)  # type: ignore[call-overload]
    message = str(details["msg"]).removeprefix("Value error, ")
    name = ".".join(map(str, details["loc"]))
    return f"{name}: {message}" + ("" if name in _SECRET else f" (it is {str(details['input'])!r})")
