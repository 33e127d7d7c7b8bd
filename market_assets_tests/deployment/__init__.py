"""Containers, workers and whoever deploys them: verified without a container engine."""
