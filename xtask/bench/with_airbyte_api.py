"""The tasks of `cargo xtask bench` with Airbyte's own Python client: first | list | find NAME | syncs COUNT.

It has no call for a whole list and none for waiting, so both are written here, as its users have to.
"""

import asyncio
import os
import sys

from airbyte_api import AirbyteAPI, api, models

PAGE = 100
# PyAirbyte's pause is 2 seconds; a shorter one is kinder to this client.
PAUSE = 0.5

WORKSPACE = os.environ["AIRBYTE_WORKSPACE_ID"]
ENDS = (models.JobStatusEnum.SUCCEEDED, models.JobStatusEnum.FAILED, models.JobStatusEnum.CANCELLED)


def client() -> AirbyteAPI:
    root = os.environ["AIRBYTE_API_URL"]
    credentials = models.SchemeClientCredentials(
        client_id=os.environ["AIRBYTE_CLIENT_ID"],
        client_secret=os.environ["AIRBYTE_CLIENT_SECRET"],
        token_url=f"{root}/applications/token",
    )
    return AirbyteAPI(server_url=root, security=models.Security(client_credentials=credentials))


def connections(airbyte: AirbyteAPI) -> list:
    found = []
    while True:
        request = api.ListConnectionsRequest(workspace_ids=[WORKSPACE], limit=PAGE, offset=len(found))
        page = airbyte.connections.list_connections(request=request).connections_response.data
        found += page
        if len(page) < PAGE:
            return found


async def sync(airbyte: AirbyteAPI, connection_id: str) -> bool:
    request = models.JobCreateRequest(connection_id=connection_id, job_type=models.JobTypeEnum.SYNC)
    job = (await airbyte.jobs.create_job_async(request=request)).job_response
    while job.status not in ENDS:
        await asyncio.sleep(PAUSE)
        request = api.GetJobRequest(job_id=job.job_id)
        job = (await airbyte.jobs.get_job_async(request=request)).job_response
    return job.status == models.JobStatusEnum.SUCCEEDED


async def syncs(airbyte: AirbyteAPI, count: int) -> int:
    request = api.ListConnectionsRequest(workspace_ids=[WORKSPACE], limit=count)
    page = airbyte.connections.list_connections(request=request).connections_response.data
    return sum(await asyncio.gather(*(sync(airbyte, one.connection_id) for one in page)))


def main() -> None:
    airbyte = client()
    match sys.argv[1:]:
        case ["first"]:
            request = api.GetWorkspaceRequest(workspace_id=WORKSPACE)
            print(airbyte.workspaces.get_workspace(request=request).workspace_response.workspace_id)
        case ["list"]:
            print(len(connections(airbyte)))
        case ["find", name]:
            print(len([one for one in connections(airbyte) if one.name == name]))
        case ["syncs", count]:
            print(asyncio.run(syncs(airbyte, int(count))))


main()
