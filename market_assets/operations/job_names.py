"""Names of the jobs that come with the program: their ids in the REST API and on the command line."""

INGESTION = "daily_sample_ingestion"
REFRESH = "refresh_market_stats"
CLEANUP = "cleanup_old_data"
REBUILD = "rebuild_skill_relationships"
PRUNE = "prune_history"
