"""What steps print, as Dagster's local log manager keeps it in files: which of them there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

#: Of each stream, and of the mark that a step has ended.
STREAMS = ("out", "err")
_EXTENSIONS = (*STREAMS, "complete")
_LONGEST_KEY = 1_000


def is_log_key(key: Sequence[str]) -> bool:
    """Whether it may be the key of a log: names of folders and of a file, within the folder of logs."""
    return (
        len(key) > 0
        and sum(map(len, key)) <= _LONGEST_KEY
        and all(part.isprintable() and part not in ("", ".", "..") and not {"/", "\\"} & set(part) for part in key)
    )


def has_log(instance: dg.DagsterInstance, key: Sequence[str], extensions: Sequence[str] = _EXTENSIONS) -> bool:
    """Whether a step has written to a log; a step that runs has both streams from its beginning on."""
    logs = instance.compute_log_manager
    if not is_log_key(key) or not isinstance(logs, LocalComputeLogManager):
        return False
    try:
        return any(Path(logs.get_captured_local_path(key, extension)).is_file() for extension in extensions)
    except (ValueError, OSError):
        return False
