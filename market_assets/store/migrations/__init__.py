"""Alembic's environment and the versions of the market database's schema."""
