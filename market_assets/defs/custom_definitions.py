"""The definitions of the user's own files in the code location: what does not fit is left out and reported."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import dagster as dg

from market_assets.defs.custom_tasks import problems_sensors
from market_assets.operations.custom_files import CustomFiles

_log = logging.getLogger(__name__)


def with_custom_definitions(ours: dg.Definitions, files: CustomFiles) -> dg.Definitions:
    """Our definitions with those of the user's files, and the sensor that fails while a file has a problem.

    A file whose definitions can't be loaded beside ours and those of the files before it is left out as a whole:
    it names an asset that exists already, for example, or needs a resource that nobody provides.
    """
    problems = list(files.problems)
    accepted = list(files.definitions.values())
    if accepted:
        ours = dg.Definitions.merge(ours, _tables_read(ours, accepted))
    if accepted and _reason_against(ours, *accepted):
        accepted = []
        for file, definitions in files.definitions.items():
            if reason := _reason_against(ours, *accepted, definitions):
                problems.append(f"{file}: {reason}")
            else:
                accepted.append(definitions)
    for problem in problems:
        _log_once(problem)
    return dg.Definitions.merge(ours, *accepted, dg.Definitions(sensors=problems_sensors(problems, files.tasks)))


@cache
def _log_once(problem: str) -> None:
    """Commands put the definitions together several times."""
    _log.warning("left out: %s", problem)


def _tables_read(ours: dg.Definitions, own: Sequence[dg.Definitions]) -> dg.Definitions:
    """The tables of the store that no asset makes by itself, such as `skills`, where an asset reads them."""
    assets = [each for part in own for each in part.assets or () if isinstance(each, dg.AssetsDefinition)]
    made = {key for asset in assets for key in asset.keys}.union(
        spec.key for spec in ours.resolve_all_asset_specs()
    )
    read = {key for asset in assets for key in asset.dependency_keys} - made
    if not read:
        return dg.Definitions()
    from market_assets.store.own_tables import declared_tables
    from market_assets.store.tables import administration

    tables = {dg.AssetKey(name) for name in declared_tables() if not hasattr(administration, name)}
    return dg.Definitions(
        assets=[
            dg.AssetSpec(key, group_name="store", kinds={"sql", "table"}, description="A table of the store.")
            for key in sorted(read & tables)
        ]
    )


def _reason_against(*parts: dg.Definitions) -> str | None:
    """Why definitions can't be loaded together, in one line; None where they can."""
    try:
        dg.Definitions.merge(*parts).get_repository_def()
    # Dagster raises errors of many kinds for wrong definitions.
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return None
