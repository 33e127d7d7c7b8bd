"""The names that people give the columns of job postings, the well-known ones first.

Names are compared without regard to case, spaces, dots, dashes and underscores, so `job title` stands for
"Job Title", "job_title" and "jobTitle", and `company name` for the `company.name` of a nested record too.
"""

from __future__ import annotations

#: For each field the names it goes by, from the surest to the vaguest. A title is looked for first, an
#: industry last; a column that one field has taken is gone for the next.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "title": (
        "title", "job title", "position title", "posting title", "vacancy title", "role title",
        "job posting title", "job name", "position name", "job position", "position", "role", "job role",
        "designation", "occupation", "vacancy", "opening", "headline", "name", "text",
    ),
    "company": (
        "company", "company name", "employer", "employer name", "company display name", "hiring organization name",
        "hiring organization", "hiring company", "organization name", "organisation name", "organization",
        "organisation", "employer label", "company label", "company title", "business name", "firm", "agency",
        "company slug",
    ),
    "description": (
        "description plain", "description text", "description body plain", "job description", "description",
        "job description text", "job description plain", "full description", "job full description",
        "description html", "job description html", "description body", "posting description", "content",
        "job content", "body", "job details", "details", "job text", "text", "job summary", "summary",
        "requirements", "job requirements", "responsibilities", "snippet", "job desc", "excerpt", "job excerpt",
    ),
    "location": (
        "location", "location raw", "locations", "job location", "job locations", "location name",
        "location display name", "location text", "formatted location", "candidate required location",
        "work location", "place", "job geo", "geo", "location city", "city", "job city", "city state",
        "location restrictions", "job location address", "job location address address locality",
        "categories location", "locality", "address", "region", "location country", "country",
        "job country",
    ),
    "url": (
        "url", "job url", "absolute url", "hosted url", "posting url", "job posting url", "canonical url",
        "job link", "posting link", "job page url", "page url", "link", "listing url", "vacancy url",
        "redirect url", "apply url", "apply link", "job apply link", "application url", "application link",
        "application apply url", "job url direct", "external url", "source url", "permalink", "href", "uri",
    ),
    "salary_min": (
        "salary min orig", "salary min original", "salary min", "min salary", "job min salary", "salary minimum",
        "minimum salary", "salary from", "from salary", "salary lower", "salary low", "lower salary",
        "salary range min", "salary range from", "salary range minimum", "base salary min value",
        "base salary value min value", "base salary min", "compensation min", "min compensation", "min amount",
        "pay min", "min pay", "pay from", "wage min", "min wage", "annual salary min", "yearly min compensation",
        "salary min usd", "min salary usd", "salary min eur", "salary min gbp",
    ),
    "salary_max": (
        "salary max orig", "salary max original", "salary max", "max salary", "job max salary", "salary maximum",
        "maximum salary", "salary to", "to salary", "salary upper", "salary high", "upper salary",
        "salary range max", "salary range to", "salary range maximum", "base salary max value",
        "base salary value max value", "base salary max", "compensation max", "max compensation", "max amount",
        "pay max", "max pay", "pay to", "wage max", "max wage", "annual salary max", "yearly max compensation",
        "salary max usd", "max salary usd", "salary max eur", "salary max gbp",
    ),
    "salary_currency": (
        "currency original", "salary currency original", "salary currency orig", "currency orig",
        "salary currency", "currency", "currency code", "salary currency code", "job salary currency",
        "salary range currency", "base salary currency", "compensation currency", "pay currency",
    ),
    "salary_period": (
        "salary interval orig", "salary interval original", "salary period", "salary interval", "pay period",
        "job salary period", "salary unit", "salary type", "salary frequency", "salary range interval",
        "base salary value unit text", "base salary unit text", "compensation interval", "compensation period",
        "pay interval", "pay frequency", "interval", "wage period", "rate type",
    ),
    "salary_text": (
        "salary text", "salary estimate", "salary range", "salary raw", "salary string", "salary", "salaries",
        "salary offered", "salary info", "salary description", "salary display", "compensation tier summary",
        "compensation compensation tier summary", "compensation", "compensation text", "compensation range",
        "pay range", "pay rate", "pay", "remuneration", "wage", "wages", "stipend", "base salary", "ctc",
    ),
    "posted_at": (
        "published at", "date posted", "posted at", "posted date", "posting date", "post date", "date published",
        "published date", "publication date", "published", "published on", "first published", "pub date",
        "posted on", "job posted at datetime utc", "job posted at timestamp", "job posted at",
        "original listed time", "listed time", "listed at", "date listed", "posted time", "posted", "posting time",
        "post time",
        "created at", "created", "created on", "date created", "creation date", "date added", "added at", "epoch",
        "timestamp", "date", "job date", "age", "posted ago", "first seen", "first seen at", "scraped at",
        "date scraped", "crawl timestamp", "crawled at",
    ),
    "external_id": (
        "job uid", "external id", "job id", "posting id", "job posting id", "uid", "uuid", "guid", "id", "uniq id",
        "unique id", "requisition id", "requisition", "req id", "requisition number", "vacancy id",
        "listing id", "advert id", "ad id", "reference", "ref", "job reference", "identifier value", "identifier",
        "job key", "slug", "job slug", "key",
    ),
    "workplace": (
        "workplace type", "workplace", "work mode", "work model", "work arrangement", "remote type",
        "remote status", "location type", "job location type", "work location type", "work place type",
        "is remote", "job is remote", "remote", "remote allowed", "work from home", "telecommuting", "wfh",
    ),
    "employment_type": (
        "employment type", "job employment type", "job type", "job types", "employment types", "contract type",
        "formatted work type", "work type", "employment", "categories commitment", "commitment",
        "contract time", "employment status", "position type", "schedule", "schedule type", "job schedule",
        "work schedule", "time type", "job time", "employment type job status", "contract", "type",
    ),
    "board": (
        "board", "job board", "source", "site", "site name", "job source", "source name", "platform", "portal",
        "job publisher", "publisher", "via", "provider", "origin", "website",
    ),
    "industry": (
        "industry", "job industry", "company industry", "industries", "industry name", "employer industry",
        "sector", "company sector", "sectors", "category label", "category", "job category", "categories",
        "category name", "job categories", "categories department", "department", "job department", "function",
        "job function", "categories team", "team", "field",
    ),
}  # fmt: skip

