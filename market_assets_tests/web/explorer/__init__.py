"""Tests of the pages under `/market`."""
