"""What must hold after processes were killed: tests that break things on purpose."""
