"""The comments of columns that mean the same in every table; where one means more, its table says so itself."""

_PAY = "in MARKET_ASSETS_CURRENCY a year"
_PUBLISHED = f"{_PAY}; null below MARKET_ASSETS_MIN_SAMPLE postings with pay"

COMMENTS = {
    # Postings
    "posting_id": "Number of the posting in this database, given when it is first seen.",
    "source": "Source that gave the posting, or the board that it is from.",
    "external_id": "Name of the posting at its source: the stated one, else its URL, else a hash of its content.",
    "company": "Employer, as stated.",
    "location": "'City, CC' where the city is known ('City, OR, US' in US, CA, AU), else the cleaned text.",
    "country": "Country of the job, ISO 3166-1.",
    "workplace": "Where the work is done.",
    "employment_type": "Form of employment.",
    "industry": "Industry, each under one name.",
    "seniority": "Whom the job is for, as far as the posting says.",
    "occupation": "Occupation: a unit group of ISCO-08, or a finer one of ESCO.",
    "language": "Language of the description, ISO 639-1.",
    "salary_min": "Least pay as stated, in salary_currency for salary_period.",
    "salary_max": "Most pay as stated, in salary_currency for salary_period.",
    "annual_salary_min": f"Least pay, {_PAY}.",
    "annual_salary_max": f"Most pay, {_PAY}.",
    "posted_at": "When it was posted, as stated, else when it was first seen.",
    "partition_date": "Oldest daily partition that saw the posting.",
    "duplicate_of": "posting_id of the original of the same job; null where the posting is the original.",
    # Statistics
    "skill": "Skill, as the taxonomy calls it.",
    "category": "Category of the skill in the taxonomy.",
    "month": "Month of posting, YYYY-MM.",
    "postings": "Counted postings that ask for the skill.",
    "demand_share": "postings ÷ all counted postings, or those of the row's industry.",
    "mentions_only": "Further postings that mention the skill without asking for it.",
    "postings_with_salary": "Those of the postings that state believable pay.",
    "countries": "Known countries that the salaries are from; above 1 the figures mix them.",
    "average_salary": f"Mean salary, {_PUBLISHED}.",
    "median_salary": f"Median salary, {_PUBLISHED}.",
    "median_lower": "Lower end of the 95 % interval of the median.",
    "median_upper": "Upper end of the 95 % interval of the median.",
    "min_salary": f"Lowest salary, {_PAY}.",
    "max_salary": f"Highest salary, {_PAY}.",
    **{f"p{percent}": f"{percent}th percentile of salaries, {_PUBLISHED}." for percent in (10, 25, 75, 90)},
    "rank": "1 for the most postings; ties by name.",
    "recommended_skill": "Skill that is recommended beside it.",
    # Relationships
    "skill_a": "First skill of the pair; before skill_b in the alphabet.",
    "skill_b": "Second skill of the pair.",
    "co_occurrences": "Counted postings that ask for both.",
    "strength": "npmi in a word: below 0.05, 0.15, 0.3, 0.5, and from there on.",
    "npmi_lower": "npmi at the lower end of the 99.9 % interval of the postings with both.",
}
