"""Completion in the shell: commands without loading them, options, tables, and skills as bash takes them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import PROGRAMS, environment, market_assets
from market_assets_tests.test_rooms import loaded_after

ASK = """
eval "$(market-assets completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_market_assets_completion market-assets
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(folder: Path, words: str, **settings: str) -> list[str]:
    """What bash offers for the last of some words."""
    done = subprocess.run(
        ["bash", "-c", ASK.format(words=words)],
        cwd=folder,
        env=environment(PATH=f"{PROGRAMS}:{os.environ['PATH']}", **settings),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("market-assets reco", ["recommend"]),
        ("market-assets sources ''", ["check"]),
        ("market-assets export total_", ["total_skill_demand"]),
        ("market-assets export skills --format p", ["parquet"]),
        # Quoted, and in the spelling that the taxonomy has.
        (r"market-assets skill 'customer\ se'", ["'Customer Segmentation'", "'Customer Service'"]),
        ("market-assets recommend Docker kubern", ["Kubernetes"]),
    ],
)
def test_bash_offers_what_can_follow(tmp_path: Path, words: str, offered: list[str]) -> None:
    assert completed(tmp_path, words) == offered


@pytest.mark.slow
def test_nothing_is_offered_where_a_setting_is_wrong(tmp_path: Path) -> None:
    assert completed(tmp_path, "market-assets skill pyth", MARKET_ASSETS_WINDOW_DAYS="ninety") == [""]


@pytest.mark.parametrize(
    ("shell", "beginning"),
    [("zsh", "#compdef market-assets"), ("fish", "function _market_assets_completion")],
)
def test_the_script_of_another_shell(invoke: Invoke, shell: str, beginning: str) -> None:
    assert invoke("completion", shell).stdout.startswith(beginning)


def test_another_shell_is_refused(invoke: Invoke) -> None:
    assert invoke("completion", "csh").exit_code == 2


def test_offering_commands_loads_none_of_them(tmp_path: Path) -> None:
    loaded = loaded_after(
        "import click\nfrom market_assets.cli.main import main\n"
        "assert len(main.shell_complete(click.Context(main), 'reco')) == 1",
        tmp_path,
    )
    assert loaded.isdisjoint({"dagster", "sqlalchemy", "polars"})


def test_the_script_is_complete_on_its_own(tmp_path: Path) -> None:
    """It is printed outside of a project too, where shells are started."""
    assert market_assets("completion", "bash", cwd=tmp_path).code == 0
