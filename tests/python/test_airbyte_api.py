"""Airbyte's own client for Python creates, reads, changes and deletes one object of each kind, and runs a job.

The same file for both of its generations: 0.x is made of dataclasses, 1.x of Pydantic models.
"""

import asyncio
import importlib.metadata
import json
import os
import time

import pytest
from airbyte_api import AirbyteAPI, api, errors, models

import playground
from playground import ORGANIZATION, WORKSPACE, unused

ROOT = playground.ROOT
IS_OLD = importlib.metadata.version("airbyte-api").startswith("0.")
ENDS = (models.JobStatusEnum.SUCCEEDED, models.JobStatusEnum.FAILED, models.JobStatusEnum.CANCELLED)
NOBODY = "6c3d5d0e-0000-4000-8000-00000000dead"


@pytest.fixture(scope="module")
def airbyte() -> AirbyteAPI:
    credentials = models.SchemeClientCredentials(
        client_id=os.environ["AIRBYTE_CLIENT_ID"],
        client_secret=os.environ["AIRBYTE_CLIENT_SECRET"],
        token_url=f"{ROOT}/applications/token",
    )
    return AirbyteAPI(server_url=ROOT, security=models.Security(client_credentials=credentials))


def refused(status: int):
    """The client's error of this status."""
    return pytest.raises(errors.SDKError, match=str(status))


def is_gone(call, request) -> None:
    with refused(404):
        call(request=request)


def faker(count: int):
    return models.SourceFaker(count=count, seed=1)


def test_wrong_secret():
    credentials = models.SchemeClientCredentials(
        client_id=os.environ["AIRBYTE_CLIENT_ID"],
        client_secret="wrong",
        token_url=f"{ROOT}/applications/token",
    )
    wrong = AirbyteAPI(server_url=ROOT, security=models.Security(client_credentials=credentials))
    with pytest.raises(Exception):
        wrong.organizations.list_organizations_for_user()


def test_health(airbyte):
    assert airbyte.health.get_health_check().status_code == 200


def test_organizations_and_users(airbyte):
    organizations = airbyte.organizations.list_organizations_for_user().organizations_response.data
    assert ORGANIZATION in [one.organization_id for one in organizations]
    user = playground.user()
    request = api.ListUsersWithinAnOrganizationRequest(organization_id=ORGANIZATION, ids=[user])
    users = airbyte.users.list_users_within_an_organization(request=request).users_response.data
    assert [one.id for one in users] == [user]


def test_workspaces(airbyte):
    name = unused("workspace")
    create = models.WorkspaceCreateRequest(name=name)
    made = airbyte.workspaces.create_workspace(request=create).workspace_response
    assert made.name == name
    get = api.GetWorkspaceRequest(workspace_id=made.workspace_id)
    assert airbyte.workspaces.get_workspace(request=get).workspace_response.data_residency == "auto"

    update = api.UpdateWorkspaceRequest(
        workspace_id=made.workspace_id,
        workspace_update_request=models.WorkspaceUpdateRequest(name=f"{name} renamed"),
    )
    assert airbyte.workspaces.update_workspace(request=update).workspace_response.name == f"{name} renamed"
    listing = api.ListWorkspacesRequest(workspace_ids=[WORKSPACE, made.workspace_id])
    listed = airbyte.workspaces.list_workspaces(request=listing).workspaces_response.data
    assert {one.workspace_id for one in listed} == {WORKSPACE, made.workspace_id}

    delete = api.DeleteWorkspaceRequest(workspace_id=made.workspace_id)
    assert airbyte.workspaces.delete_workspace(request=delete).status_code == 204
    is_gone(airbyte.workspaces.get_workspace, get)


