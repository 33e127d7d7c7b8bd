"""Settings: where they come from, how a wrong one is reported, and that `.env.example` documents each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_assets import settings
from market_assets.checked_settings import get_settings
from market_assets.operations.names import REFRESH
from market_assets.settings import Settings, SettingsError
from market_assets_tests.cli.programs import make_project, run

EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"
#: What docker-compose.yml alone reads.
COMPOSED = {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}
VARIABLES = {str(field.validation_alias): name for name, field in Settings.model_fields.items()}


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder, no variable set, no cached settings."""
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def documented() -> dict[str, str]:
    """Variable → value, of the lines that are commented out."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=", line))


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        get_settings()
    assert caught.value.exit_code == 2
    return caught.value.message


def test_every_setting_is_documented_with_its_default() -> None:
    defaults = {
        variable: "" if (default := Settings.model_fields[name].default) in (None, ()) else str(default)
        for variable, name in VARIABLES.items()
    }
    assert documented() == {**defaults, **dict.fromkeys(COMPOSED, "")}


def test_the_example_sets_nothing_and_explains_everything() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    for number, line in enumerate(lines):
        if re.match(r"#[A-Z_]+=", line):
            assert re.match(r"# [A-Za-z]|#[A-Z_]+=", lines[number - 1]), f"{line} has no explanation above it"


def test_the_uncommented_example_is_the_default(tmp_path: Path) -> None:
    uncommented = re.sub(r"^#([A-Z_]+=)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / "sources.yaml").write_text("sources: [{type: sample}]")
    (tmp_path / "custom").mkdir()
    plain = get_settings()
    (tmp_path / ".env").write_text(uncommented, encoding="utf-8")
    get_settings.cache_clear()
    assert get_settings() == plain


def test_only_documented_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = get_settings()
    for name in Settings.model_fields:
        if name.upper() not in VARIABLES:
            monkeypatch.setenv(name.upper(), "7")
    monkeypatch.setenv("REPORT_NAME", "other")
    get_settings.cache_clear()
    assert get_settings() == plain
    assert get_settings().report_path == plain.report_path


def test_the_environment_counts_more_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MARKET_ASSETS_WINDOW_DAYS=30\nMARKET_ASSETS_PORT=4000\n")
    monkeypatch.setenv("MARKET_ASSETS_PORT", "5000")
    monkeypatch.setenv("MARKET_ASSETS_TREND_DAYS", "")
    settings = get_settings()
    assert (settings.window_days, settings.port, settings.trend_days) == (30, 5000, 180)


def test_where_things_are_follows_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = get_settings()
    assert settings.market_url == "sqlite:///data/market.db"
    assert settings.landing == "data/landing"
    assert settings.report_path == Path("data/reports/market_report.html")
    monkeypatch.setenv("MARKET_ASSETS_DATA_DIR", "/elsewhere")
    get_settings.cache_clear()
    moved = get_settings()
    assert moved.market_url == "sqlite:////elsewhere/market.db"
    assert {Path(moved.landing).parent, moved.archive_dir.parent} == {Path("/elsewhere")}


def test_a_file_of_the_user_shares_nothing_with_the_rest() -> None:
    settings = get_settings()
    own = settings.of_file("my jobs")
    assert own.market_url == "sqlite:///data/from/my jobs.db"
    assert {own.landing, own.report_path}.isdisjoint({settings.landing, settings.report_path})
    assert settings.report_path == Path("data/reports/market_report.html")


def test_lists_and_cases_are_read_kindly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_ASSETS_ALERT_URLS", " json://a/b  mailto://me:pw@example.com ")
    monkeypatch.setenv("MARKET_ASSETS_CURRENCY", "eur")
    assert get_settings().alert_urls == ("json://a/b", "mailto://me:pw@example.com")
    assert get_settings().currency == "EUR"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://user@host/market"),
        ("DATABASE_URL", "market.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://host:port/market"),
        ("MARKET_ASSETS_LANDING_URL", "nothing-known://bucket"),
        ("MARKET_ASSETS_LANDING_DAYS", "0"),
        ("MARKET_ASSETS_RETENTION_DAYS", "-1"),
        ("MARKET_ASSETS_WINDOW_DAYS", "ninety"),
        ("MARKET_ASSETS_WINDOW_DAYS", "1.5"),
        ("MARKET_ASSETS_TREND_DAYS", "99999999999"),
        ("MARKET_ASSETS_START", "2999-01-01"),
        ("MARKET_ASSETS_START", "spring"),
        ("MARKET_ASSETS_INGESTION_CRON", "at two"),
        ("MARKET_ASSETS_REFRESH_CRON", "0 2 * *"),
        ("MARKET_ASSETS_CLEANUP_CRON", "99 3 * * 0"),
        ("MARKET_ASSETS_REBUILD_CRON", "0 4 * * 9"),
        ("MARKET_ASSETS_HISTORY_CRON", "daily"),
        ("MARKET_ASSETS_HISTORY_DAYS", "0"),
        ("MARKET_ASSETS_CURRENCY", "dollars"),
        ("MARKET_ASSETS_CURRENCY", "ZZZ"),
        ("MARKET_ASSETS_SOURCES", "missing.yaml"),
        ("MARKET_ASSETS_EXCHANGE_RATES", "missing.csv"),
        ("MARKET_ASSETS_EXCHANGE_RATES", "."),
        ("MARKET_ASSETS_TAXONOMY", "missing.yaml"),
        ("MARKET_ASSETS_TAXONOMY", "."),
        ("MARKET_ASSETS_CUSTOM_DIR", "missing"),
        ("MARKET_ASSETS_CODE_URL", "git@host:me/market_assets"),
        ("MARKET_ASSETS_PORT", "0"),
        ("MARKET_ASSETS_PORT", "65536"),
        ("DAGSTER_POSTGRES_URL", "sqlite:///history.db"),
        ("DAGSTER_POSTGRES_URL", "mysql://user@host/dagster"),
        ("DAGSTER_POSTGRES_URL", "dagster"),
        ("MARKET_ASSETS_WORKERS", "0"),
        ("MARKET_ASSETS_WORKERS", "two"),
        ("MARKET_ASSETS_BROKER_URL", "amqp://guest@host"),
        ("MARKET_ASSETS_BROKER_URL", "redis"),
        ("MARKET_ASSETS_ALERT_URLS", "me@example.com"),
        ("MARKET_ASSETS_ALERT_URLS", "json://a.example slack://token"),
        ("MARKET_ASSETS_ALERT_URLS", "carrier-pigeon://loft"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    message = refusal()
    assert message.startswith(f"{variable}: ")
    assert "\n" not in message


@pytest.mark.parametrize("value", ["sqlite:///history.db", "mysql://user@host/dagster", "dagster"])
def test_the_history_must_be_in_postgresql(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", value)
    assert refusal().startswith("DAGSTER_POSTGRES_URL: it must be a PostgreSQL database: postgresql://")


@pytest.mark.parametrize(
    ("variable", "value", "extra"),
    [
        ("DATABASE_URL", "postgresql://me@127.0.0.1/market", "postgresql"),
        ("DAGSTER_POSTGRES_URL", "postgresql://me@127.0.0.1/dagster", "postgresql"),
        ("MARKET_ASSETS_ALERT_URLS", "json://127.0.0.1", "alerts"),
        ("MARKET_ASSETS_BROKER_URL", "redis://127.0.0.1", "scale"),
    ],
)
def test_what_is_set_and_not_installed_is_named_with_its_extra(
    variable: str, value: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda _module: None)
    monkeypatch.setenv(variable, value)
    message = refusal()
    assert message.startswith(f"{variable}: ")
    assert message.endswith(f" is not installed: pip install 'market-assets[{extra}]'")


def test_the_history_of_runs_has_a_database_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATABASE_URL", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(variable, "postgresql://user@host/market")
    assert refusal().startswith("DAGSTER_POSTGRES_URL: it must be another database")


def test_each_wrong_value_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_ASSETS_PORT", "many")
    monkeypatch.setenv("MARKET_ASSETS_TREND_DAYS", "0")
    named = [line.split(":")[0] for line in refusal().splitlines()]
    assert sorted(named) == ["MARKET_ASSETS_PORT", "MARKET_ASSETS_TREND_DAYS"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("MARKET_ASSETS_CURENCY", "did you mean MARKET_ASSETS_CURRENCY?"),
        ("MARKET_ASSET_PORT", "did you mean MARKET_ASSETS_PORT?"),
        ("MARKET_ASSETS_DATADIR", "did you mean MARKET_ASSETS_DATA_DIR?"),
        ("MARKET_ASSETS_RETENTION_DAY", "did you mean MARKET_ASSETS_RETENTION_DAYS?"),
        ("market_assets_curency", "did you mean MARKET_ASSETS_CURRENCY?"),
        ("MARKET_ASSETS_", ".env.example lists them all"),
        ("MARKET_ASSETS_QQQ", ".env.example lists them all"),
        ("MARKET_ASSETS_WEB_PORT", "did you mean MARKET_ASSETS_PORT?"),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_name_that_is_no_setting_is_one_line(
    name: str, advice: str, in_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_file:
        (tmp_path / ".env").write_text(f"{name}=3\n")
    else:
        monkeypatch.setenv(name, "3")
    where = " (in .env)" if in_file else ""
    assert refusal() == f"{name}{where}: there is no such setting; {advice}"


def test_every_setting_is_known_and_so_is_what_containers_and_kubernetes_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = get_settings()
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nMARKETS_ASSETS=1\nmarket_assets_port=3000\n")
    kubernetes = {
        "MARKET_ASSETS_WEB_SERVICE_HOST": "10.0.0.1",
        "MARKET_ASSETS_WEB_SERVICE_PORT": "80",
        "MARKET_ASSETS_WEB_SERVICE_PORT_HTTP": "80",
        "MARKET_ASSETS_WEB_PORT": "tcp://10.0.0.1:80",
        "MARKET_ASSETS_WEB_PORT_80_TCP": "tcp://10.0.0.1:80",
        "MARKET_ASSETS_WEB_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    for name, value in {
        "MARKET_ASSETS_CODE_HOST": "code",
        "MARKET_ASSETS_CODE_PORT": "4000",
        **kubernetes,
    }.items():
        monkeypatch.setenv(name, value)
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    get_settings.cache_clear()
    assert get_settings() == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("market-assets", ["serve"]),
        ("dagster", ["job", "execute", "-m", "market_assets.definitions", "-j", REFRESH]),
        ("dagster-daemon", ["run"]),
        ("celery", ["--app", "market_assets.dagster_ext.celery_app", "worker"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_program_ends_with_that_line(program: str, arguments: list[str], tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    ended = run(program, *arguments, cwd=project, MARKET_ASSETS_CURENCY="EUR", DAGSTER_HOME=str(project))
    assert ended.code == 2, ended.err
    assert ended.last_line.endswith(
        "MARKET_ASSETS_CURENCY: there is no such setting; did you mean MARKET_ASSETS_CURRENCY?"
    )
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://user:open-sesame@host/market"),
        ("DATABASE_URL", "postgresql://user:open-sesame@host:port/market"),
        ("DATABASE_URL", "open-sesame"),
        ("DAGSTER_POSTGRES_URL", "mysql://user:open-sesame@host/dagster"),
        ("MARKET_ASSETS_BROKER_URL", "amqp://user:open-sesame@host"),
        ("MARKET_ASSETS_LANDING_URL", "nothing-known://user:open-sesame@bucket"),
        ("MARKET_ASSETS_ALERT_URLS", "slack://open-sesame"),
        ("MARKET_ASSETS_ALERT_URLS", "open-sesame"),
    ],
)
def test_a_message_repeats_no_password(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert "open-sesame" not in refusal()


@pytest.mark.parametrize("content", ["skills: 3", "skills: [", "\ufeff\u0000"])
def test_a_wrong_taxonomy_is_reported_at_start(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
    monkeypatch.setenv("MARKET_ASSETS_TAXONOMY", "mine.yaml")
    assert refusal().startswith("MARKET_ASSETS_TAXONOMY: mine.yaml: ")


@pytest.mark.parametrize(
    "content", ["", "date,currency\n2026-01-01,EUR\n", "date,currency,usd_per_unit\nx,EUR,1\n"]
)
def test_wrong_exchange_rates_are_reported_at_start(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.csv").write_text(content, encoding="utf-8")
    monkeypatch.setenv("MARKET_ASSETS_EXCHANGE_RATES", "mine.csv")
    assert refusal().startswith("MARKET_ASSETS_EXCHANGE_RATES: mine.csv")


def test_an_unreadable_env_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MARKET_ASSETS_CURRENCY=\xff\xfe\n")
    message = refusal()
    assert message.startswith(".env: it can't be read")
    assert "\n" not in message


def test_apprises_own_complaints_repeat_no_password_either(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKET_ASSETS_ALERT_URLS", "json://fine.example slack://open-sesame mailto://open-sesame")
    assert refusal() == "MARKET_ASSETS_ALERT_URLS: apprise can't read URL 2 of 3 (slack://…)"
    assert "open-sesame" not in caplog.text + "".join(capfd.readouterr())
