"""Job boards, a file each."""
