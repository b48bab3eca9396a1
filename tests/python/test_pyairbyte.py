"""PyAirbyte drives the sandbox: finds, deploys, syncs, carries states and catalogs round, publishes a source."""

import os
from types import SimpleNamespace

import pytest
from airbyte import cloud, exceptions
from airbyte.cloud.client import CloudClient
from airbyte.cloud.workspaces import CloudWorkspace

import playground
from playground import ORGANIZATION, WORKSPACE, unused

CREDENTIALS = {
    "client_id": os.environ["AIRBYTE_CLIENT_ID"],
    "client_secret": os.environ["AIRBYTE_CLIENT_SECRET"],
    "api_root": playground.ROOT,
    "config_api_root": os.environ["AIRBYTE_CONFIG_API_URL"],
}


@pytest.fixture(scope="module")
def workspace() -> CloudWorkspace:
    return CloudWorkspace(workspace_id=WORKSPACE, **CREDENTIALS)


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """The pause between two looks at a job is made for minutes."""
    monkeypatch.setattr("airbyte.cloud.sync_results.time.sleep", lambda _: None)


def faker(count: int):
    """As much of a connector as deploying needs; a whole one would be installed first."""
    config = {"count": count, "seed": 1}
    return SimpleNamespace(name="source-faker", _hydrated_config=config)


def deploy(workspace: CloudWorkspace, streams=("users", "products")) -> cloud.CloudConnection:
    return workspace.deploy_connection(
        unused("delete-me connection"),
        source=workspace.deploy_source(unused("delete-me source"), faker(30)),
        destination=workspace.deploy_destination(unused("delete-me destination"), playground.sqlite()),
        selected_streams=list(streams),
        table_prefix="p_",
    )


def test_connect(workspace, capsys):
    workspace.connect()
    assert workspace.workspace_id in capsys.readouterr().out
    assert workspace.get_organization().organization_id == ORGANIZATION


def test_wrong_secret():
    wrong = CloudWorkspace(workspace_id=WORKSPACE, **{**CREDENTIALS, "client_secret": "wrong"})
    with pytest.raises(Exception):
        wrong.list_sources()


def test_client():
    client = CloudClient(
        client_id=CREDENTIALS["client_id"],
        client_secret=CREDENTIALS["client_secret"],
        public_api_root=CREDENTIALS["api_root"],
        config_api_root=CREDENTIALS["config_api_root"],
    )
    scope = cloud.WorkspacePrivilegeScope

    def ids(scope) -> list[str]:
        return [one.workspace_id for one in client.list_workspaces(privilege_scope=scope)]

    for known in (scope.ANY, scope.INSTANCE_ADMIN, scope.ORGANIZATION_ADMIN):
        assert WORKSPACE in ids(known)
    # Whoever administers everything is a member of nothing.
    assert ids(scope.MEMBER_OF) == []
    assert ORGANIZATION in [one.organization_id for one in client.list_organizations()]
    assert client.get_workspace_parent_organization_id(WORKSPACE) == ORGANIZATION

    made = client.create_workspace(name=unused("delete-me")).workspace_id
    renamed = unused("delete-me renamed")
    assert client.rename_workspace(made, name=renamed).name == renamed
    email = client.get_default_context_for_user().user_email
    client.set_default_workspace_for_user(user_email=email, workspace_id=made)
    assert client.get_default_context_for_user().default_workspace_id == made
    client.permanently_delete_workspace(made)
    assert made not in ids(scope.ANY)


def test_lists(workspace):
    connection = deploy(workspace)
    # More than one page of each.
    for _ in range(25):
        playground.source()
    assert connection.connection_id in [one.connection_id for one in workspace.list_connections()]
    assert [one.connection_id for one in workspace.list_connections(name=connection.name)] == [
        connection.connection_id
    ]
    sources = workspace.list_sources()
    assert len({one.connector_id for one in sources}) == len(sources) > 25
    assert connection.destination_id in [one.connector_id for one in workspace.list_destinations()]


def test_deploy_and_delete(workspace):
    connection = deploy(workspace)
    assert connection.check_is_valid()
    assert sorted(connection.stream_names) == ["products", "users"]
    assert connection.table_prefix == "p_"
    assert connection.source.check().success
    assert connection.destination.check().success
    with pytest.raises(exceptions.AirbyteDuplicateResourcesError):
        workspace.deploy_source(connection.source.name, faker(1))

    workspace.permanently_delete_connection(
        connection, cascade_delete_source=True, cascade_delete_destination=True
    )
    assert connection.connection_id not in [one.connection_id for one in workspace.list_connections()]
    assert connection.source_id not in [one.connector_id for one in workspace.list_sources()]


def test_changes(workspace):
    connection = deploy(workspace)
    connection.rename("delete-me renamed")
    connection.set_table_prefix("q_")
    connection.set_selected_streams(["purchases"])
    connection.set_schedule("0 0 12 * * ?")
    connection.set_enabled(enabled=False)
    seen = workspace.get_connection(connection.connection_id)
    assert (seen.name, seen.table_prefix, seen.stream_names) == ("delete-me renamed", "q_", ["purchases"])
    assert not seen.enabled
    with pytest.raises(exceptions.PyAirbyteInputError):
        seen.run_sync()
    seen.set_manual_schedule()
    seen.enabled = True
    shown = playground.call("GET", f"/connections/{connection.connection_id}")
    assert (shown["status"], shown["schedule"]) == ("active", {"scheduleType": "manual"})

    source = connection.source
    source.rename("delete-me renamed source")
    source.update_config({"count": 31})
    shown = playground.call("GET", f"/sources/{source.connector_id}")
    assert (shown["name"], shown["configuration"]["count"]) == ("delete-me renamed source", 31)


