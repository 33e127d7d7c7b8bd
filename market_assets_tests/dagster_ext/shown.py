"""What Dagster's UI shows of assets, by the GraphQL queries that it sends."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext

ASSETS = """
query {
  assetNodes {
    assetKey { path }
    assetMaterializations(limit: 1) { runId timestamp metadataEntries { label } }
    assetObservations(limit: 1) { runId timestamp }
    partitionStats { numMaterialized numPartitions numFailed numMaterializing }
    latestMaterializationByPartition { runId timestamp partition }
    assetPartitionStatuses {
      ... on TimePartitionStatuses { ranges { status startKey endKey } }
      ... on DefaultPartitionStatuses { materializedPartitions failedPartitions }
    }
    dataVersion
    staleStatus
    assetChecksOrError {
      ... on AssetChecks {
        checks {
          name
          executionForLatestMaterialization { status runId timestamp evaluation { success } }
        }
      }
    }
  }
}
"""
BY_DAY = """
query {
  assetNodeOrError(assetKey: {path: ["daily"]}) {
    ... on AssetNode { staleStatusByPartition }
  }
}
"""
LATEST = """
query ($keys: [AssetKeyInput!]!) {
  assetsLatestInfo(assetKeys: $keys) {
    assetKey { path }
    latestMaterialization { runId timestamp }
    latestRun { runId status }
    inProgressRunIds unstartedRunIds
  }
}
"""


@cache
def _schema() -> Any:
    from dagster_graphql.schema import create_schema

    return create_schema()


def shown(context: WorkspaceProcessContext, assets: list[str]) -> dict[str, Any]:
    """All that asset pages show."""
    for asset in assets:
        # Nothing of it may come from a cache that a pruning does not see.
        context.instance.event_log_storage.wipe_asset_cached_status(dg.AssetKey(asset))
    keys = [{"path": [asset]} for asset in assets]
    with context.create_request_context() as request:
        answers = {}
        for name, query, variables in (
            ("assets", ASSETS, {}),
            ("days", BY_DAY, {}),
            ("latest", LATEST, {"keys": keys}),
        ):
            answer = asyncio.run(_schema().execute_async(query, variables=variables, context_value=request))
            assert answer.errors is None, answer.errors
            answers[name] = answer.data
    nodes = answers["assets"]["assetNodes"]
    nodes.sort(key=lambda node: node["assetKey"]["path"])
    return answers
