"""Files of tasks: what is loaded from them, and that a wrong one is reported and stops nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from market_assets.operations import custom_files
from market_assets.operations.custom_files import CustomFiles, load_custom_files, packaged_folder
from market_assets.tasks import Interval, TaskError, scheduled_job

GOOD = '@scheduled_job("good", hours=1)\ndef good(): ...\n'


def load(folder: Path, *reserved: str, **files: str) -> CustomFiles:
    """What files of these names and contents give."""
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    return load_custom_files(folder, reserved)


def test_the_contracts_own_example(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        mine='@scheduled_job("my_custom_job", hours=1)\ndef my_custom_ingestion():\n    """Fetches mine."""\n',
    )
    assert (loaded.problems, loaded.definitions) == ([], {})
    (task,) = loaded.tasks
    assert (task.id, task.function_name, task.when, task.takes_context) == (
        "my_custom_job",
        "my_custom_ingestion",
        Interval(60),
        False,
    )
    assert task.description == "Fetches mine."
    assert str(task.place) == f"{tmp_path / 'mine.py'}, line 1"


def test_an_import_gives_the_same_as_none(tmp_path: Path) -> None:
    loaded = load(tmp_path, mine="from market_assets.tasks import scheduled_job\n" + GOOD)
    assert ([task.id for task in loaded.tasks], loaded.problems) == (["good"], [])


@pytest.mark.parametrize(
    ("arguments", "when"),
    [
        ("minutes=45", Interval(45)),
        ("hours=5", Interval(300)),
        ("days=3", Interval(4_320)),
        ('cron="0 6 * * 1-5"', "0 6 * * 1-5"),
        ('cron="@daily"', "@daily"),
    ],
)
def test_when_a_task_runs(tmp_path: Path, arguments: str, when: Interval | str) -> None:
    loaded = load(tmp_path, mine=f'@scheduled_job("mine", {arguments})\ndef mine(): ...\n')
    assert loaded.problems == []
    assert [task.when for task in loaded.tasks] == [when]


@pytest.mark.parametrize(
    ("signature", "takes_context"),
    [
        ("def f():", False),
        ("def f(context):", True),
        ("def f(anything):", True),
        ("def f(limit=10):", False),
        ("def f(context, limit=10):", True),
        ("def f(*rest, **named):", False),
        ("async def f():", False),
        ("async def f(context):", True),
    ],
)
def test_whether_a_task_takes_the_context(tmp_path: Path, signature: str, takes_context: bool) -> None:
    loaded = load(tmp_path, mine=f'@scheduled_job("mine", days=1)\n{signature} ...\n')
    assert loaded.problems == []
    assert [task.takes_context for task in loaded.tasks] == [takes_context]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'x'", "exactly one of minutes, hours, days and cron, and has none"),
        ("'x', hours=1, minutes=30", "and has minutes, hours"),
        ("'x', hours=1, cron='0 0 * * *'", "and has hours, cron"),
        ("'x', minutes=0", "minutes must be a whole number from 1 to 527,040, not 0"),
        ("'x', minutes=-5", "not -5"),
        ("'x', hours=1.5", "hours must be a whole number"),
        ("'x', hours='1'", "not '1'"),
        ("'x', days=True", "not True"),
        ("'x', days=100_000", "days must be a whole number from 1 to 366, not 100000"),
        ("'x', cron='every day'", "cron='every day' is not a cron expression"),
        ("'x', cron='0 0 31 2 *'", "is not a cron expression"),
        ("'x', cron=''", "cron='' is not a cron expression"),
        ("'x', cron=5", "cron=5 is not a cron expression"),
        ("'x', cron='*/90 * * * *'", "steps beyond its field: use minutes, hours or days"),
        ("'no spaces', hours=1", "an id is a letter, then letters, digits and underscores"),
        ("'no-dashes', hours=1", "an id is a letter"),
        ("'1st', hours=1", "an id is a letter"),
        ("'', hours=1", "an id is a letter"),
        ("'new\\nline', hours=1", "an id is a letter"),
        ("5, hours=1", "an id is a letter"),
        ("'x' * 101, hours=1", "at most 100"),
        ("'input', hours=1", "Dagster keeps this name for itself"),
        ("'class', hours=1", "Dagster keeps this name for itself"),
    ],
)
def test_wrong_arguments_name_file_line_and_id(tmp_path: Path, arguments: str, expected: str) -> None:
    content = f"# A comment.\n\n@scheduled_job({arguments})\ndef f(): ...\n"
    loaded = load(tmp_path, a_good=GOOD, wrong=content, z_good=GOOD.replace("good", "last"))
    (problem,) = loaded.problems
    assert problem.startswith(f"{tmp_path / 'wrong.py'}, line 3: task ")
    assert expected in problem
    assert "\n" not in problem
    assert [task.id for task in loaded.tasks] == ["good", "last"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("def f(a, b): ...", "f may take Dagster's context alone, and takes a, b"),
        ("def f(*, name): ...", "f may take Dagster's context alone, and takes name"),
        ("def f():\n    yield 1", "f yields: a task returns"),
        ("async def f():\n    yield 1", "f yields: a task returns"),
        ("class F: ...", "it is put on a type, and not on a function"),
    ],
)
def test_what_is_no_task(tmp_path: Path, content: str, expected: str) -> None:
    loaded = load(tmp_path, wrong=f'@scheduled_job("x", hours=1)\n{content}\n')
    assert loaded.tasks == []
    assert loaded.problems == [f"{tmp_path / 'wrong.py'}, line 1: task 'x': {expected}"]


def test_a_decorator_without_arguments_is_told(tmp_path: Path) -> None:
    (problem,) = load(tmp_path, wrong="@scheduled_job\ndef f(): ...\n").problems
    assert problem.endswith("task 'f': it has no id: write @scheduled_job(\"its_id\", hours=1)")


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        ("import os\ndef (", 2, "SyntaxError: invalid syntax"),
        ("\n\n1 / 0", 3, "ZeroDivisionError: division by zero"),
        ("def g():\n    raise ValueError('two\\nlines')\ng()", 2, "ValueError: two lines"),
        ("import no_such_module_anywhere", 1, "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("import json\njson.loads('{')", 2, "JSONDecodeError: Expecting property name"),
        ("import sys\nsys.exit(0)", 2, "it calls sys.exit(0) when it is imported"),
        ("raise SystemExit", 1, "it calls sys.exit() when it is imported"),
        ("exit('bye')", 1, "it calls sys.exit('bye') when it is imported"),
        ("def f(): return f()\nf()", 1, "RecursionError: maximum recursion depth exceeded"),
        ("x = '\0'", None, "source code string cannot contain null bytes"),
        (GOOD + "raise RuntimeError('after a task')", 3, "RuntimeError: after a task"),
    ],
)
def test_a_file_that_does_not_import_says_why_and_stops_nothing_else(
    tmp_path: Path, content: str, line: int | None, expected: str
) -> None:
    loaded = load(tmp_path, broken=content, other=GOOD.replace("good", "other"))
    (problem,) = loaded.problems
    assert problem.startswith(f"{tmp_path / 'broken.py'}" + (f", line {line}: " if line else ""))
    assert expected in problem
    assert "\n" not in problem
    assert [task.id for task in loaded.tasks] == ["other"]


def test_a_file_in_no_known_encoding(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes("NAME = 'caf\xe9'\n".encode("latin-1"))
    (problem,) = load(tmp_path).problems
    assert "latin.py" in problem
    assert "SyntaxError" in problem


def test_an_id_is_its_tasks_alone(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, "refresh_market_stats", a=GOOD, b=GOOD, c=GOOD.replace('"good"', '"refresh_market_stats"')
    )
    assert [(task.id, task.place.file.name) for task in loaded.tasks] == [("good", "a.py")]
    assert loaded.problems == [
        f"{tmp_path / 'b.py'}, line 1: task 'good': {tmp_path / 'a.py'}, line 1 has that id already",
        f"{tmp_path / 'c.py'}, line 1: task 'refresh_market_stats': a job or an asset has that name already",
    ]


def test_only_python_files_without_an_underscore_hold_tasks(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "mine.py").write_text(GOOD)
    (tmp_path / "mine.py.bak").write_text("1 / 0")
    (tmp_path / ".hidden.py").write_text("1 / 0")
    loaded = load(tmp_path, _shared="1 / 0", good=GOOD)
    assert ([task.id for task in loaded.tasks], loaded.problems) == (["good"], [])


def test_a_folder_called_like_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd.py").mkdir()
    (problem,) = load(tmp_path, good=GOOD).problems
    assert problem.startswith(str(tmp_path / "odd.py"))


def test_names_that_are_no_identifiers_will_do(tmp_path: Path) -> None:
    for number, name in enumerate(["with-dash", "1st", "with space", "with.dot", "json"]):
        (tmp_path / f"{name}.py").write_text(GOOD.replace("good", f"task_{number}"))
    loaded = load(tmp_path)
    assert loaded.problems == []
    assert sorted(task.id for task in loaded.tasks) == [f"task_{number}" for number in range(5)]
    import json

    assert hasattr(json, "loads")


def test_files_of_a_folder_share_code(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        _shared="NAME = 'from_shared'\n",
        mine="from ._shared import NAME\nfrom . import other\n@scheduled_job(NAME, days=1)\ndef f(): ...\n",
        other="from market_assets.tasks import scheduled_job\n" + GOOD,
    )
    assert loaded.problems == []
    assert sorted(task.id for task in loaded.tasks) == ["from_shared", "good"]


def test_the_path_of_imports_stays_as_it_is(tmp_path: Path) -> None:
    before = list(sys.path)
    load(tmp_path, good=GOOD, broken="1 / 0")
    assert sys.path == before
    assert "good" not in sys.modules


def test_each_load_reads_the_files_anew(tmp_path: Path) -> None:
    load(
        tmp_path,
        _shared="ID = 'first'\n",
        mine="from ._shared import ID\n@scheduled_job(ID, days=1)\ndef f(): ...",
    )
    # Of another length: Python knows an unchanged file by its time and size.
    loaded = load(tmp_path, _shared="ID = 'the_second'\n")
    assert [task.id for task in loaded.tasks] == ["the_second"]
    (tmp_path / "mine.py").unlink()
    assert load(tmp_path) == CustomFiles()


def test_tasks_are_made_in_a_loop(tmp_path: Path) -> None:
    content = "for n in range(3):\n    @scheduled_job(f'task_{n}', days=1)\n    def f(n=n): return {'n': n}\n"
    tasks = load(tmp_path, mine=content).tasks
    assert [(task.id, task.function()) for task in tasks] == [(f"task_{n}", {"n": n}) for n in range(3)]


def test_both_folders_are_read_and_one_that_is_the_other_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    for folder in (packaged, own):
        folder.mkdir()
        (folder / "mine.py").write_text(GOOD.replace("good", folder.name))
    monkeypatch.setattr(custom_files, "packaged_folder", lambda: packaged)
    assert [task.id for task in load_custom_files(own).tasks] == ["packaged", "own"]
    assert [task.id for task in load_custom_files(None).tasks] == ["packaged"]
    both = load_custom_files(packaged)
    assert ([task.id for task in both.tasks], both.problems) == (["packaged"], [])


def test_the_packaged_folder_holds_no_task_of_ours() -> None:
    assert [path.name for path in packaged_folder().glob("*.py")] == ["__init__.py"]
    assert load_custom_files(None) == CustomFiles()


def test_a_folder_that_vanished_is_a_problem(tmp_path: Path) -> None:
    loaded = load_custom_files(tmp_path / "gone")
    assert loaded.problems == [f"{tmp_path / 'gone'}: it can't be read: No such file or directory"]


def test_outside_of_a_load_a_declaration_is_only_checked() -> None:
    @scheduled_job("mine", hours=1)
    def double(number: int) -> int:
        return 2 * number

    assert double(4) == 8
    with pytest.raises(TaskError, match=r"test_custom_files\.py, line \d+: task 'mine': it needs exactly one"):
        scheduled_job("mine")
