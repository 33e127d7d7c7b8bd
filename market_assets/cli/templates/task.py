"""Example Task: its purpose in one line.

Files of scheduled tasks are in market_assets/custom/ or in the folder of MARKET_ASSETS_CUSTOM_DIR. They are loaded
at the next start, or with "Reload" of the code location in Dagster's UI, and may contain several tasks. A file
whose name begins with an underscore contains none, and can be shared: `from ._shared import …`.
"""

from __future__ import annotations

import dagster as dg

from market_assets.tasks import scheduled_job


# The id is the name of the job in Dagster's UI, in the REST API and on the command line. The schedule is one of
#   minutes=45, hours=5, days=3     an interval of any length, counted from 1970-01-01 00:00 UTC
#   cron="0 6 * * 1-5"              by a cron expression, in UTC: here at 06:00 from Monday to Friday
@scheduled_job("example_task", hours=1)
def example_task(context: dg.OpExecutionContext) -> dict[str, object]:
    """Counts the postings in the store."""
    # The argument is Dagster's context; leave it out if you don't need it. The function may be `async`.
    # The market database: `reading` never waits; `ingesting` and `alone` wait for other writers.
    with context.resources.store.reading() as connection:
        postings = connection.scalar("SELECT count(*) FROM job_postings")
    context.log.info(f"{postings} postings")

    # An exception fails the run, and so does this; both are shown, logged and alerted with the text:
    if postings < 0:
        return {"success": False, "error": f"there can't be {postings} postings"}
    # Transient failures (a timeout, a locked database) are retried; bugs and refusals are not.

    # A dict is shown with the run in the UI.
    return {"success": True, "postings": postings}
