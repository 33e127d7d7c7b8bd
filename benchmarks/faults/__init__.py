"""The long forms of the fault tests."""
