"""The import rules of the rooms: which folder may know what. They keep each folder readable by itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets_tests.cli.programs import environment

PACKAGE = Path(__file__).resolve().parents[1] / "market_assets"
HTTP = (
    "httpx",
    "requests",
    "urllib.request",
    "urllib3",
    "aiohttp",
    "http.client",
    "socket",
    "fastapi",
    "starlette",
)
#: Room → what nothing in it may import, at whatever depth of the code.
PURE = ("postings", "skills", "statistics")
FORBIDDEN = {
    **dict.fromkeys(PURE, ("dagster", "sqlalchemy", "adbc_driver_manager", "psycopg", "time", *HTTP)),
    "sources": ("dagster", "sqlalchemy"),
    "store": ("dagster", *HTTP),
    "report": ("dagster", "sqlalchemy", *HTTP),
}
#: Room → the rooms of this package that it may use.
ALLOWED_ROOMS = {
    "postings": {"postings"},
    "skills": {"skills", "postings"},
    "statistics": {"statistics", "skills", "postings"},
    "sources": {"sources", "postings"},
    "store": {"store", "sources", "statistics", "skills", "postings", "settings"},
    "dagster_ext": {"dagster_ext", "store", "settings", "checked_settings"},
    "settings.py": set(),
    "tasks.py": set(),
    "checked_settings.py": {"settings", "skills", "postings"},
}
#: Whoever upgrades Dagster reads this room alone.
DAGSTER_ROOM = "dagster_ext"
#: Packages of Dagster's family that are made for Dagster itself.
PRIVATE_PACKAGES = ("dagster_webserver", "dagster_graphql", "dagster_celery", "dagster_postgres", "dagster_shared")
MOST_PRIVATE_NAMES = 45
CLOCKS = {"now", "utcnow", "today"}
HEAVY = ("polars", "sqlalchemy", "matplotlib", "pyarrow", "numpy", "pandas", "alembic")


def modules(room: str = "") -> list[Path]:
    """The modules of a room, or the one of that file name."""
    path = PACKAGE / room
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert found, f"there is no module in {room}"
    return found


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, those inside functions and for annotations included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_do_not_import_what_is_not_theirs(room: str) -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for path in modules(room)
        for module in imports(path)
        if any(is_within(module, forbidden) for forbidden in FORBIDDEN[room])
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ALLOWED_ROOMS)
def test_rooms_use_only_the_rooms_below_them(room: str) -> None:
    used = {
        module.split(".")[1] for path in modules(room) for module in imports(path) if module.startswith("market_")
    }
    assert used <= ALLOWED_ROOMS[room]


def private_names(path: Path) -> set[str]:
    """What a module imports of Dagster that is not public, imports for annotations included."""
    return {name for name in imports(path) if is_private(name)}


def is_private(name: str) -> bool:
    package, *parts = name.split(".")
    return package in PRIVATE_PACKAGES or (package == "dagster" and any(part.startswith("_") for part in parts))


def test_only_one_room_uses_what_is_private_in_dagster() -> None:
    names = {path.relative_to(PACKAGE): private_names(path) for path in modules()}
    outside = {str(path): found for path, found in names.items() if found and path.parts[0] != DAGSTER_ROOM}
    assert outside == {}
    assert len(set().union(*names.values())) <= MOST_PRIVATE_NAMES


@pytest.mark.parametrize("room", PURE)
def test_domain_rooms_take_no_clock(room: str) -> None:
    calls = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in modules(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]
    assert calls == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"))
        or (
            isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & {"environ"}
        )
    }
    assert readers == {"settings.py"}


def test_packages_and_modules_say_what_belongs_in_them() -> None:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules()}
    assert [str(path) for path, tree in trees.items() if not ast.get_docstring(tree)] == []
    packages = {path: tree for path, tree in trees.items() if path.name == "__init__.py"}
    assert [str(path) for path, tree in packages.items() if len(tree.body) != 1] == []
    folders = {path.parent for path in trees}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()


def loaded_after(statements: str, folder: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after some statements."""
    script = f"import sys\n{statements}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_domain_rooms_load_neither_dagster_nor_sqlalchemy(tmp_path: Path) -> None:
    relative = (path.relative_to(PACKAGE.parent).with_suffix("") for room in PURE for path in modules(room))
    names = [".".join(path.parts).removesuffix(".__init__") for path in relative]
    loaded = loaded_after("\n".join(f"import {name}" for name in names), tmp_path)
    assert set(names) <= loaded
    assert loaded.isdisjoint({"dagster", "sqlalchemy", "httpx", "requests"})


def test_loading_the_code_location_stays_cheap(tmp_path: Path) -> None:
    loaded = loaded_after("import market_assets.definitions", tmp_path)
    assert "dagster" in loaded
    assert loaded.isdisjoint(HEAVY)
