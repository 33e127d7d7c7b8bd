"""Tests of the web process: who may do what, and what it answers."""
