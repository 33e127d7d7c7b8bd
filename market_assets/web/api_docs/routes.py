"""Serves the page and its files; the guard in front asks for a sign-in as for all of `/api`."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

_HERE = Path(__file__).parent
_FILES = {
    "/api/docs": ("page.html", "text/html"),
    "/api/docs/page.js": ("page.js", "text/javascript"),
    "/api/docs/page.css": ("page.css", "text/css"),
}

docs_router = APIRouter(include_in_schema=False)


def _serve(path: str, name: str, media_type: str) -> None:
    @docs_router.get(path)
    async def file() -> FileResponse:
        return FileResponse(_HERE / name, media_type=media_type, headers={"Cache-Control": "no-cache"})


for _path, (_name, _media_type) in _FILES.items():
    _serve(_path, _name, _media_type)
