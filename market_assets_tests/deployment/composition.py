"""What `docker-compose.yml` and the `Dockerfile` say, read as their programs read them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from market_assets_tests.cli.programs import PROJECT

_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<how>:[-?+])(?P<what>[^}]*))?\}")


class MissingVariableError(Exception):
    """A variable that must be set is not; the message is what Compose says."""


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """A value of the file with its variables filled in; `$$` stays for the container's shell as `$`."""

    def filled(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        found = variables.get(match["name"], "")
        if found or match["how"] is None:
            return found
        if match["how"] == ":?":
            raise MissingVariableError(f"required variable {match['name']} is missing a value: {match['what']}")
        return str(match["what"]) if match["how"] == ":-" else ""

    if isinstance(value, str):
        return _VARIABLE.sub(filled, value)
    if isinstance(value, dict):
        return {key: interpolated(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner, variables) for inner in value]
    return value


def variables_of(env_file: Path) -> dict[str, str]:
    """What an `.env` file sets."""
    lines = env_file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


@dataclass(frozen=True)
class Service:
    """A service, and what it says."""

    name: str
    said: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        said = self.said["command"]
        return shlex.split(said) if isinstance(said, str) else list(said)

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.said.get("environment", {}).items()}

    @property
    def dependencies(self) -> dict[str, str]:
        return {name: how["condition"] for name, how in self.said.get("depends_on", {}).items()}

    @property
    def volumes(self) -> dict[str, str]:
        """Where in the container → what is there."""
        return {one.split(":")[1]: one.split(":")[0] for one in self.said.get("volumes", [])}

    @property
    def networks(self) -> set[str]:
        return set(self.said["networks"])

    @property
    def replicas(self) -> int:
        return int(self.said.get("deploy", {}).get("replicas", 1))

    @property
    def is_ours(self) -> bool:
        return "build" in self.said

    @property
    def health_test(self) -> list[str]:
        kind, *test = self.said["healthcheck"]["test"]
        return ["sh", "-c", *test] if kind == "CMD-SHELL" else list(test)


@dataclass(frozen=True)
class Composition:
    """`docker-compose.yml` with its variables filled in."""

    variables: Mapping[str, str]
    path: Path = PROJECT / "docker-compose.yml"

    @cached_property
    def said(self) -> dict[str, Any]:
        content: dict[str, Any] = interpolated(
            yaml.safe_load(self.path.read_text(encoding="utf-8")), self.variables
        )
        return content

    @cached_property
    def services(self) -> dict[str, Service]:
        return {name: Service(name, said) for name, said in self.said["services"].items()}

    def in_order(self) -> Iterator[Service]:
        """The services, each after those that it depends on."""
        done: set[str] = set()
        while len(done) < len(self.services):
            ready = [
                service
                for name, service in self.services.items()
                if name not in done and set(service.dependencies) <= done
            ]
            assert ready, "services depend on one another in a circle"
            yield from ready
            done.update(service.name for service in ready)


@dataclass
class Stage:
    """A stage of the Dockerfile: its instructions in order."""

    base: str
    name: str | None
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for word, rest in self.instructions if word == instruction]

    def copies(self) -> Iterator[tuple[list[str], str]]:
        """Sources and destination of what is copied from the project."""
        for rest in self.all("COPY"):
            words = shlex.split(rest)
            if not words[0].startswith("--from"):
                yield words[:-1], words[-1]

    @property
    def environment(self) -> dict[str, str]:
        words = [word for rest in self.all("ENV") for word in shlex.split(rest)]
        return dict(word.split("=", 1) for word in words)


def stages(dockerfile: Path = PROJECT / "Dockerfile") -> list[Stage]:
    """The stages of the Dockerfile."""
    found: list[Stage] = []
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, *name = rest.split(" AS ")
            found.append(Stage(base, name[0] if name else None))
        elif word and not word.startswith("#") and found:
            found[-1].instructions.append((word, rest.strip()))
    return found
