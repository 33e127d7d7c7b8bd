"""The web process by itself: `python -m market_assets.web [WORKSPACE_FILE]`."""

from __future__ import annotations

import sys

from market_assets.checked_settings import get_settings
from market_assets.settings import SettingsError
from market_assets.store.database import StoreError
from market_assets.web.server import serve_web

try:
    serve_web(get_settings(), *sys.argv[1:2])
except SettingsError as error:
    print(f"market-assets: {error.message}", file=sys.stderr)
    sys.exit(SettingsError.exit_code)
except StoreError as error:
    sys.exit(f"market-assets: {error}")