def test_sources(airbyte):
    name = unused("source")
    create = models.SourceCreateRequest(name=name, workspace_id=WORKSPACE, configuration=faker(10))
    made = airbyte.sources.create_source(request=create).source_response
    assert (made.name, made.source_type, made.workspace_id) == (name, "faker", WORKSPACE)
    get = api.GetSourceRequest(source_id=made.source_id)

    patch = api.PatchSourceRequest(
        source_id=made.source_id, source_patch_request=models.SourcePatchRequest(name=f"{name} renamed")
    )
    assert airbyte.sources.patch_source(request=patch).source_response.name == f"{name} renamed"
    put = api.PutSourceRequest(
        source_id=made.source_id,
        source_put_request=models.SourcePutRequest(name=name, configuration=faker(20)),
    )
    assert airbyte.sources.put_source(request=put).source_response.name == name
    assert playground.call("GET", f"/sources/{made.source_id}")["configuration"]["count"] == 20
    assert airbyte.sources.get_source(request=get).source_response.source_id == made.source_id

    streams = airbyte.streams.get_stream_properties(
        request=api.GetStreamPropertiesRequest(source_id=made.source_id)
    ).stream_properties_response
    assert {stream.stream_name for stream in streams} == {"users", "products", "purchases"}

    listed = every(
        lambda offset: airbyte.sources.list_sources(
            request=api.ListSourcesRequest(workspace_ids=[WORKSPACE], limit=2, offset=offset)
        ).sources_response.data
    )
    assert made.source_id in [one.source_id for one in listed]
    delete = api.DeleteSourceRequest(source_id=made.source_id)
    assert airbyte.sources.delete_source(request=delete).status_code == 204
    with refused(404):
        airbyte.sources.get_source(request=api.GetSourceRequest(source_id=NOBODY))


def every(page) -> list:
    """All pages, the way users of a client without a pager do it."""
    found = []
    while part := page(len(found)):
        found += part
    return found


def destination(call, request) -> dict:
    """The destination of an answer.

    The newer client looks for the connector's type inside of the configuration. The server has taken it out of
    there, so the client cannot read the answer, and says so after everything was done.
    """
    if IS_OLD:
        return call(request=request).raw_response.json()
    with pytest.raises(errors.ResponseValidationError) as raised:
        call(request=request)
    return json.loads(raised.value.body)


def test_destinations(airbyte):
    calls = airbyte.destinations
    name = unused("destination")
    configuration = models.DestinationDuckdb(destination_path="/local/a.duckdb")
    create = models.DestinationCreateRequest(name=name, workspace_id=WORKSPACE, configuration=configuration)
    made = destination(calls.create_destination, create)
    assert (made["name"], made["destinationType"]) == (name, "duckdb")
    one = {"destination_id": made["destinationId"]}

    rename = models.DestinationPatchRequest(name=f"{name} renamed")
    patch = api.PatchDestinationRequest(**one, destination_patch_request=rename)
    assert destination(calls.patch_destination, patch)["name"] == f"{name} renamed"
    configuration = models.DestinationDuckdb(destination_path="/local/b.duckdb")
    replace = models.DestinationPutRequest(name=name, configuration=configuration)
    put = api.PutDestinationRequest(**one, destination_put_request=replace)
    assert destination(calls.put_destination, put)["name"] == name
    got = destination(calls.get_destination, api.GetDestinationRequest(**one))
    assert got["configuration"]["destination_path"] == "/local/b.duckdb"
    assert calls.delete_destination(request=api.DeleteDestinationRequest(**one)).status_code == 204


def streams(*names: str):
    kind = models.StreamConfigurationsInput if IS_OLD else models.StreamConfigurations
    mode = models.ConnectionSyncModeEnum.FULL_REFRESH_OVERWRITE
    return kind(streams=[models.StreamConfiguration(name=name, sync_mode=mode) for name in names])


