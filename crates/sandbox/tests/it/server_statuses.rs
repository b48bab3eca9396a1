//! What each operation of the public API answers when it works and when it does not, and whether it asks for a token: a
//! table of facts about the real server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};

use crate::conformance::Document;
use crate::support::{Api, answer};

/// One line an operation: its id, the status of its success (`-` where the open-source server has none), `anonymous` or
/// `token`, and the statuses of its errors.
const TABLE: &str = include_str!("server_statuses.txt");

struct Row {
    operation: &'static str,
    success: Option<u16>,
    anonymous: bool,
    errors: Vec<u16>,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        Row {
            operation: word(),
            success: word().parse().ok(),
            anonymous: word() == "anonymous",
            errors: word().split(',').filter_map(|status| status.parse().ok()).collect(),
        }
    })
}

/// The status of an operation's success; `None` where the open-source server has none.
pub(crate) fn success(operation: &str) -> Option<u16> {
    rows().find(|row| row.operation == operation).and_then(|row| row.success)
}

/// The operations of the document, each with its row, its method and its path with this in place of what it names.
fn requests(named: &str) -> Vec<(Row, reqwest::Method, String)> {
    let document = Document::open("airbyte-public.yaml", "public.json");
    let mut known: BTreeMap<_, _> = rows().map(|row| (row.operation, row)).collect();
    let mut requests = Vec::new();
    for (operation, method, template) in document.operations() {
        let row = known.remove(operation.as_str());
        // Where the document has it there is nothing: it is one folder above.
        if operation == "getDocumentation" {
            continue;
        }
        let part = |part: &str| match part {
            "{actorType}" => "source".to_owned(),
            "{jobId}" if named.contains('-') => "987654".to_owned(),
            part if part.starts_with('{') => named.to_owned(),
            part => part.to_owned(),
        };
        let path = template.split('/').map(part).collect::<Vec<_>>().join("/");
        requests.push((row.unwrap_or_else(|| panic!("the table has no {operation}")), method, path));
    }
    assert!(known.is_empty(), "the document lacks {:?}", known.keys());
    requests
}

const EDITIONS: [Edition; 3] = [Edition::Enterprise, Edition::Cloud, Edition::Community];
const UNKNOWN: &str = "00000000-0000-4000-8000-0000000000aa";

/// All that any operation asks for, with this in place of every id.
fn body(named: &str) -> Value {
    json!({
        "workspaceId": named, "sourceId": named, "destinationId": named, "connectionId": named, "userId": named,
        "organizationId": named, "regionId": named, "name": "n", "color": "000000", "jobType": "sync",
        "configuration": {"sourceType": "faker", "destinationType": "sqlite", "destination_path": "d", "count": 1},
        "permissionType": "workspace_reader", "manifest": {"spec": {"connection_specification": {}}},
        "dockerRepository": "me/mine", "dockerImageTag": "1", "actorType": "source", "sourceType": "faker",
        "redirectUrl": "https://me.example.com", "allowedOrigin": "https://me.example.com", "externalUserId": "u",
        "client_id": "c", "client_secret": "s",
    })
}

fn query(named: &str) -> String {
    let names = [
        "workspaceIds",
        "workspaceId",
        "organizationId",
        "sourceId",
        "destinationId",
        "connectionId",
        "regionIds",
        "tagIds",
        "userId",
    ];
    names.iter().fold("?type=source".to_owned(), |query, name| format!("{query}&{name}={named}"))
}

#[tokio::test]
async fn every_operation_asks_for_a_token_as_the_server_does() {
    for edition in EDITIONS {
        let mut api = Api::of(Sandbox::builder().seed(Seed::Demo).edition(edition)).await;
        api.token = None;
        for (row, method, path) in requests(UNKNOWN) {
            // What Cloud's consent comes back to asks for none, as a browser has none.
            if row.anonymous || (row.operation == "oauthCallback" && edition == Edition::Cloud) {
                continue;
            }
            let answered = answer(api.public(method, &path).json(&json!({}))).await;
            assert_eq!(answered.status, 401, "{} {edition:?}: {}", row.operation, answered.text);
        }
    }
}

