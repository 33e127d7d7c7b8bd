"""Every operation of the document beside the market's succeeds at least once, in the order a person would go."""

from __future__ import annotations

from typing import Any

from market_assets_tests.web.test_openapi import document_of, operations
from market_assets_tests.web.whole_process import PASSWORD, WholeProcess

SCHEDULER = "/api/admin/scheduler"
JOB = "cleanup_old_data"
#: method, path as described, body; `{job_id}` becomes the job, `{token_id}` the token.
STEPS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("post", "/api/auth/login", {"username": "ada", "password": PASSWORD}),
    ("post", "/api/auth/refresh", None),
    ("get", f"{SCHEDULER}/status", None),
    ("get", f"{SCHEDULER}/config", None),
    ("get", f"{SCHEDULER}/jobs", None),
    ("get", f"{SCHEDULER}/jobs/{{job_id}}", None),
    ("post", f"{SCHEDULER}/jobs/{{job_id}}/pause", {"reason": "moving house"}),
    ("post", f"{SCHEDULER}/jobs/{{job_id}}/resume", None),
    ("delete", f"{SCHEDULER}/jobs/{{job_id}}", None),
    ("post", f"{SCHEDULER}/jobs/{{job_id}}/restore", None),
    ("post", f"{SCHEDULER}/stop", None),
    ("post", f"{SCHEDULER}/start", None),
    ("post", f"{SCHEDULER}/jobs/{{job_id}}/trigger", {}),
    ("get", f"{SCHEDULER}/executions", None),
    ("get", "/api/admin/audit", None),
    ("get", "/api/admin/alerts", None),
    ("get", "/api/openapi.json", None),
    ("post", "/api/auth/tokens", {"name": "notebook"}),
    ("get", "/api/auth/tokens", None),
    ("delete", "/api/auth/tokens/{token_id}", None),
    ("post", "/api/auth/logout", None),
]


def test_every_operation_succeeds(web: WholeProcess) -> None:
    client = web.signed_in("ada")
    answers: dict[tuple[str, str], tuple[int, str]] = {}
    token_id = ""
    for method, path, body in STEPS:
        asked = path.replace("{job_id}", JOB).replace("{token_id}", token_id)
        answer = client.request(method, asked, json=body)
        token_id = answer.json().get("id", token_id)
        answers[method, path] = (answer.status_code, answer.text)
    failed = {step: answer for step, answer in answers.items() if not 200 <= answer[0] < 300}
    assert failed == {}
    described = {
        (method, path) for method, path, _ in operations(document_of(web)) if not path.startswith("/api/v1/market")
    }
    assert described <= set(answers)
