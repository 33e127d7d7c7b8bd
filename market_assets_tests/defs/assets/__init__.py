"""Tests of defs/assets."""
