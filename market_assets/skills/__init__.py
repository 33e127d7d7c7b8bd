"""Skills: the taxonomy, and the extraction of weighted skills from texts."""
