"""Your own tasks, assets and other definitions, a file each or several in one: docs/own_assets.md and tasks.md."""
