"""Alerts: incidents are detected, logged, and announced once when they begin and once when they are over."""
