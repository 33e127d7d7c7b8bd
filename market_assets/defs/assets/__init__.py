"""The assets and their checks: each reads, calls one function of `compute`, writes, and reports metadata."""
