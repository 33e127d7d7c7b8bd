"""The market database: tables, migrations, the lock, bulk reads and writes. SQLite and PostgreSQL."""
