"""The API document, corrected where the server is known to do otherwise."""

import json
from pathlib import Path

import yaml

# What any operation may answer to a bad or untimely request; the document tells this of some only.
REFUSALS = ("400", "401", "403", "404", "409", "415", "422")
# What the sandbox is told and forgets without a look at it.
FORGOTTEN = ("resourceAllocation", "secretId", "dataResidency")
METHODS = ("get", "post", "put", "patch", "delete")


class _Yaml(yaml.SafeLoader):
    """Takes times for the texts that they are."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: str) -> dict:
    text = Path(path).read_text()
    if path.endswith(".json"):
        document = json.loads(text)
    else:
        document = yaml.load(text, Loader=_Yaml)
    _correct(document)
    return document


def operations(document: dict) -> dict:
    """Operation id to operation."""
    return {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    }


def _correct(document: dict) -> None:
    schemas = document["components"]["schemas"]
    for schema_name, schema in schemas.items():
        members = schema.get("properties", {})
        for name in FORGOTTEN if schema_name.endswith("Request") else ():
            members.pop(name, None)
        # An address without a host is one, too.
        members.get("documentationUrl", {}).pop("format", None)
        _take_null(schema, document["openapi"].startswith("3.0"))
    _drop_dangling(document, document)
    # Which credentials a request has is not what is tried here.
    document.pop("security", None)
    document["components"].pop("securitySchemes", None)
    every = operations(document)
    for operation in every.values():
        operation.pop("security", None)
        for parameter in operation.get("parameters", []):
            # Any text is a truth value to the server: false, unless it says true.
            if parameter.get("schema", {}).get("type") == "boolean":
                parameter["schema"] = {"type": "string", "example": "true"}
        for status in REFUSALS:
            operation["responses"].setdefault(status, {"description": ""})
    # Whoever asks for their own permissions is asked for no organization; one that is named is not looked at.
    for parameter in every["listPermissions"]["parameters"]:
        if parameter["name"] == "organizationId":
            parameter["schema"] = {"type": "string"}
    # Bare lists.
    for name in ("listRegions", "listDataplanes"):
        for answer in _answers(every[name]):
            schema = _resolved(document, answer["schema"])
            answer["schema"] = schema.get("properties", {}).get("data", schema)
    # Neither JSON nor described.
    for name in ("getDocumentation", "getHealthCheck"):
        every[name]["responses"] = {"200": {"description": ""}, "302": {"description": ""}}
    every["createGroup"]["responses"]["201"] = every["createGroup"]["responses"].get("200") or every[
        "createGroup"
    ]["responses"]["2XX"]


def _answers(operation: dict):
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            yield from response.get("content", {}).values()


def _resolved(document: dict, node: dict) -> dict:
    while "$ref" in node:
        node = document["components"]["schemas"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _take_null(schema, is_old: bool) -> None:
    """An optional member that is null is as good as absent in a request."""
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if properties:
        # Some are required by names that they do not have.
        schema["required"] = required = [name for name in required if name in properties]
    for name, member in properties.items():
        _take_null(member, is_old)
        if name not in required:
            null = {"nullable": True, "allOf": [member]} if is_old else {"anyOf": [member, {"type": "null"}]}
            properties[name] = null
    for part in [schema.get("items"), schema.get("additionalProperties")]:
        _take_null(part, is_old)
    for key in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(key, []):
            _take_null(part, is_old)


def _drop_dangling(node, document) -> None:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            target = document
            for part in reference.removeprefix("#/").split("/"):
                target = target.get(part) if isinstance(target, dict) else None
            if target is None:
                del node["$ref"]
                node.setdefault("description", "")
        for member in list(node.values()):
            _drop_dangling(member, document)
    elif isinstance(node, list):
        for member in node:
            _drop_dangling(member, document)
