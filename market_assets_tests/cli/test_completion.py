"""Completion in the shell: commands without loading them, options, tables, and skills as bash takes them."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from market_assets_tests.cli.conftest import Invoke
from market_assets_tests.cli.programs import PROGRAMS, environment
from market_assets_tests.test_rooms import loaded_after

ASK = """
eval "$(market-assets completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_market_assets_completion market-assets
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(folder: Path, words: str) -> list[str]:
    """What bash offers for the last of some words."""
    done = subprocess.run(
        ["bash", "-c", ASK.format(words=words)],
        cwd=folder,
        env=environment(PATH=f"{PROGRAMS}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.slow
def test_bash_offers_what_can_follow(tmp_path: Path) -> None:
    # Quoted, and in the spelling that the taxonomy has.
    offered = ["'Customer Segmentation'", "'Customer Service'"]
    assert completed(tmp_path, r"market-assets skill 'customer\ se'") == offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("reco", ["recommend"]),
        ("sources ''", ["check"]),
        ("export total_", ["total_skill_demand"]),
        ("export skills --format p", ["parquet"]),
        ("recommend Docker kubern", ["Kubernetes"]),
    ],
)
def test_what_can_follow_is_offered(invoke: Invoke, words: str, offered: list[str]) -> None:
    assert asked(invoke, words) == offered


def test_nothing_is_offered_where_a_setting_is_wrong(invoke: Invoke) -> None:
    assert asked(invoke, "skill pyth", MARKET_ASSETS_WINDOW_DAYS="ninety") == [""]


def asked(invoke: Invoke, words: str, **settings: str) -> list[str]:
    """What the script of bash is answered for the last of some words, in this process."""
    line = f"market-assets {words}"
    place = str(len(shlex.split(line)) - 1)
    asking = {"_MARKET_ASSETS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": place}
    return [each.partition(",")[2] for each in invoke(**asking, **settings).stdout.splitlines()]


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
