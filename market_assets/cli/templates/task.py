"""Example Task: what it is for, in a line.

A file of scheduled tasks lies in market_assets/custom/ or in the folder that MARKET_ASSETS_CUSTOM_DIR names, and
counts from the next start, or from "Reload" of the code location in Dagster's UI. It may hold several tasks. One
whose name begins with an underscore holds none, and can be shared: `from ._shared import …`.
"""

from __future__ import annotations

import dagster as dg

from market_assets.tasks import scheduled_job


# The id is the name of the job in Dagster's UI, in the REST API and on the command line. Say one of
#   minutes=45, hours=5, days=3     every so often, counted from 1970-01-01 00:00 UTC, whatever cron can say
#   cron="0 6 * * 1-5"              by a cron expression, in UTC: here at 06:00 from Monday to Friday
@scheduled_job("example_task", hours=1)
def example_task(context: dg.OpExecutionContext) -> dict[str, object]:
    """Counts the postings in the store."""
    # The argument is Dagster's context; leave it out if you don't need it. The function may be `async`.
    # The market database: `reading` waits for nobody; `ingesting` and `alone` wait for other writers.
    with context.resources.store.reading() as connection:
        postings = connection.scalar("SELECT count(*) FROM job_postings")
    context.log.info(f"{postings} postings")

    # An exception fails the run, and so does this; both are shown, logged and alerted with the text:
    if postings < 0:
        return {"success": False, "error": f"there can't be {postings} postings"}
    # What passes by itself (a timeout, a locked database) is tried again; a bug or a refusal is not.

    # A dict is shown with the run in the UI.
    return {"success": True, "postings": postings}
