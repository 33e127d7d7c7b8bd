"""How right the results are, on real postings, beside what people use today; each script prints its own table."""
