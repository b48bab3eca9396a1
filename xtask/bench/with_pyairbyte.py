"""The tasks of `cargo xtask bench` with PyAirbyte: first | list | find NAME | syncs COUNT."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from airbyte import cloud


def main() -> None:
    workspace = cloud.CloudWorkspace(
        workspace_id=os.environ["AIRBYTE_WORKSPACE_ID"],
        client_id=os.environ["AIRBYTE_CLIENT_ID"],
        client_secret=os.environ["AIRBYTE_CLIENT_SECRET"],
        api_root=os.environ["AIRBYTE_API_URL"],
    )
    match sys.argv[1:]:
        case ["first"]:
            # It reads the workspace and prints its address.
            workspace.connect()
        case ["list"]:
            print(len(workspace.list_connections()))
        case ["find", name]:
            print(len(workspace.list_connections(name=name)))
        case ["syncs", count]:
            connections = workspace.list_connections(limit=int(count))
            with ThreadPoolExecutor(max_workers=len(connections)) as pool:
                # It waits, and raises if the sync fails.
                results = list(pool.map(lambda connection: connection.run_sync(), connections))
            print(len(results))


main()
