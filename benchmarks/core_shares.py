"""Processes that are given a part of a core each, as if they ran on a smaller machine of their own.

Needs root on Linux: it makes control groups.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_PERIOD_US = 100_000
#: Where the first version of control groups has its controller, and where the second has all.
_FIRST, _SECOND = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@contextlib.contextmanager
def core_share(name: str, cores: float, pids: Iterable[int]) -> Iterator[None]:
    """Let processes, and those that they start from now on, compute so many CPU seconds a second together."""
    is_first = (_FIRST / "cpu.cfs_quota_us").exists()
    group = (_FIRST if is_first else _SECOND) / f"market_assets_{name}"
    group.mkdir()
    quota = int(cores * _PERIOD_US)
    try:
        if is_first:
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        # A group goes away with its last process alone.
        for pid in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(pid)
        group.rmdir()
