"""The page `/api/docs`: the OpenAPI document for people, served from this process alone."""
