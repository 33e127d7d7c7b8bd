"""Draws the page of executions. The names and errors on it may be anybody's text: all are escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote, urlencode

from market_assets.web.admin.executions import Listed, Position
from market_assets.web.admin.models import Execution


@dataclass(frozen=True)
class Shown:
    """What stands on one page.

    Attributes:
        listed: the runs, in the order of the page.
        next_page: where the next page begins; None on the last one.
        is_first_page: whether newer ones may come at the top.
        job: that the list is about; None for all.
        status: that the list is about; None for all.
        jobs: to choose from.
        statuses: to choose from.
        user: who looks.
        is_admin: whether the page may listen to the events.
    """

    listed: Sequence[Listed]
    next_page: Position | None
    is_first_page: bool
    job: str | None
    status: str | None
    jobs: Sequence[str]
    statuses: Sequence[str]
    user: str
    is_admin: bool


def render(shown: Shown) -> str:
    """The page as HTML."""
    return _template().substitute(
        user=escape(shown.user),
        live="events" if shown.is_admin else "poll",
        jobs=_options(shown.jobs, shown.job, "all jobs"),
        statuses=_options(shown.statuses, shown.status, "any status"),
        rows="\n".join(map(_row, shown.listed)),
        nothing="" if shown.listed else '<p class="nothing">No execution is like that.</p>',
        pages=_pages(shown),
    )


def parse_position(text: str | None) -> Position | None:
    """A place in the list as `_position_text` wrote it; None where it is none."""
    moment, _, run_id = (text or "").partition("~")
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (parsed.astimezone(UTC), run_id) if parsed.tzinfo and parsed.year > 1 and run_id else None


def _position_text(position: Position) -> str:
    return f"{position[0].isoformat()}~{position[1]}"


def _row(listed: Listed) -> str:
    one = listed.execution
    run = f"<code>{escape(one.run_id[:8])}</code>"
    if listed.is_in_dagster:
        run = f'<a href="/runs/{quote(one.run_id, safe="")}">{run}</a>'
    error = f"<details><summary>{escape(one.error)}</summary></details>" if one.error else ""
    cells = [
        ("Run", run),
        ("Job", _job(one)),
        ("Status", f'<span class="status {escape(one.status)}">{escape(one.status)}</span>'),
        ("Started, UTC", _moment(one.started_at, one.status)),
        ("Duration", _none("–") if one.duration is None else escape(_duration(one.duration))),
        ("Rows", _none("–") if one.rows is None else f"{one.rows:,}"),
        ("By", escape(one.triggered_by)),
        ("Error", error),
    ]
    drawn = "".join(f'<td data-label="{label}" class="{_class(label)}">{cell}</td>' for label, cell in cells)
    return f'<tr id="run-{escape(one.run_id)}">{drawn}</tr>'


def _job(one: Execution) -> str:
    # Cut after two lines; the whole of it is shown where the pointer rests.
    what = escape(one.func_name)
    return f'<b>{escape(one.job_id)}</b><span class="what" title="{what}">{what}</span>'


def _moment(moment: datetime | None, status: str) -> str:
    if moment is None:
        return _none("not yet" if status in ("queued", "running") else "never")
    utc = moment.astimezone(UTC)
    return f'<time datetime="{utc.isoformat()}">{utc:%Y-%m-%d %H:%M:%S}</time>'


def _class(label: str) -> str:
    return label.split(",")[0].lower()


def _none(text: str) -> str:
    return f'<span class="none">{text}</span>'


def _duration(seconds: float) -> str:
    """Seconds as people say them: `0.4 s`, `12.3 s`, `5 min 20 s`, `2 h 3 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _options(choices: Sequence[str], chosen: str | None, all_of_them: str) -> str:
    known = list(choices) if chosen is None or chosen in choices else [chosen, *choices]
    drawn = [f'<option value="">{all_of_them}</option>']
    for choice in known:
        selected = " selected" if choice == chosen else ""
        drawn.append(f'<option value="{escape(choice)}"{selected}>{escape(choice)}</option>')
    return "".join(drawn)


def _pages(shown: Shown) -> str:
    chosen = {name: value for name, value in (("job", shown.job), ("status", shown.status)) if value}
    links = []
    if not shown.is_first_page:
        links.append(f'<a href="/executions?{escape(urlencode(chosen))}">Newest</a>')
    if shown.next_page:
        older = urlencode({**chosen, "before": _position_text(shown.next_page)})
        links.append(f'<a rel="next" href="/executions?{escape(older)}">Older</a>')
    return " ".join(links)


@lru_cache(maxsize=1)
def _template() -> Template:
    return Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
