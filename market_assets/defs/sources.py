"""The sources that the settings name."""

from __future__ import annotations

from market_assets.settings import Settings, SettingsError
from market_assets.sources.configuration import ConfigurationError, load_sources
from market_assets.sources.files.inbox import INBOX, Inbox, InboxSource
from market_assets.sources.protocol import Source


def all_sources(settings: Settings) -> list[Source]:
    """The configured sources and the inbox, where there is one.

    Raises:
        SettingsError: the configuration is wrong, or has a source with the name of the inbox.
    """
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
    try:
        return load_sources(settings.sources, keys=settings.board_keys)
    except ConfigurationError as error:
        raise SettingsError(f"MARKET_ASSETS_SOURCES: {error}") from error
