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
    "api_client": ("dagster", "sqlalchemy", "polars", "pydantic"),
}
#: The rooms from the bottom to the top. What a file imports of the package is in its own room or in one below.
LAYERS = (
    ("settings", "tasks", "custom", "api_client"),
    ("parallel", "client"),
    ("postings",),
    ("skills",),
    ("statistics",),
    ("sources", "report"),
    ("store",),
    ("checked_settings",),
    ("reading",),
    ("dagster_ext",),
    ("operations",),
    ("defs",),
    ("definitions", "web"),
    ("cli",),
)
#: Room → the rooms below it that it must do without all the same.
APART = {"skills": {"settings"}, "postings": {"settings"}, "statistics": {"settings"}, "store": {"report"}}
#: The only room that an upgrade of Dagster can break.
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


def name_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE.parent).with_suffix("")
    return ".".join(relative.parts).removesuffix(".__init__")


def files_used(path: Path, known: set[str]) -> set[str]:
    """The modules of this package that a file imports."""
    used = set()
    for module in imports(path):
        parent = module.rpartition(".")[0]
        used |= {name for name in (module, parent) if name in known}
    return used - {name_of(path), PACKAGE.name}


def test_imports_go_down() -> None:
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    known = {name_of(path) for path in modules()}
    climbing = []
    for path in modules():
        room = name_of(path).split(".")[1] if path.parent != PACKAGE or path.stem != "__init__" else None
        for used in sorted(files_used(path, known)) if room else ():
            below = used.split(".")[1]
            if below != room and (level[below] >= level[room] or below in APART.get(room, ())):
                climbing.append(f"{name_of(path)} imports {used}")
    assert climbing == []


def test_no_files_import_each_other_in_a_circle() -> None:
    known = {name_of(path) for path in modules()}
    uses = {name_of(path): files_used(path, known) for path in modules()}
    while leaves := {name for name, used in uses.items() if not used & uses.keys()}:
        uses = {name: used for name, used in uses.items() if name not in leaves}
    assert sorted(uses) == []


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
    full = {path for path, tree in packages.items() if len(tree.body) != 1}
    assert full == {PACKAGE / "__init__.py"}, "only the package itself has names to import: read, MarketStatistic"
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


@pytest.mark.parametrize(
    ("statements", "avoided"),
    [
        ("import market_assets.cli.main", {"dagster", "pydantic", *HEAVY}),
        (
            "from market_assets.skills.matching import skill_matcher\n"
            "from market_assets.skills.taxonomy import load_taxonomy\n"
            "assert skill_matcher(load_taxonomy()).find('Python') == ['Python']",
            {"dagster", "polars", "sqlalchemy"},
        ),
        # A second SQLite library must never open the file that SQLAlchemy has open; the rest costs seconds.
        (
            "import market_assets.web.server",
            {"adbc_driver_manager", "cryptography", "matplotlib", "numba", "numpy", "pandas", "polars", "pyarrow"},
        ),
        ("import market_assets.web.application, market_assets.web.explorer.routes", {"adbc_driver_manager"}),
    ],
)
def test_what_is_started_often_or_idle_for_long_loads_little(
    statements: str, avoided: set[str], tmp_path: Path
) -> None:
    assert loaded_after(statements, tmp_path).isdisjoint(avoided)
