"""Backups: one zip file with a manifest, checked after it is written and before it is restored."""
