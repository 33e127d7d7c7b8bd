"""Access: sign-in, tokens, roles, limits, and the guard in front of everything."""
