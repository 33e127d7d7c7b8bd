"""A user of a deployment: signs in, starts jobs by REST and by GraphQL, and reads what became of them."""

from __future__ import annotations

from typing import Any

import httpx

from market_assets_tests.deployment.processes import PATIENCE_SECONDS, Deployment, wait_until

PASSWORD = "a long password of the test's own"
JOBS = ("daily_sample_ingestion", "refresh_market_stats", "cleanup_old_data", "rebuild_skill_relationships")
#: Between two looks at a run, each of which is work for the web process and the database.
PAUSE_SECONDS = 1.0
#: Statuses of runs that come to nothing any more.
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
_LAUNCH = """mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""
_BACKFILL = """mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
_REPOSITORY = {"repositoryLocationName": "market_assets", "repositoryName": "__repository__"}


class Client:
    """An admin, signed in at the web process."""

    def __init__(self, deployment: Deployment) -> None:
        added = deployment.run(
            "web",
            *("market-assets", "user", "add", "ana", "--role", "admin", "--password-stdin"),
            stdin=f"{PASSWORD}\n",
        )
        assert added.returncode == 0, added.stdout
        address = f"http://127.0.0.1:{deployment.ports['3000']}"
        self._http = httpx.Client(base_url=address, timeout=PATIENCE_SECONDS)
        self._sign_in()

    def close(self) -> None:
        self._http.close()

    def _sign_in(self) -> None:
        answer = self._http.post("/api/auth/login", json={"username": "ana", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _post(self, path: str, body: Any) -> httpx.Response:
        """An answer; a token does not last as long as a deployment."""
        answer = self._http.post(path, json=body)
        if answer.status_code == 401:
            self._sign_in()
            answer = self._http.post(path, json=body)
        return answer

    def trigger(self, job: str, **body: Any) -> str:
        """Start a job by REST; returns the run's id."""
        answer = self._post(f"/api/admin/scheduler/jobs/{job}/trigger", body)
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["run_id"]
        return run_id

    def launch(self, job: str, **tags: str) -> str:
        """Start a job by GraphQL; returns the run's id."""
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": {**_REPOSITORY, "jobName": job}, "mode": "default", "executionMetadata": metadata}
        launched = self.ask(_LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id: str = launched["run"]["runId"]
        return run_id

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self._post("/graphql", {"query": query, "variables": variables})
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert "errors" not in content, content
        return content["data"]

    def run(self, run_id: str) -> dict[str, Any]:
        """Status and tags of a run."""
        found = self.ask(
            "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status tags { key value } } } }", id=run_id
        )["runOrError"]
        return {"status": found["status"], "tags": {tag["key"]: tag["value"] for tag in found["tags"]}}

    def wait_for(self, run_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until a run has one of some statuses; one that ends otherwise is told with its log."""

        def happened() -> bool:
            status = self.run(run_id)["status"]
            assert status in statuses or status not in ENDED, f"{run_id} is {status}: {self.log(run_id)}"
            return status in statuses

        wait_until(happened, f"{run_id} is one of {statuses}", PAUSE_SECONDS)
        return self.run(run_id)

    def log(self, run_id: str) -> list[str]:
        """The messages of a run's log, oldest first."""
        query = """query ($id: ID!) { logsForRun(runId: $id, limit: 1000) { ... on EventConnection {
          events { __typename ... on MessageEvent { message } ... on ErrorEvent { error { message } } } } } }"""
        return [event["message"] for event in self.ask(query, id=run_id)["logsForRun"]["events"]]

    def backfill(self, job: str, partitions: list[str]) -> list[dict[str, Any]]:
        """Run a job for each of some partitions, and wait for all; returns the runs."""
        params = {
            "selector": {"partitionSetName": f"{job}_partition_set", "repositorySelector": _REPOSITORY},
            "partitionNames": partitions,
        }
        launched = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        tags = {"dagster/backfill": launched["backfillId"]}

        def all_ended() -> bool:
            runs = self.runs(**tags)
            return len(runs) == len(partitions) and all(run["status"] in ENDED for run in runs)

        wait_until(all_ended, f"every day of the backfill {tags}", PAUSE_SECONDS)
        return self.runs(**tags)

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """The runs that carry all of some tags."""
        query = """query ($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs {
          results { runId status startTime endTime } } } }"""
        wanted = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        results: list[dict[str, Any]] = self.ask(query, filter=wanted)["runsOrError"]["results"]
        return results

    def terminate(self, run_id: str) -> None:
        """Ask for a run's end."""
        answer = self.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
        assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess", answer
