"""The assets and their checks: each reads, calls one function of a domain room, writes, and reports metadata."""
