"""Salaries: parsing of stated pay, annual amounts and currency conversion."""
