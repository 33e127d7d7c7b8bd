"""Your own tasks, assets and other definitions, in a file each or together: docs/own_assets.md, docs/tasks.md."""