#: A column none of whose known names fits is still taken for a field where its name holds these words in a row.
WORDS_IN_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "position", "job name"),
    "company": ("company", "employer"),
    "description": ("description",),
    "location": ("location",),
    "url": ("url", "link"),
    "salary_text": ("salary", "compensation", "pay"),
    "posted_at": ("posted", "published", "posting date"),
    "employment_type": ("employment type", "job type", "contract type"),
    "workplace": ("remote", "workplace"),
    "industry": ("industry",),
}

#: A column with one of these words in its name tells of something else than the posting it stands beside.
NEVER_WORDS = frozenset((
    "logo", "logos", "image", "images", "photo", "avatar", "icon", "thumbnail", "hq", "headquarters",
    "headquarter", "rating", "ratings", "review", "reviews", "score", "rank", "size", "founded", "revenue",
    "competitors", "competitor", "ownership", "email", "phone", "contact", "recruiter", "ceo", "followers",
    "expiry", "expires", "expiration", "expired", "deadline", "closed", "closing", "valid", "updated", "modified",
))  # fmt: skip

#: A vague look takes a name that speaks of the company for nothing but its name, and only if it says no more.
COMPANY_WORDS = frozenset(("company", "employer", "organization", "organisation"))
BESIDE_COMPANY = frozenset((
    "name", "title", "text", "raw", "full", "legal", "display", "hiring", "client", "parent", "job", "posting",
    "the", "of",
))  # fmt: skip
