"""Who may do what: sign-in, tokens, roles, limits, and the guard in front of everything."""
