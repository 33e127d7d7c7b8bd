"""Databases of earlier versions of the schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from market_assets.store import schema
from market_assets.store.database import Database

MIGRATIONS = Path(schema.__file__).with_name("migrations")


def migrate_to(database: Database, version: str) -> None:
    """Bring a database to some version, as the program of that time did."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine().connect() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.commit()
