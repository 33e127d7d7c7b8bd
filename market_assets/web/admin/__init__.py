"""The scheduler's admin REST API: steering the jobs, watching them, and the audit log."""
