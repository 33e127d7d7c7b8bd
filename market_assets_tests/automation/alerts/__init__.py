"""Tests of alerts: what is found, who is told, and that they are told."""
