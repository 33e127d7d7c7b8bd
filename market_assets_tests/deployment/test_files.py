"""What the files for containers promise, read without any container engine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from market_assets import settings
from market_assets.settings import Settings
from market_assets_tests.cli.programs import PROGRAMS, PROJECT
from market_assets_tests.deployment.composition import (
    Composition,
    MissingVariableError,
    Service,
    interpolated,
    stages,
    variables_of,
)

SECRETS = {"POSTGRES_PASSWORD": "pass-word", "REDIS_PASSWORD": "another", "JWT_SECRET_KEY": "k" * 48}
SETTINGS = {str(field.validation_alias) for field in Settings.model_fields.values()}
SERVICES = list(Composition(SECRETS).services.values())
OURS = [service for service in SERVICES if service.is_ours]
LASTING = [service for service in SERVICES if service.name != "migrate"]


def named(services: list[Service]) -> Any:
    return pytest.mark.parametrize("service", services, ids=[service.name for service in services])


def test_the_example_of_settings_is_asked_only_for_secrets_and_by_name() -> None:
    variables = variables_of(PROJECT / ".env.example")
    asked = []
    while True:
        try:
            assert Composition(variables).services
            break
        except MissingVariableError as missing:
            name = str(missing).split()[2]
            asked.append(name)
            variables[name] = "given"
    assert sorted(asked) == sorted(SECRETS)


def test_every_variable_that_it_reads_is_a_documented_setting() -> None:
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    read = set(re.findall(r"\$\{(\w+)", text))
    documented = set(re.findall(r"^#([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    assert read - documented == set()


def test_the_services_are_those_of_a_team_and_of_a_fleet() -> None:
    profiles = {service.name: service.said.get("profiles") for service in SERVICES}
    assert {name for name, profile in profiles.items() if profile is None} == {
        *("postgres", "migrate", "code", "daemon", "web")
    }
    assert {name for name, profile in profiles.items() if profile == ["scale"]} == {"redis", "worker"}


def test_only_the_web_process_is_published_and_on_this_machine_alone() -> None:
    published = {service.name: service.said["ports"] for service in SERVICES if "ports" in service.said}
    assert published == {"web": ["127.0.0.1:3000:3000"]}
    elsewhere = Composition({**SECRETS, "MARKET_ASSETS_HOST": "0.0.0.0", "MARKET_ASSETS_PORT": "80"})
    assert elsewhere.services["web"].said["ports"] == ["0.0.0.0:80:3000"]


def knowing(variable: str) -> set[str]:
    """The services that a secret of `.env` reaches, in whatever variable."""
    env_file = {**SECRETS, variable: "a-secret-of-this-test"}
    return {
        service.name
        for service in Composition(env_file).services.values()
        if any("a-secret-of-this-test" in value for value in environment(service, env_file).values())
    }


def environment(service: Service, env_file: dict[str, str]) -> dict[str, str]:
    return {**(env_file if "env_file" in service.said else {}), **service.environment}


#: Who is told each secret.
KNOWN_TO = {
    "POSTGRES_PASSWORD": {"postgres", "migrate", "code", "daemon", "web", "worker"},
    "REDIS_PASSWORD": {"redis", "daemon", "web", "worker"},
    "JWT_SECRET_KEY": {"web"},
    "MARKET_ASSETS_METRICS_TOKEN": {"web"},
    "MARKET_ASSETS_ALERT_URLS": {"web", "code"},
    **{key: {"code", "worker"} for key in ("ADZUNA_APP_ID", "ADZUNA_APP_KEY", "RAPIDAPI_KEY")},
}
#: They hold the passwords that the file puts into them.
MADE_OF_PASSWORDS = {"DATABASE_URL", "DAGSTER_POSTGRES_URL", "MARKET_ASSETS_BROKER_URL"}
#: Whatever of ours opens landed payloads, backups by the web process included.
OF_A_STORE = {"MARKET_ASSETS_LANDING_URL"}


@pytest.mark.parametrize("variable", KNOWN_TO)
def test_a_secret_is_known_to_who_needs_it(variable: str) -> None:
    assert knowing(variable) == KNOWN_TO[variable]


def test_every_secret_setting_is_among_them() -> None:
    assert {*KNOWN_TO, *MADE_OF_PASSWORDS, *OF_A_STORE} >= settings.SECRET_VARIABLES


def reached(name: str) -> set[str]:
    """The services that share a network with one."""
    (one,) = (service for service in SERVICES if service.name == name)
    return {other.name for other in SERVICES if other.networks & one.networks} - {name}


def test_services_reach_whom_they_need() -> None:
    assert reached("code") == {"postgres", "migrate", "daemon", "web"}
    assert reached("redis") == {"postgres", "daemon", "web", "worker"}
    assert "code" not in reached("worker")


def test_only_what_fetches_sends_or_is_published_has_a_way_out() -> None:
    networks = Composition(SECRETS).said["networks"]
    internal = {name for name, said in networks.items() if said and said.get("internal")}
    assert {service.name for service in SERVICES if service.networks - internal} == {"code", "web", "worker"}
    assert {name for service in SERVICES for name in service.networks} == set(networks)


@named(SERVICES)
def test_a_service_may_do_little(service: Service) -> None:
    said = service.said
    assert said["read_only"] is True
    assert "/tmp" in said["tmpfs"]
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    if service.is_ours:
        assert said["image"] == "market-assets"
        assert "user" not in said, "the image's own user is not root"
    else:
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", said["user"])


def test_images_of_others_are_named_with_a_digest() -> None:
    images = [service.said["image"] for service in SERVICES if not service.is_ours]
    (argument,) = re.findall(
        r"^ARG PYTHON=(.*)$", (PROJECT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    for image in [*images, argument]:
        assert re.fullmatch(r"\w+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
    assert {stage.base for stage in stages()} == {"${PYTHON}"}


@named(SERVICES)
def test_every_service_is_limited_and_comes_back(service: Service) -> None:
    assert re.fullmatch(r"\d+[mg]", service.said["mem_limit"])
    assert service.said["restart"] == ("on-failure:5" if service.name == "migrate" else "unless-stopped")
    assert service.said["logging"] == {"driver": "local"}


@named(LASTING)
def test_every_lasting_service_says_how_it_is(service: Service) -> None:
    check = service.said["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


def test_nothing_starts_before_the_migrations() -> None:
    for service in OURS:
        needed = dict(service.dependencies)
        if service.name == "migrate":
            assert needed == {"postgres": "service_healthy"}
        elif needed.get("migrate") != "service_completed_successfully":
            assert needed == {"code": "service_healthy"}


def test_volumes_are_declared_and_bound_files_exist() -> None:
    declared = set(Composition(SECRETS).said["volumes"])
    used = {source for service in SERVICES for source in service.volumes.values()}
    assert {source for source in used if not source.startswith(".")} == declared
    for source in used - declared:
        assert (PROJECT / source).is_file()


@named(OURS)
def test_what_it_sets_are_settings(service: Service) -> None:
    assert set(service.environment) <= SETTINGS | {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}


@pytest.mark.parametrize("workers", ["1", "5"])
def test_there_are_as_many_workers_as_runs_at_once(workers: str) -> None:
    composition = Composition({**SECRETS, "MARKET_ASSETS_WORKERS": workers})
    assert composition.services["worker"].replicas == int(workers)
    assert "--concurrency 1" in composition.services["worker"].said["command"]


def test_without_a_number_there_are_as_many_workers_as_the_setting_has_by_default() -> None:
    assert Composition(SECRETS).services["worker"].replicas == Settings.model_fields["workers"].default


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a ${B} c", "a  c"),
        ("${B:-d}", "d"),
        ("${A:-d}", "1"),
        ("$$A $${A}", "$A ${A}"),
        ("${B:+x}${A:?m}", "1"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert interpolated(text, {"A": "1"}) == filled


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {source for stage in stages() for sources, _ in stage.copies() for source in sources}
    assert copied == let_in
    assert all((PROJECT / source).exists() for source in copied)


def test_the_image_installs_from_locks_with_hashes() -> None:
    build, _ = stages()
    installs = [rest for rest in build.all("RUN") if "pip install" in rest]
    locked = [rest for rest in installs if "--require-hashes" in rest]
    assert [shlex.split(rest)[-1] for rest in locked] == ["requirements-setup.lock", "requirements-scale.lock"]
    assert [rest for rest in installs if rest not in locked and "--no-deps" not in rest] == []


def test_the_image_runs_as_a_user_that_owns_the_data_folder() -> None:
    *_, last = stages()
    assert last.all("USER") == ["10001:10001"]
    made = last.all("RUN")[-1]
    assert "--uid 10001" in made
    assert "--owner app --group app /app/data" in made
    assert last.instructions.index(("USER", "10001:10001")) > last.instructions.index(("WORKDIR", "/app"))


def test_the_image_backs_up_the_server_that_is_composed() -> None:
    server = Composition(SECRETS).services["postgres"].said["image"].removeprefix("postgres:").split(".")[0]
    assert any(f"postgresql-client-{server} " in step for step in stages()[-1].all("RUN"))


def test_the_programs_that_services_and_health_checks_call_are_installed() -> None:
    called = {words[0] for service in OURS for words in (service.command,)}
    called |= {service.said["healthcheck"]["test"][1].split()[0] for service in OURS if service.name != "migrate"}
    for program in called - {"sh"}:
        assert (PROGRAMS / program).exists(), program


def test_both_workspaces_name_the_same_location() -> None:
    def locations(path: Path) -> list[str]:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["load_from"]
        return [next(iter(entry.values()))["location_name"] for entry in entries]

    named_in_command = shlex.split(Composition(SECRETS).services["code"].said["command"])
    assert (
        locations(PROJECT / "workspace.yaml")
        == locations(PROJECT / "deploy" / "workspace.yaml")
        == [named_in_command[named_in_command.index("--location-name") + 1]]
    )