def test_connections_and_tags(airbyte):
    create = models.TagCreateRequest(name=unused("tag"), color="00AAff", workspace_id=WORKSPACE)
    tag = airbyte.tags.create_tag(request=create).tag_response
    get_tag = api.GetTagRequest(tag_id=tag.tag_id)
    assert airbyte.tags.get_tag(request=get_tag).tag_response.color == "00AAff"
    update = api.UpdateTagRequest(
        tag_id=tag.tag_id, tag_patch_request=models.TagPatchRequest(name=tag.name, color="123456")
    )
    tag = airbyte.tags.update_tag(request=update).tag_response
    listed = airbyte.tags.list_tags(request=api.ListTagsRequest(workspace_ids=[WORKSPACE])).tags_response.data
    assert tag in listed

    name = unused("connection")
    made = airbyte.connections.create_connection(
        request=models.ConnectionCreateRequest(
            name=name,
            source_id=playground.source(),
            destination_id=playground.destination(),
            configurations=streams("users"),
            schedule=models.AirbyteAPIConnectionSchedule(
                schedule_type=models.ScheduleTypeEnum.CRON, cron_expression="0 0 12 * * ?"
            ),
            tags=[
                models.Tag(name=tag.name, color=tag.color, tag_id=tag.tag_id, workspace_id=tag.workspace_id)
            ],
        )
    ).connection_response
    assert made.name == name
    assert [stream.name for stream in made.configurations.streams] == ["users"]
    assert made.schedule.cron_expression == "0 0 12 * * ? UTC"

    tagged = api.ListConnectionsRequest(workspace_ids=[WORKSPACE], tag_ids=[tag.tag_id])
    tagged = airbyte.connections.list_connections(request=tagged).connections_response.data
    assert [one.connection_id for one in tagged] == [made.connection_id]

    patch = api.PatchConnectionRequest(
        connection_id=made.connection_id,
        connection_patch_request=models.ConnectionPatchRequest(
            prefix="p_",
            status=models.ConnectionStatusEnum.INACTIVE,
            configurations=streams("users", "products"),
            schedule=models.AirbyteAPIConnectionSchedule(schedule_type=models.ScheduleTypeEnum.MANUAL),
        ),
    )
    airbyte.connections.patch_connection(request=patch)
    get = api.GetConnectionRequest(connection_id=made.connection_id)
    got = airbyte.connections.get_connection(request=get).connection_response
    assert (got.prefix, got.status) == ("p_", models.ConnectionStatusEnum.INACTIVE)
    assert len(got.configurations.streams) == 2
    with refused(409):
        airbyte.jobs.create_job(request=sync(made.connection_id))

    assert airbyte.tags.delete_tag(request=api.DeleteTagRequest(tag_id=tag.tag_id)).status_code == 204
    is_gone(airbyte.tags.get_tag, get_tag)
    assert not airbyte.connections.get_connection(request=get).connection_response.tags
    delete = api.DeleteConnectionRequest(connection_id=made.connection_id)
    assert airbyte.connections.delete_connection(request=delete).status_code == 204
    got = airbyte.connections.get_connection(request=get).connection_response
    assert got.status == models.ConnectionStatusEnum.DEPRECATED


def sync(connection_id: str):
    return models.JobCreateRequest(connection_id=connection_id, job_type=models.JobTypeEnum.SYNC)


def test_jobs(airbyte):
    connection = playground.connection()
    job = airbyte.jobs.create_job(request=sync(connection)).job_response
    begun = time.monotonic()
    while job.status not in ENDS:
        assert time.monotonic() - begun < 30
        time.sleep(0.02)
        job = airbyte.jobs.get_job(request=api.GetJobRequest(job_id=job.job_id)).job_response
    assert job.status == models.JobStatusEnum.SUCCEEDED
    assert job.rows_synced == 10
    assert job.bytes_synced > 0
    listing = api.ListJobsRequest(connection_id=connection, job_type=models.JobTypeEnum.SYNC, limit=10)
    listed = airbyte.jobs.list_jobs(request=listing).jobs_response.data
    assert [one.job_id for one in listed] == [job.job_id]

    cancel = api.CancelJobRequest(job_id=playground.job())
    cancelled = airbyte.jobs.cancel_job(request=cancel).job_response
    assert cancelled.status == models.JobStatusEnum.CANCELLED
    with refused(409):
        airbyte.jobs.get_job(request=api.GetJobRequest(job_id=99999999))


@pytest.mark.skipif(IS_OLD, reason="the old client has no calls that can be awaited")
def test_many_at_once(airbyte):
    async def run(connection: str):
        job = (await airbyte.jobs.create_job_async(request=sync(connection))).job_response
        while job.status not in ENDS:
            await asyncio.sleep(0.05)
            job = (await airbyte.jobs.get_job_async(request=api.GetJobRequest(job_id=job.job_id))).job_response
        return job.status

    async def all_of():
        return await asyncio.gather(*(run(playground.connection()) for _ in range(20)))

    assert asyncio.run(all_of()) == [models.JobStatusEnum.SUCCEEDED] * 20


