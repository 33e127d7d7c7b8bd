"""How good the results are, beside what people use today; each script prints its own table."""
