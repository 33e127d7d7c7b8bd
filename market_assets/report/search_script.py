"""The one script of the report: it searches the table of every skill, which without it is whole.

Apart from the page, whose tables take much to load, since every web process names the script in its policy.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

SEARCH_SCRIPT = (Path(__file__).parent / "templates" / "search.js").read_text(encoding="utf-8")
#: By which a Content-Security-Policy knows it.
SEARCH_SCRIPT_HASH = f"'sha256-{b64encode(sha256(SEARCH_SCRIPT.encode()).digest()).decode()}'"