/// Statuses that the server's table does not have for an operation.
fn is_known_beyond(operation: &str, edition: Edition, named: &str, status: u16) -> bool {
    const IN_WHAT_IS_NOT_THERE: [&str; 11] = [
        "createTag",
        "createGroup",
        "getEmbeddedWidget",
        "generateEmbeddedScopedToken",
        "listConnectorDefinitions",
        "listSourceDefinitions",
        "createSourceDefinition",
        "listDestinationDefinitions",
        "createDestinationDefinition",
        "listDeclarativeSourceDefinitions",
        "createDeclarativeSourceDefinition",
    ];
    let is_oauth = operation.ends_with("OAuthCredentials") || operation.ends_with("OAuth");
    match status {
        // What is no id is refused by the framework or breaks the server, wherever it stands, and what is no body, too.
        400 | 500 if named != UNKNOWN => true,
        400 if is_oauth => true,
        404 if IN_WHAT_IS_NOT_THERE.contains(&operation) => true,
        // The table is of the open-source server, where consent does not work.
        _ => edition == Edition::Cloud && (is_oauth || operation == "oauthCallback"),
    }
}

#[tokio::test]
async fn what_goes_wrong_is_answered_as_the_servers_table_has_it_in_each_edition() {
    for edition in EDITIONS {
        let builder = Sandbox::builder().seed(Seed::Empty).edition(edition).faithful_5xx(true);
        let api = Api::of(builder).await;
        let mut strange = BTreeSet::new();
        for named in [UNKNOWN, "not-an-id"] {
            for (row, method, path) in requests(named) {
                for (query, body) in [
                    (query(named), body(named)),
                    (query(named), json!({})),
                    (String::new(), body(named)),
                    (query(named), json!([])),
                ] {
                    let request = api.public(method.clone(), &format!("{path}{query}"));
                    let request = if method == "GET" { request } else { request.json(&body) };
                    let answered = answer(request).await;
                    let status = answered.status.as_u16();
                    let is_known = row.success == Some(status) || row.errors.contains(&status);
                    if !is_known && !is_known_beyond(row.operation, edition, named, status) {
                        strange.insert(format!("{} of {named}: {status} {}", row.operation, answered.text));
                    }
                }
            }
        }
        assert!(strange.is_empty(), "{edition:?}: {strange:#?}");
    }
}

#[tokio::test]
async fn an_id_that_nothing_has_is_not_found_by_administrators_and_forbidden_to_others() {
    for edition in EDITIONS {
        let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(edition)).await;
        let (mut seen, mut strange) = (BTreeMap::new(), BTreeSet::new());
        let names_one = |(row, ..): &(Row, _, _)| row.errors.contains(&404);
        for (row, method, path) in requests(UNKNOWN).into_iter().filter(names_one) {
            let request = api.public(method.clone(), &format!("{path}{}", query(UNKNOWN)));
            let request = if method == "GET" { request } else { request.json(&body(UNKNOWN)) };
            let answered = answer(request).await;
            // These are looked for before anybody looks at roles.
            let comes_first =
                ["/groups/", "/tags/", "/applications/"].iter().any(|place| path.starts_with(place));
            let expected = match (edition, row.operation) {
                // Applications cannot be deleted there; without `faithful_5xx` this is what the failure is.
                (Edition::Community, "deleteApplication") => 400,
                (Edition::Cloud, _) if !comes_first => 403,
                _ => 404,
            };
            *seen.entry(expected).or_insert(0) += 1;
            if answered.status.as_u16() != expected {
                strange.insert(format!("{}: {} {}", row.operation, answered.status, answered.text));
            }
        }
        assert!(strange.is_empty(), "{edition:?}: {strange:#?}");
        assert!(seen[&404] >= 10, "{seen:?}");
        assert_eq!(seen.contains_key(&403), edition == Edition::Cloud);
    }
}

/// Where the reference that the table was made of is at hand, they are compared.
#[test]
fn the_table_is_that_of_the_reference() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/server-ops.json");
    let Ok(text) = std::fs::read_to_string(file) else { return };
    let reference: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(rows().count(), reference.len());
    for (row, reference) in rows().zip(reference) {
        assert_eq!(row.operation, reference["operationId"]);
        assert_eq!(json!(row.success), reference["success_status"], "{}", row.operation);
        assert_eq!(row.anonymous, reference["permission"] == "anonymous", "{}", row.operation);
        assert_eq!(json!(row.errors), reference["error_statuses"], "{}", row.operation);
    }
}