def test_permissions(airbyte):
    user = playground.user()
    create = models.PermissionCreateRequest(
        user_id=user, workspace_id=WORKSPACE, permission_type=models.PublicPermissionType.WORKSPACE_READER
    )
    made = airbyte.permissions.create_permission(request=create).permission_response
    again = airbyte.permissions.create_permission(request=create).permission_response
    assert again.permission_id == made.permission_id
    update = api.UpdatePermissionRequest(
        permission_id=made.permission_id,
        permission_update_request=models.PermissionUpdateRequest(
            permission_type=models.PermissionType.WORKSPACE_EDITOR
        ),
    )
    airbyte.permissions.update_permission(request=update)
    get = api.GetPermissionRequest(permission_id=made.permission_id)
    got = airbyte.permissions.get_permission(request=get).permission_response
    assert got.permission_type == models.PermissionType.WORKSPACE_EDITOR
    listing = api.ListPermissionsRequest(user_id=user, organization_id=ORGANIZATION)
    listed = airbyte.permissions.list_permissions(request=listing).permissions_response.data
    assert (made.permission_id, WORKSPACE) in [(one.permission_id, one.scope_id) for one in listed]
    delete = api.DeletePermissionRequest(permission_id=made.permission_id)
    assert airbyte.permissions.delete_permission(request=delete).status_code == 204
    listed = airbyte.permissions.list_permissions(request=listing).permissions_response.data
    assert made.permission_id not in [one.permission_id for one in listed]


@pytest.mark.parametrize("kind", ["source", "destination"])
def test_definitions(airbyte, kind):
    calls = getattr(airbyte, f"{kind}_definitions")

    def do(verb: str, **arguments):
        plural = "s" if verb == "list" else ""
        request = getattr(api, f"{verb.title()}{kind.title()}Definition{plural}Request")
        call = getattr(calls, f"{verb}_{kind}_definition{plural}")
        response = call(request=request(workspace_id=WORKSPACE, **arguments))
        return getattr(response, f"definition{plural}_response")

    name = unused("image")
    create = models.CreateDefinitionRequest(
        name=name, docker_repository="example/image", docker_image_tag="1.0.0"
    )
    made = do("create", create_definition_request=create)
    assert made.name == name
    update = models.UpdateDefinitionRequest(name=name, docker_image_tag="1.1.0")
    do("update", update_definition_request=update, definition_id=made.id)
    assert do("get", definition_id=made.id).docker_image_tag == "1.1.0"
    assert made.id in [one.id for one in do("list").data]
    assert do("delete", definition_id=made.id).id == made.id
    with refused(404):
        do("get", definition_id=made.id)


def test_declarative_definitions(airbyte):
    calls = airbyte.declarative_source_definitions
    name = unused("manifest")
    create = models.CreateDeclarativeSourceDefinitionRequest(name=name, manifest=playground.MANIFEST)
    made = calls.create_declarative_source_definition(
        request=api.CreateDeclarativeSourceDefinitionRequest(
            workspace_id=WORKSPACE, create_declarative_source_definition_request=create
        )
    ).declarative_source_definition_response
    assert (made.name, made.version, made.manifest) == (name, 1, playground.MANIFEST)
    changed = {**playground.MANIFEST, "version": "6.1.0"}
    update = api.UpdateDeclarativeSourceDefinitionRequest(
        workspace_id=WORKSPACE,
        definition_id=made.id,
        update_declarative_source_definition_request=models.UpdateDeclarativeSourceDefinitionRequest(
            manifest=changed
        ),
    )
    calls.update_declarative_source_definition(request=update)
    one = {"workspace_id": WORKSPACE, "definition_id": made.id}
    get = api.GetDeclarativeSourceDefinitionRequest(**one)
    got = calls.get_declarative_source_definition(request=get).declarative_source_definition_response
    assert (got.version, got.manifest) == (2, changed)
    listing = api.ListDeclarativeSourceDefinitionsRequest(workspace_id=WORKSPACE)
    listed = calls.list_declarative_source_definitions(request=listing)
    assert made.id in [one.id for one in listed.declarative_source_definitions_response.data]
    delete = api.DeleteDeclarativeSourceDefinitionRequest(**one)
    calls.delete_declarative_source_definition(request=delete)
    is_gone(calls.get_declarative_source_definition, get)


def test_a_configuration_that_does_not_fit_is_refused(airbyte):
    broken = {"name": "x", "workspaceId": WORKSPACE, "configuration": {"sourceType": "file"}}
    with pytest.raises(Exception, match="422"):
        playground.call("POST", "/sources", broken)
