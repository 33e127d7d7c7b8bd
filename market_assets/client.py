"""A client of the market API, for programs in Python: `docs/api.md` shows it.

with Client("http://127.0.0.1:3000", token="mapat_…") as client:
    print(client.send(salaries(skill="Kubernetes", country="DE"))["salaries"])
    for row in client.rows(skills(seniority="senior", sort="-median_salary")):
        print(row["skill"], row["median_salary"])
"""

from market_assets.api_client.calls import (
    Call as Call,
)
from market_assets.api_client.calls import (
    ListCall as ListCall,
)
from market_assets.api_client.calls import (
    categories as categories,
)
from market_assets.api_client.calls import (
    communities as communities,
)
from market_assets.api_client.calls import (
    companies as companies,
)
from market_assets.api_client.calls import (
    coverage as coverage,
)
from market_assets.api_client.calls import (
    employment_salaries as employment_salaries,
)
from market_assets.api_client.calls import (
    history as history,
)
from market_assets.api_client.calls import (
    industries as industries,
)
from market_assets.api_client.calls import (
    industry_skills as industry_skills,
)
from market_assets.api_client.calls import (
    locations as locations,
)
from market_assets.api_client.calls import (
    occupation as occupation,
)
from market_assets.api_client.calls import (
    occupation_skills as occupation_skills,
)
from market_assets.api_client.calls import (
    occupations as occupations,
)
from market_assets.api_client.calls import (
    recommend as recommend,
)
from market_assets.api_client.calls import (
    recommendations as recommendations,
)
from market_assets.api_client.calls import (
    related as related,
)
from market_assets.api_client.calls import (
    salaries as salaries,
)
from market_assets.api_client.calls import (
    skill as skill,
)
from market_assets.api_client.calls import (
    skill_gap as skill_gap,
)
from market_assets.api_client.calls import (
    skills as skills,
)
from market_assets.api_client.calls import (
    summary as summary,
)
from market_assets.api_client.calls import (
    trend as trend,
)
from market_assets.api_client.calls import (
    trending as trending,
)
from market_assets.api_client.sending import AsyncClient as AsyncClient
from market_assets.api_client.sending import Client as Client
from market_assets.api_client.sending import MarketError as MarketError
