"""What one would write first: each does the work of a step of the pipeline, for its result to be compared."""
