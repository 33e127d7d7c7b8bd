"""Job boards, a class each."""
