"""Objects of a sandbox for clients to read, change and delete, made with plain requests."""

import functools
import itertools
import json
import os
import urllib.request

ROOT = os.environ["AIRBYTE_API_URL"]
CONTROL = ROOT.replace("/api/public/v1", "/_sandbox/v1")
WORKSPACE = os.environ["AIRBYTE_WORKSPACE_ID"]
ORGANIZATION = os.environ["AIRBYTE_ORGANIZATION_ID"]

FAKER = {"sourceType": "faker", "count": 10, "seed": 1}
FAKER_DEFINITION = "dfd88b22-b603-4c3d-aad7-3701784586b1"
SQLITE_DEFINITION = "b76be0a6-27dc-4560-95f6-2623da0bd7b6"
MANIFEST = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["things"]},
    "streams": [],
    "spec": {
        "type": "Spec",
        "connection_specification": {"type": "object", "properties": {"key": {"type": "string"}}},
    },
}

_numbers = itertools.count()


def sqlite() -> dict:
    """A configuration of a destination whose file no other one has."""
    return {"destinationType": "sqlite", "destination_path": f"{unused('db')}.sqlite"}


def unused(word: str) -> str:
    return f"{word} {next(_numbers)}"


@functools.cache
def bearer() -> str:
    credentials = {
        "client_id": os.environ["AIRBYTE_CLIENT_ID"],
        "client_secret": os.environ["AIRBYTE_CLIENT_SECRET"],
    }
    return _request("POST", f"{ROOT}/applications/token", credentials)["access_token"]


def call(method: str, path: str, body: dict | None = None):
    """One request to the public API, which has to succeed."""
    return _request(method, ROOT + path, body, bearer())


def control(path: str, body: dict):
    """One request to the sandbox's own control path."""
    return _request("POST", CONTROL + path, body)


def _request(method: str, url: str, body: dict | None, token: str | None = None):
    request = urllib.request.Request(url, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


# Each of these makes a new object and gives its id.


def workspace() -> str:
    return call("POST", "/workspaces", {"name": unused("workspace")})["workspaceId"]


def source() -> str:
    body = {"name": unused("source"), "workspaceId": WORKSPACE, "configuration": FAKER}
    return call("POST", "/sources", body)["sourceId"]


def destination() -> str:
    body = {"name": unused("destination"), "workspaceId": WORKSPACE, "configuration": sqlite()}
    return call("POST", "/destinations", body)["destinationId"]


def connection() -> str:
    streams = [{"name": "users", "syncMode": "full_refresh_overwrite"}]
    body = {"sourceId": source(), "destinationId": destination(), "configurations": {"streams": streams}}
    return call("POST", "/connections", body)["connectionId"]


def job() -> int:
    """Runs until it is cancelled, or for a while."""
    control("/faults", {"fault": "slow-job=30s,times=1"})
    return call("POST", "/jobs", {"connectionId": connection(), "jobType": "sync"})["jobId"]


def tag() -> str:
    return call("POST", "/tags", {"name": unused("tag"), "color": "1A2b3C", "workspaceId": WORKSPACE})["tagId"]


def user() -> str:
    number = next(_numbers)
    return control("/users", {"name": f"User {number}", "email": f"user{number}@example.com"})["userId"]


def permission() -> str:
    body = {"userId": user(), "workspaceId": WORKSPACE, "permissionType": "workspace_reader"}
    return call("POST", "/permissions", body)["permissionId"]


def group() -> str:
    return call("POST", "/groups", {"name": unused("group"), "organizationId": ORGANIZATION})["groupId"]


def group_permission(group_id: str) -> str:
    body = {"permissionType": "workspace_reader", "workspaceId": workspace()}
    return call("POST", f"/groups/{group_id}/permissions", body)["permissionId"]


def region() -> str:
    return call("POST", "/regions", {"name": unused("region"), "organizationId": ORGANIZATION})["regionId"]


def dataplane() -> str:
    return call("POST", "/dataplanes", {"name": unused("plane"), "regionId": region()})["dataplaneId"]


def application() -> str:
    return call("POST", "/applications", {"name": unused("application")})["id"]


def definition(kind: str) -> str:
    """`kind` as in the path: sources, destinations or declarative_sources."""
    if kind == "declarative_sources":
        body = {"name": unused("manifest"), "workspaceId": WORKSPACE, "manifest": MANIFEST}
    else:
        body = {"name": unused("image"), "dockerRepository": "example/image", "dockerImageTag": "1.0.0"}
    return call("POST", f"/workspaces/{WORKSPACE}/definitions/{kind}", body)["id"]
