"""What pruning took away, or would."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Pruned:
    """Counts of one pruning.

    Attributes:
        runs: finished runs that were old enough.
        kept_runs: of the old ones, those that stay, since a status that is shown hangs on them.
        events: rows of the event log, those in the files of single runs (SQLite) not counted.
        kept_events: events of pruned runs that stay: the latest of an asset, or of one of its partitions.
        check_results: results of asset checks that are not the latest.
        ticks: ticks of schedules and sensors.
        bytes: of files and events that went.
        vacuumed: database files of SQLite that were made smaller.
    """

    runs: int = 0
    kept_runs: int = 0
    events: int = 0
    kept_events: int = 0
    check_results: int = 0
    ticks: int = 0
    bytes: int = 0
    vacuumed: int = 0
