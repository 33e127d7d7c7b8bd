"""The settings of this process, with the checks that need more than the values themselves, and their sources.

Every program reads its settings here at start: a wrong value ends it with a line that names the variable.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import field_validator

from market_assets.settings import Settings, SettingsError, check_installed, read_settings, set_variables

if TYPE_CHECKING:
    from market_assets.sources.protocol import Source

_PREFIX = "MARKET_ASSETS_"
#: With the S forgotten too.
_MEANT_FOR_US = re.compile(r"MARKET_ASSETS?_", re.IGNORECASE)
#: What deploy/workspace.yaml reads.
_READ_BY_DAGSTER = {"MARKET_ASSETS_CODE_HOST", "MARKET_ASSETS_CODE_PORT"}
#: Kubernetes adds such variables for each service; ours may be called market-assets-web.
_OF_A_SERVICE = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)", re.IGNORECASE)
_ADDRESS_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://")


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: one line for each variable that is wrong, or whose name is misspelt.
    """
    settings = read_settings(_CheckedSettings)
    if unknown := list(_unknown_names()):
        raise SettingsError("\n".join(unknown))
    return settings


def _unknown_names() -> Iterator[str]:
    """A message for each variable, of the environment or of `.env`, that looks like a setting and is none."""
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    after_prefix = {name.removeprefix(_PREFIX): name for name in sorted(settings) if name.startswith(_PREFIX)}
    for name, value, where in set_variables():
        if name.upper() in settings | _READ_BY_DAGSTER or not _MEANT_FOR_US.match(name):
            continue
        if _OF_A_SERVICE.fullmatch(name) or _ADDRESS_OF_A_SERVICE.match(value):
            continue
        rest = _MEANT_FOR_US.sub("", name.upper(), count=1)
        close = difflib.get_close_matches(rest, after_prefix, n=1)
        advice = f"did you mean {after_prefix[close[0]]}?" if close else ".env.example lists them all"
        yield f"{name}{where}: there is no such setting; {advice}"


class _CheckedSettings(Settings):
    """Settings whose files can be read, and whose currency and alert URLs exist."""

    @field_validator("currency")
    @classmethod
    def _currency_of_some_country(cls, value: str) -> str:
        from market_assets.postings.gazetteer import country_currencies

        if value != "USD" and value not in country_currencies().values():
            raise ValueError("is not the currency of any country")
        return value

    @field_validator("taxonomy")
    @classmethod
    def _readable_taxonomy(cls, value: Path | None) -> Path | None:
        if value is not None:
            from market_assets.skills.taxonomy import load_taxonomy

            load_taxonomy(value)
        return value

    @field_validator("exchange_rates")
    @classmethod
    def _readable_rates(cls, value: Path | None) -> Path | None:
        if value is not None:
            from market_assets.postings.salaries.currencies import load_exchange_rates

            load_exchange_rates(value)
        return value

    @field_validator("alert_urls")
    @classmethod
    def _readable_by_apprise(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            check_installed("apprise", "alerts")
            if problem := _problem_of_alert_urls(value):
                raise ValueError(problem)
        return value


def _problem_of_alert_urls(urls: Sequence[str]) -> str | None:
    """The first URL that apprise can't read, without its secrets; None where there is none."""
    import apprise

    # apprise would log the whole URL.
    log = logging.getLogger("apprise")
    was_disabled, log.disabled = log.disabled, True
    try:
        for number, url in enumerate(urls, 1):
            if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
                scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)", url)
                kind = f"{scheme[0]}://…" if scheme else "it has no scheme such as mailto://"
                return f"apprise can't read URL {number} of {len(urls)} ({kind})"
    finally:
        log.disabled = was_disabled
    return None


def all_sources(settings: Settings) -> list[Source]:
    """The configured sources and the inbox, where there is one.

    Raises:
        SettingsError: the configuration is wrong, or has a source with the name of the inbox.
    """
    from market_assets.sources.files.inbox import INBOX, Inbox, InboxSource

    sources = configured_sources(settings)
    if settings.inbox is None:
        return sources
    if any(source.name == INBOX for source in sources):
        raise SettingsError(f"MARKET_ASSETS_INBOX: {settings.sources} has a source called {INBOX} already")
    return [*sources, InboxSource(Inbox(settings.inbox))]


def configured_sources(settings: Settings) -> list[Source]:
    """The sources of the file `MARKET_ASSETS_SOURCES`.

    Raises:
        SettingsError: the file is wrong.
    """
    from market_assets.sources.configuration import ConfigurationError, load_sources

    try:
        return load_sources(settings.sources, keys=settings.board_keys)
    except ConfigurationError as error:
        raise SettingsError(f"MARKET_ASSETS_SOURCES: {error}") from error
