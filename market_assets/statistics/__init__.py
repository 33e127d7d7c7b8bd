"""Which skills and categories belong together: every relationship table, from `statistics.window.Window`."""
