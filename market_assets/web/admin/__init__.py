"""The admin REST API: control of the scheduler and its jobs, alerts, and the audit log."""
