"""The files for Kubernetes say the same as docker-compose.yml and the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from market_assets.settings import Settings
from market_assets_tests.cli.programs import PROJECT
from market_assets_tests.deployment.composition import Composition, stages

VALUES = yaml.safe_load((PROJECT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))
MANIFESTS = list(yaml.safe_load_all((PROJECT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")))
COMPOSED = Composition({"POSTGRES_PASSWORD": "x", "REDIS_PASSWORD": "z", "JWT_SECRET_KEY": "y"}).services
CODE = VALUES["dagster-user-deployments"]["deployments"][0]
OF_THE_CHART = (CODE, VALUES["dagsterDaemon"])


def pods() -> dict[str, dict[str, Any]]:
    """Name of the container → specification of its pod."""
    found = [
        manifest["spec"]["template"]["spec"] for manifest in MANIFESTS if "template" in manifest.get("spec", {})
    ]
    return {pod["containers"][0]["name"]: pod for pod in found}


def container(name: str) -> dict[str, Any]:
    found: dict[str, Any] = pods()[name]["containers"][0]
    return found


def environments() -> Iterator[list[dict[str, str]]]:
    yield CODE["env"]
    yield VALUES["dagsterDaemon"]["env"]
    yield from (pod["containers"][0].get("env", []) for pod in pods().values())


def test_every_variable_is_a_setting_with_a_value_as_text() -> None:
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    for environment in environments():
        assert {one["name"] for one in environment} <= settings | {"REDISCLI_AUTH"}
        assert all(isinstance(one.get("value", ""), str) for one in environment)


def test_each_pod_runs_the_command_of_its_service() -> None:
    for name in ("migrate", "worker", "web"):
        said = container(name)
        assert [*said["command"], *said.get("args", [])] == COMPOSED[name].command
        assert said["image"] == COMPOSED[name].said["image"]
    assert COMPOSED["code"].command[3:7] == CODE["dagsterApiGrpcArgs"]


def test_pods_of_ours_may_do_little_and_are_limited() -> None:
    user = int(stages()[-1].all("USER")[0].split(":")[0])
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["containers"][0]["resources"]["limits"]["memory"]
        assert container(name)["securityContext"] == CODE["securityContext"]
        if name == "redis":
            said = pod["securityContext"]
            assert f"{said['runAsUser']}:{said['fsGroup']}" == COMPOSED["redis"].said["user"]
            assert container(name)["image"] == COMPOSED["redis"].said["image"]
        else:
            assert pod["securityContext"]["runAsUser"] == user
    for said in OF_THE_CHART:
        assert said["podSecurityContext"] == pods()["web"]["securityContext"]
        assert said["securityContext"]["readOnlyRootFilesystem"] is True
        assert said["resources"]["limits"]["memory"]
    assert VALUES["rbacEnabled"] is VALUES["dagster-user-deployments"]["rbacEnabled"] is False


def test_pods_of_the_chart_see_what_the_others_do() -> None:
    web = pods()["web"]
    for said in OF_THE_CHART:
        assert said["volumes"] == web["volumes"]
        assert said["volumeMounts"] == web["containers"][0]["volumeMounts"]
        assert said["image"]["repository"] == web["containers"][0]["image"]


def test_each_pod_gets_the_secrets_that_its_service_has() -> None:
    given = {name: one["containers"][0].get("envFrom", []) for name, one in pods().items()}
    secrets = {name: {one["secretRef"]["name"] for one in refs} for name, refs in given.items()}
    secrets["code"] = {one["name"] for one in CODE["envSecrets"]}
    secrets["daemon"] = {one["name"] for one in VALUES["dagsterDaemon"]["envSecrets"]}
    holders = {
        secret: {name for name, known in secrets.items() if f"market-assets-{secret}" in known}
        for secret in ("databases", "queue", "sources", "web")
    }
    assert holders == {
        "databases": {"migrate", "code", "daemon", "web", "worker"},
        "queue": {"daemon", "web", "worker"},
        "sources": {"code", "worker"},
        "web": {"web"},
    }
    commands = (PROJECT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8")
    assert f"for part in {' '.join(holders)};" in commands


def test_redis_is_started_as_it_is_composed() -> None:
    assert container("redis")["command"][:2] == COMPOSED["redis"].command[:2]
    ours, theirs = container("redis")["command"][2], COMPOSED["redis"].command[2]
    assert ours.replace(" --dir /data", "") == theirs.replace(" --port 6379", "")
    (variable,) = container("redis")["env"]
    assert variable["name"] in COMPOSED["redis"].environment
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "market-assets-queue", "key": "REDIS_PASSWORD"}


def test_what_is_shared_has_one_name() -> None:
    claims = {
        manifest["metadata"]["name"] for manifest in MANIFESTS if manifest["kind"] == "PersistentVolumeClaim"
    }
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in pods().values()
        for volume in pod.get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    assert used | {CODE["volumes"][0]["persistentVolumeClaim"]["claimName"]} == claims
    services = {manifest["metadata"]["name"] for manifest in MANIFESTS if manifest["kind"] == "Service"}
    brokers = {
        one["value"] for said in environments() for one in said if one["name"] == "MARKET_ASSETS_BROKER_URL"
    }
    assert not any("@" in broker for broker in brokers), "the password is in the secret"
    assert {broker.split("/")[2].split(":")[0] for broker in brokers} <= services
    assert len(brokers) == 1


def test_there_are_as_many_workers_as_runs_at_once() -> None:
    (workers,) = (one["value"] for one in CODE["env"] if one["name"] == "MARKET_ASSETS_WORKERS")
    (replicas,) = (one["spec"]["replicas"] for one in MANIFESTS if one["metadata"]["name"].endswith("-worker"))
    assert int(workers) == replicas


def test_everything_reads_the_dagster_yaml_of_the_image() -> None:
    image = stages()[-1]
    home = image.environment["DAGSTER_HOME"]
    assert home == image.all("WORKDIR")[-1]
    assert any("dagster.yaml" in sources for sources, _ in image.copies())
    for said in OF_THE_CHART:
        assert {"name": "DAGSTER_HOME", "value": home} in said["env"]
    for pod in pods().values():
        assert "DAGSTER_HOME" not in {one["name"] for one in pod["containers"][0].get("env", [])}


def test_the_location_has_its_name() -> None:
    (server,) = VALUES["dagsterWebserver"]["workspace"]["servers"]
    assert server == {"host": CODE["name"], "port": CODE["port"], "name": "market_assets"}
    assert stages()[-1].environment["MARKET_ASSETS_CODE_HOST"] == CODE["name"]
    assert VALUES["dagsterWebserver"]["replicaCount"] == 0


def test_only_who_must_reaches_the_code_server_and_the_queue() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in MANIFESTS if one["kind"] == "NetworkPolicy"}
    daemon, web, worker = (
        {"component": "dagster-daemon"},
        {"app": "market-assets-web"},
        {"app": "market-assets-worker"},
    )
    for name, port, allowed in (
        ("market-assets-code", CODE["port"], [daemon, web]),
        ("market-assets-redis", 6379, [daemon, worker, web]),
    ):
        (rule,) = policies[name]["ingress"]
        assert [peer["podSelector"]["matchLabels"] for peer in rule["from"]] == allowed
        assert rule["ports"] == [{"port": port}]
    assert policies["market-assets-code"]["podSelector"]["matchLabels"] == {"deployment": CODE["name"]}
