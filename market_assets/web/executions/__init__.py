"""The page `/executions`: what ran, when, how long, and what went wrong."""
