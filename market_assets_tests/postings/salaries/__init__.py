"""Tests of the parsing and conversion of pay."""
