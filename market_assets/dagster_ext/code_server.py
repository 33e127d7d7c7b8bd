"""The code server of `market-assets serve`: Dagster's, which loads the code again in the same process.

Dagster's own `api grpc` can't load it again, and `code-server start` does so with a second process, which takes
74 MiB and a percent of a core from then on. Here a reload reads the configuration and the user's files again; runs
are processes of their own, which import the code when they start, and go on. A new version of the package needs a
new start.
The servicer is not public: `market_assets_tests/web/test_custom_tasks.py` fails if its reloading changes.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any

from dagster._cli.api import grpc_command
from dagster._grpc import server
from dagster._grpc.__generated__.dagster_api_pb2 import ReloadCodeReply
from dagster._utils.error import serializable_error_info_from_exc_info

from market_assets.checked_settings import get_settings


class ReloadingServer(server.DagsterApiServer):
    """Answers the calls of the daemon and the web process."""

    def ReloadCode(self, _request: Any, _context: Any) -> ReloadCodeReply:  # noqa: N802
        """Load the code again; where that fails, the UI shows the error in place of the definitions."""
        with self._reload_lock:
            origin = self._loadable_target_origin
            assert origin is not None
            sys.modules.pop(str(origin.module_name), None)
            get_settings.cache_clear()
            try:
                self._loaded_repositories = server.LoadedRepositories(
                    origin,
                    self._container_image,
                    self._entry_point,
                    self._container_context,
                    code_location_name="market_assets",
                )
                self._serializable_load_error = None
            # What the user's configuration says, or code may do anything when it is imported.
            except (Exception, SystemExit):
                self._loaded_repositories = None
                self._serializable_load_error = serializable_error_info_from_exc_info(sys.exc_info())
            # By it the clients see that there are other definitions.
            self._server_id = str(uuid.uuid4())
        return ReloadCodeReply()


if __name__ == "__main__":
    # Dagster's command makes the server of the class that it finds there.
    server.DagsterApiServer = ReloadingServer  # type: ignore[misc]
    grpc_command()
