"""The web process by itself: `python -m market_assets.web [WORKSPACE_FILE]`."""

from __future__ import annotations

import sys

from market_assets.settings import get_settings
from market_assets.web.server import serve_web

serve_web(get_settings(), *sys.argv[1:2])
