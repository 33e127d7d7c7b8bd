"""What postings are read with: skills, countries and currencies, as data files and what loads them."""
