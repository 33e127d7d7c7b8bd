"""The pages of the market, under `/market`: skills, places, industries, companies, comparisons, the skill map."""
