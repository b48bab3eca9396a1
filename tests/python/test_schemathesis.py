"""Every operation of the public API, with cases that schemathesis makes of the API document.

No request may end in a server error, what succeeds must be as documented, what breaks the document's rules must
be refused, and every operation that the server has must succeed at least once.
"""

import os

import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.parameters import ParameterLocation

import document
import playground

DOCUMENT = document.load(os.environ["AIRBYTE_API_DOCUMENT"])
OPERATIONS = set(document.operations(DOCUMENT))

# What the server of a self-managed instance does not do: 501 without a body.
NOT_IMPLEMENTED = {
    "initiateOAuth",
    "createOrUpdateWorkspaceOAuthCredentials",
    "deleteWorkspaceOAuthCredentials",
}
# The document has them, the server has not; the documentation is one folder above.
NOT_THERE = {"oauthCallback", "getDocumentation"}

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.update(base_url=playground.ROOT)
schema.config.phases.coverage.unexpected_methods = set()

cases = 0
succeeded: set[str] = set()
session = requests.Session()

# What exists from the beginning and is only read.
STABLE = {
    "workspaceId": playground.WORKSPACE,
    "organizationId": playground.ORGANIZATION,
    "definitionId": playground.FAKER_DEFINITION,
}
MAKERS = {
    "workspaceId": playground.workspace,
    "sourceId": playground.source,
    "destinationId": playground.destination,
    "connectionId": playground.connection,
    "jobId": playground.job,
    "tagId": playground.tag,
    "userId": playground.user,
    "permissionId": playground.permission,
    "groupId": playground.group,
    "regionId": playground.region,
    "dataplaneId": playground.dataplane,
    "applicationId": playground.application,
}


def existing(name: str):
    if name not in STABLE:
        STABLE[name] = MAKERS[name]()
    return STABLE[name]


def in_path(case, name: str):
    """The id of an object that is there; what may be changed or deleted is made for the case."""
    is_last = case.path.rstrip("/").endswith("{%s}" % name)
    if name == "definitionId":
        return playground.definition(case.path.split("/definitions/")[1].split("/")[0])
    if name == "permissionId" and case.path.startswith("/groups/"):
        return playground.group_permission(existing("groupId"))
    if case.method.upper() == "GET" or not is_last or name == "organizationId":
        return existing(name)
    return MAKERS[name]()


IN_QUERY = {
    "workspaceIds": lambda: [playground.WORKSPACE],
    "tagIds": lambda: [existing("tagId")],
    "regionIds": lambda: [existing("regionId")],
    **{name: (lambda name=name: existing(name)) for name in ("workspaceId", "organizationId", "sourceId")},
    **{name: (lambda name=name: existing(name)) for name in ("destinationId", "connectionId", "userId")},
}

# Values that the document takes for any text or object, and the server does not.
OF_THE_FIELD = {
    "cronExpression": lambda _: "0 0 12 * * ?",
    "color": lambda _: "00aaFF",
    "manifest": lambda _: playground.MANIFEST,
    "configuration": lambda case: playground.sqlite() if "estination" in case.path else playground.FAKER,
    "streams": lambda _: [{"name": "users", "syncMode": "full_refresh_overwrite"}],
    "tags": lambda _: [],
    "name": lambda _: playground.unused("name"),
    "email": lambda _: "someone@example.com",
}
CREDENTIALS = {
    "client_id": os.environ["AIRBYTE_CLIENT_ID"],
    "client_secret": os.environ["AIRBYTE_CLIENT_SECRET"],
}


def fill(case) -> None:
    """Puts what exists where the case has a value that the document allows; what breaks a rule stays."""
    is_wild = case.meta.phase.name.value == "fuzzing"
    if not case.meta.is_negative_at(ParameterLocation.PATH):
        for name in case.path_parameters:
            if name in MAKERS or name in STABLE:
                case.path_parameters[name] = in_path(case, name)
            elif name == "name" and not is_wild:
                case.path_parameters[name] = "faker"
            elif name == "actorType":
                case.path_parameters[name] = "source"
    if not case.meta.is_negative_at(ParameterLocation.QUERY):
        for name in case.query:
            if name in IN_QUERY:
                case.query[name] = IN_QUERY[name]()
    if isinstance(case.body, dict) and not case.meta.is_negative_at(ParameterLocation.BODY):
        case.body = filled(case, case.body, is_wild)
        if "oauthCredentials" in case.path and not is_wild:
            case.body.update(actorType="source", name="faker")
        if "permissionType" in case.body and not is_wild:
            is_of_workspace = case.body.get("workspaceId") or case.method == "PATCH"
            case.body["permissionType"] = "workspace_reader" if is_of_workspace else "organization_member"


def filled(case, value, is_wild: bool):
    if isinstance(value, list):
        return [filled(case, item, is_wild) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, member in value.items():
        if member is None:
            pass
        elif name == "definitionId":
            member = playground.SQLITE_DEFINITION if "destinations" in case.path else playground.FAKER_DEFINITION
        elif name in ("connectionId", "userId"):
            member = MAKERS[name]()
        elif name in MAKERS or name in STABLE:
            member = existing(name)
        elif name in CREDENTIALS:
            member = CREDENTIALS[name]
        elif name in OF_THE_FIELD and not is_wild:
            member = OF_THE_FIELD[name](case)
        else:
            member = filled(case, member, is_wild)
        result[name] = member
    return result


def nulls(value, path: str = ""):
    """Where a value has nulls, but for what is kept as it was sent."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in ("configuration", "manifest"):
                yield from nulls(member, f"{path}/{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from nulls(member, f"{path}/{index}")
    elif value is None:
        yield path


@schema.parametrize()
@settings(
    max_examples=int(os.environ.get("AIRBYTE_TEST_CASES", "25")),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_operation(case):
    global cases
    cases += 1
    operation = case.operation.definition.raw["operationId"]
    fill(case)
    case.headers["Authorization"] = f"Bearer {playground.bearer()}"
    response = case.call(session=session, allow_redirects=False, timeout=30)
    if operation in NOT_IMPLEMENTED and response.status_code == 501:
        assert not response.content
        return
    if operation in NOT_THERE:
        assert response.status_code == 403, response.text
        return
    # An empty list of ids is none.
    is_lenient = any(value in ("", [""]) for value in case.query.values())
    checks = [check for check in CHECKS if not (is_lenient and check is negative_data_rejection)]
    case.validate_response(response, checks=checks)
    if response.status_code < 400:
        succeeded.add(operation)
        if "json" in response.headers.get("content-type", [""])[0] and response.content:
            assert not list(nulls(response.json())), "null is left out of what succeeds"


def test_every_operation_succeeded(capsys):
    with capsys.disabled():
        print(f"\n{len(succeeded)} of {len(OPERATIONS)} operations succeeded, {cases} cases")
    assert OPERATIONS - succeeded == NOT_IMPLEMENTED | NOT_THERE
