//! What each operation of the public API answers when it works, and whether it asks for a token: a table of facts
//! about the real server.

use std::path::Path;

use airbyte_sandbox::Seed;
use serde_json::{Value, json};

use crate::conformance::Document;
use crate::support::{Api, answer};

/// One line an operation: its id, the status of its success (`-` where the open-source server has none), and
/// `anonymous` or `token`.
const TABLE: &str = include_str!("server_statuses.txt");

fn rows() -> impl Iterator<Item = (&'static str, Option<u16>, bool)> {
    TABLE.lines().map(|line| {
        let mut words = line.split(' ');
        let (id, status, access) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        (id, status.parse().ok(), access == "anonymous")
    })
}

/// The status of an operation's success; `None` where the open-source server has none.
pub(crate) fn success(operation: &str) -> Option<u16> {
    rows().find(|(id, ..)| *id == operation).and_then(|(_, status, _)| status)
}

#[tokio::test]
async fn every_operation_asks_for_a_token_as_the_server_does() {
    let mut api = Api::start(Seed::Demo).await;
    api.token = None;
    let document = Document::open("airbyte-public.yaml", "public.json");
    let operations = document.operations();
    assert_eq!(operations.len(), rows().count(), "the table has other operations than the document");
    for (operation, method, template) in operations {
        let row = rows().find(|(id, ..)| *id == operation);
        let (_, _, anonymous) = row.unwrap_or_else(|| panic!("the table has no {operation}"));
        if anonymous {
            continue;
        }
        let parts = template.split('/');
        let path: Vec<_> = parts
            .map(|part| if part.starts_with('{') { "00000000-0000-0000-0000-000000000001" } else { part })
            .collect();
        let answered = answer(api.public(method, &path.join("/")).json(&json!({}))).await;
        assert_eq!(answered.status, 401, "{operation}: {}", answered.text);
    }
}

/// Where the reference that the table was made of is at hand, they are compared.
#[test]
fn the_table_is_that_of_the_reference() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/server-ops.json");
    let Ok(text) = std::fs::read_to_string(file) else { return };
    let reference: Vec<Value> = serde_json::from_str(&text).unwrap();
    let reference = reference.iter().map(|operation| {
        let status = operation["success_status"].as_u64().map(|status| u16::try_from(status).unwrap());
        (operation["operationId"].as_str().unwrap(), status, operation["permission"] == "anonymous")
    });
    assert_eq!(rows().collect::<Vec<_>>(), reference.collect::<Vec<_>>());
}
