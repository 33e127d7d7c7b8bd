"""The programs of this project, run as a user runs them: in processes of their own, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from market_assets.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
#: Far more than anything takes; only a hanging program meets it.
PATIENCE_SECONDS = 300


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without any setting, but for the changes."""
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    kept = {name: value for name, value in os.environ.items() if name not in settings}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "120", **changes}


def make_project(folder: Path) -> Path:
    """A folder with the files that the commands expect in the project's own, and few sample postings."""
    folder.mkdir(exist_ok=True)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, folder)
    (folder / "sources.yaml").write_text("sources:\n  - type: sample\n    postings_per_day: 20\n")
    return folder


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The last line that a person sees."""
        return (self.err.strip() or self.out.strip()).splitlines()[-1]


def run(program: str, *arguments: str | Path, cwd: Path, stdin: str | bytes = "", **settings: str) -> Ended:
    """Run `market-assets` or `dagster` to its end."""
    done = subprocess.run(
        [PROGRAMS / program, *map(str, arguments)],
        cwd=cwd,
        env=environment(**settings),
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def market_assets(*arguments: str | Path, cwd: Path, stdin: str | bytes = "", **settings: str) -> Ended:
    """Run `market-assets`; whatever happens, it must not end with a traceback."""
    ended = run("market-assets", *arguments, cwd=cwd, stdin=stdin, **settings)
    assert "Traceback" not in ended.out + ended.err
    return ended
