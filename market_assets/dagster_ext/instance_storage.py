"""Where Dagster keeps its history: PostgreSQL where DAGSTER_POSTGRES_URL is set, else SQLite.

`dagster.yaml` can't choose: it takes single values from the environment, but not the kind of storage, and a
variable that is not set is an error there. `market_assets_tests/dagster_ext/test_instance.py` opens both kinds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, StringSource
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from sqlalchemy.engine import make_url

from market_assets.checked_settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class InstanceStorage(DagsterStorage, ConfigurableClass):
    """Named in `dagster.yaml`; Dagster gets the storage that `from_config_value` returns."""

    @classmethod
    def config_type(cls) -> Any:
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, str]
    ) -> DagsterStorage:
        """The storage that the settings choose.

        Args:
            inst_data: the entry in `dagster.yaml`, by which other processes open the same storage.
            config_value: `base_dir`, the folder of the SQLite files.
        """
        if url := get_settings().dagster_postgres_url:
            from market_assets.dagster_ext.postgresql_storage import PooledPostgresStorage

            return PooledPostgresStorage(psycopg2_url(url), inst_data=inst_data)
        from market_assets.dagster_ext.sqlite_storage import KeptSqliteStorage

        return KeptSqliteStorage.from_local(config_value["base_dir"], inst_data=inst_data)


def psycopg2_url(url: str) -> str:
    """A PostgreSQL URL with the driver that dagster-postgres requires in place of any other."""
    named = make_url(url.replace("postgres://", "postgresql://", 1))
    return named.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def sqlite_folder(instance: DagsterInstance) -> Path | None:
    """The folder of Dagster's SQLite files; None where the history is in another database."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return None
    # <folder>/history/runs/<run>.db
    return Path(storage.path_for_shard("index")).parents[2]
