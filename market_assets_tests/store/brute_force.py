"""What must come out, worked out posting by posting: slow, plain, and written from the contract alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from market_assets_tests.store.made_up_postings import RATES, TAXONOMY

PERIODS = {"hourly": 2080, "daily": 260, "weekly": 52, "monthly": 12, "yearly": 1}
#: Pay that nobody believes: made-up postings have either less than a thousandth of this, or at least this.
IMPLAUSIBLE_FROM = 50_000_000.0
#: source, external_id
Identity = tuple[str, str]
CURRENCY_OF = {"DE": "EUR", "US": "USD"}


def jobs(postings: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Postings that share a key, also by way of others, together; the oldest first, ties by source and id."""
    groups = [[posting] for posting in postings]
    merged = True
    while merged:
        merged = False
        for one in range(len(groups)):
            for other in range(one + 1, len(groups)):
                if any(share_a_key(a, b) for a in groups[one] for b in groups[other]):
                    groups[one] += groups.pop(other)
                    merged = True
                    break
            if merged:
                break
    return [sorted(group, key=lambda p: (p["posted_at"], p["source"], p["external_id"])) for group in groups]


def share_a_key(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return any(one[key] is not None and one[key] == other[key] for key in ("url_key", "job_key"))


def links(postings: Sequence[Mapping[str, Any]]) -> dict[Any, tuple[Any, bool]]:
    """posting_id → duplicate_of, first_of_job."""
    linked: dict[Any, tuple[Any, bool]] = {}
    for job in jobs(postings):
        original = next((posting for posting in job if posting["in_store"]), job[0])
        for posting in job:
            duplicate_of = None if posting is original else original["posting_id"]
            linked[posting["posting_id"]] = (duplicate_of, posting is job[0])
    return linked


def annual(amount: float | None, posting: Mapping[str, Any], posted_at: datetime) -> float | None:
    """Stated pay as dollars a year, by the rate of the day of posting."""
    currency = posting.get("salary_currency") or CURRENCY_OF.get(posting.get("country") or "")
    if amount is None or currency is None or is_implausible(posting):
        return None
    larger = max(each for each in (posting.get("salary_min"), posting.get("salary_max")) if each is not None)
    assumed = "hourly" if larger < 500 else "monthly" if larger < 20_000 else "yearly"
    known = sorted((day, rate) for day, of, rate in RATES.rows() if of == currency)
    earlier = [rate for day, rate in known if day <= posted_at.date()]
    rate = 1.0 if currency == "USD" else earlier[-1] if earlier else known[0][1]
    return round(amount * PERIODS[posting.get("salary_period") or assumed] * rate, 2)


def is_implausible(posting: Mapping[str, Any]) -> bool:
    return max(posting.get(f"salary_{end}") or 0 for end in ("min", "max")) >= IMPLAUSIBLE_FROM


def pay_quality(posting: Mapping[str, Any]) -> str | None:
    is_stated = posting.get("salary_min") is not None or posting.get("salary_max") is not None
    if not is_stated or not (posting.get("salary_currency") or CURRENCY_OF.get(posting.get("country") or "")):
        return None
    if is_implausible(posting):
        return "implausible"
    if posting.get("pay_quality") == "from_text":
        return "from_text"
    return "stated" if posting.get("salary_currency") and posting.get("salary_period") else "inferred"


def expected_postings(
    days: Mapping[date, Iterable[tuple[datetime, Mapping[str, Any]]]],
) -> dict[Identity, dict[str, Any]]:
    """What job_postings and posting_facts hold of each posting, numbered by its identity, from all partitions.

    Args:
        days: day → its sightings (when it was fetched, the posting), in the order in which they were read.
    """
    sightings: dict[Identity, dict[date, tuple[datetime, Mapping[str, Any]]]] = {}
    for day, seen in days.items():
        for observed_at, posting in seen:
            identity = (posting["source"], posting["external_id"])
            sightings.setdefault(identity, {})[day] = (observed_at, posting)
    rows = {number: _expected(number, by_day) for number, by_day in sightings.items()}
    for number, (duplicate_of, first_of_job) in links(list(rows.values())).items():
        rows[number] |= {"duplicate_of": duplicate_of, "first_of_job": first_of_job}
    return rows


def _expected(number: Identity, by_day: Mapping[date, tuple[datetime, Mapping[str, Any]]]) -> dict[str, Any]:
    oldest, newest = min(by_day), max(by_day)
    first_seen, (last_seen, content) = by_day[oldest][0], by_day[newest]
    posted_at = content.get("stated_posted_at") or first_seen
    pay = {
        f"annual_salary_{end}": annual(content.get(f"salary_{end}"), content, posted_at) for end in ("min", "max")
    }
    known = [amount for amount in pay.values() if amount is not None]
    return {
        "posting_id": number,
        **content,
        **pay,
        "pay_quality": pay_quality(content),
        "salary": sum(known) / len(known) if known else None,
        "posted_at": posted_at,
        "dated": content.get("stated_posted_at") is not None,
        "ingested_at": first_seen,
        "last_seen_at": last_seen,
        "partition_date": oldest,
        "content_date": newest,
        "in_store": True,
        "skills": {name for name in TAXONOMY["skill"] if name in content["title"].split()},
    }
