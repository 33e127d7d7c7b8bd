"""A client of the market API, for programs in Python: `docs/api.md` shows it.

with Client("http://127.0.0.1:3000", token="mapat_…") as client:
    print(client.send(salaries(skill="Kubernetes", country="DE"))["salaries"])
    for row in client.rows(skills(seniority="senior", sort="-median_salary")):
        print(row["skill"], row["median_salary"])
"""

from market_assets.api_client.calls import (
    Call,
    ListCall,
    categories,
    communities,
    companies,
    coverage,
    employment_salaries,
    history,
    industries,
    industry_skills,
    locations,
    occupation,
    occupation_skills,
    occupations,
    recommend,
    recommendations,
    related,
    salaries,
    skill,
    skill_gap,
    skills,
    summary,
    trend,
    trending,
)
from market_assets.api_client.sending import AsyncClient, Client, MarketError

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "ListCall",
    "MarketError",
    "categories",
    "communities",
    "companies",
    "coverage",
    "employment_salaries",
    "history",
    "industries",
    "industry_skills",
    "locations",
    "occupation",
    "occupation_skills",
    "occupations",
    "recommend",
    "recommendations",
    "related",
    "salaries",
    "skill",
    "skill_gap",
    "skills",
    "summary",
    "trend",
    "trending",
]