def test_sync(workspace):
    connection = deploy(workspace)
    result = connection.run_sync()
    # 30 users and 100 products.
    assert (result.is_job_complete(), result.records_synced) == (True, 130)
    assert result.bytes_synced > 0
    assert sorted(result.stream_names) == ["products", "users"]
    attempt = result.get_attempts()[0]
    assert (attempt.attempt_id, attempt.status, attempt.records_synced) == (0, "succeeded", 130)
    assert "users" in attempt.get_full_log_text()

    second = connection.run_sync(wait=False)
    second.wait_for_completion(wait_timeout=30)
    assert [one.job_id for one in connection.get_previous_sync_logs()] == [second.job_id, result.job_id]
    assert connection.get_sync_result().job_id == second.job_id


def test_a_failed_sync(workspace):
    connection = deploy(workspace)
    playground.control("/faults", {"fault": "fail-job,times=1"})
    with pytest.raises(exceptions.AirbyteConnectionSyncError):
        connection.run_sync()


def test_cancel(workspace):
    connection = deploy(workspace)
    playground.control("/faults", {"fault": "slow-job=30s,times=1"})
    running = connection.run_sync(wait=False)
    assert connection.cancel_sync().job_id == running.job_id
    assert running.get_job_status() == "cancelled"


def test_state(workspace):
    connection = deploy(workspace)
    catalog = connection.dump_raw_catalog(normalize=False)
    for stream in catalog["streams"]:
        if stream["config"]["selected"]:
            stream["config"]["syncMode"] = "incremental"
            stream["config"]["destinationSyncMode"] = "append"
            stream["config"]["cursorField"] = ["updated_at"]
    connection.import_raw_catalog(catalog)
    assert connection.dump_raw_state() == []

    connection.run_sync()
    messages = connection.dump_raw_state()
    assert sorted(one["stream"]["stream_descriptor"]["name"] for one in messages) == ["products", "users"]
    raw = connection.dump_raw_state(normalize=False)
    assert raw["stateType"] == "stream"
    connection.set_stream_state("users", {"cursor": "2020-01-01"})
    assert connection.get_stream_state("users") == {"cursor": "2020-01-01"}
    connection.import_raw_state(messages)
    assert connection.dump_raw_state() == messages
    # A state is at home in any connection.
    other = deploy(workspace)
    other.import_raw_state(raw)
    assert other.dump_raw_state() == messages

    playground.control("/faults", {"fault": "slow-job=30s,times=1"})
    connection.run_sync(wait=False)
    with pytest.raises(exceptions.AirbyteConnectionSyncActiveError):
        connection.import_raw_state(messages)
    connection.cancel_sync()


def test_catalog(workspace):
    connection = deploy(workspace, ["users"])
    protocol = connection.dump_raw_catalog()
    # What is not selected is there, too, and this form does not say so.
    assert {one["stream"]["name"] for one in protocol["streams"]} == {"users", "products", "purchases"}
    users = next(one for one in protocol["streams"] if one["stream"]["name"] == "users")
    users.update(sync_mode="incremental", destination_sync_mode="append", cursor_field=["updated_at"])
    protocol["streams"] = [users]
    connection.import_raw_catalog(protocol)
    assert users in connection.dump_raw_catalog()["streams"]
    shown = playground.call("GET", f"/connections/{connection.connection_id}")
    assert [one["syncMode"] for one in shown["configurations"]["streams"]] == ["incremental_append"]


def test_custom_definition(workspace):
    name = unused("delete-me things")
    published = workspace.publish_custom_source_definition(
        name, manifest_yaml=playground.MANIFEST, testing_values={"key": "k"}
    )
    assert (published.name, published.manifest) == (name, playground.MANIFEST)
    assert published.connector_builder_project_id
    listed = workspace.list_custom_source_definitions(definition_type="yaml")
    assert published.definition_id in [one.definition_id for one in listed]
    with pytest.raises(exceptions.AirbyteDuplicateResourcesError):
        workspace.publish_custom_source_definition(name, manifest_yaml=playground.MANIFEST)

    changed = {**playground.MANIFEST, "version": "6.1.0"}
    updated = published.update_definition(manifest_yaml=changed, pre_validate=False)
    assert (updated.manifest, str(updated.version)) == (changed, "2")
    seen = workspace.get_custom_source_definition(published.definition_id, definition_type="yaml")
    assert seen.manifest == changed
    source = seen.deploy_source(unused("delete-me of a manifest"), {"key": "k"})
    assert source.definition_id == published.definition_id
    seen.permanently_delete()
    listed = workspace.list_custom_source_definitions(definition_type="yaml")
    assert published.definition_id not in [one.definition_id for one in listed]
