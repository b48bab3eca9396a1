//! The operations of the public API, each with a user of each role.

use std::fmt::Write;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::needs::{Need, is_refused};
use super::world::{Given, World};
use crate::conformance::Document;

/// One line an operation: its id, what it asks for, and the form of its refusal.
const TABLE: &str = include_str!("public.txt");

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().map(|line| {
        let mut words = line.split(' ');
        (words.next().unwrap(), words.next().unwrap(), words.next().unwrap())
    })
}

/// The query and the body that name what an operation needs a role for. The rest of a request is left out: it is
/// looked at after the role.
fn parts(world: &World, operation: &str) -> (String, Value) {
    let text = |name: &str| world.text(name);
    let query = match operation {
        "listWorkspaces" | "listSources" | "listDestinations" | "listConnections" | "listTags" => {
            format!("?workspaceIds={}", text("workspaceId"))
        }
        "listJobs" => format!("?connectionId={}", text("connectionId")),
        "listConnectorDefinitions" => format!("?type=source&workspaceId={}", text("workspaceId")),
        "getStreamProperties" => {
            format!("?sourceId={}&destinationId={}", text("sourceId"), text("destinationId"))
        }
        "listUsersWithinAnOrganization" | "listGroups" | "listRegions" => {
            format!("?organizationId={}", text("organizationId"))
        }
        "listDataplanes" => format!("?regionIds={}", text("regionId")),
        "listPermissions" => format!("?userId={}&organizationId={}", text("userId"), text("organizationId")),
        _ => String::new(),
    };
    let body = match operation {
        "createSource"
        | "createDestination"
        | "createTag"
        | "createPermission"
        | "initiateOAuth"
        | "generateEmbeddedScopedToken" => world.body("workspaceId"),
        "createConnection" => world.body("sourceId destinationId"),
        "createJob" => world.body("connectionId"),
        "createGroup" | "createRegion" | "getEmbeddedWidget" => world.body("organizationId"),
        "createDataplane" => world.body("regionId"),
        _ => json!({}),
    };
    (query, body)
}

/// The path with what it names.
fn path(world: &World, template: &str) -> String {
    let kind = ["declarative_sources", "sources", "destinations"];
    let kind = kind.into_iter().find(|kind| template.contains(&format!("/definitions/{kind}/")));
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some("definitionId") => world.text(kind.unwrap()),
        Some("applicationId") => "00000000-0000-0000-0000-000000000001".to_owned(),
        Some(name) => world.text(name),
        None => part.to_owned(),
    };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn each_operation_refuses_what_is_below_its_role_and_takes_the_least_that_is_not() {
    let document = Document::open("airbyte-public.yaml", "public.json");
    let mut world = World::make().await;
    let mut walked = 0;
    for (operation, method, template) in document.operations() {
        let Some((_, need, form)) = rows().find(|(id, ..)| *id == operation) else {
            panic!("the table has no {operation}")
        };
        let Some(need) = Need::of(need) else { continue };
        let (query, body) = parts(&world, &operation);
        let url = format!("{}{}{query}", world.api.sandbox.ready().public_api_root, path(&world, &template));
        for given in Given::all().into_iter().filter(|given| !need.is_met_by(*given)) {
            let answer = world.ask(given, method.clone(), &url, &body).await;
            let what = format!("{operation} as {given:?}: {} {}", answer.status, answer.text);
            assert!(is_refused(&answer, form, &what), "{what}");
        }
        for given in need.least() {
            let answer = world.ask(given, method.clone(), &url, &body).await;
            let what = format!("{operation} as {given:?}: {} {}", answer.status, answer.text);
            assert!(!is_refused(&answer, form, &what), "{what}");
        }
        walked += 1;
        if method == Method::DELETE {
            // For those that come, what is gone has to be there again.
            world = World::make().await;
        }
    }
    assert_eq!(walked, 82);
}

/// Where the reference that the table was made of is at hand, they are compared.
#[test]
fn the_table_is_that_of_the_reference() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/server-ops.json");
    let Ok(text) = std::fs::read_to_string(file) else { return };
    let reference: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(reference.len(), rows().count());
    for ((operation, need, form), reference) in rows().zip(&reference) {
        assert_eq!(operation, reference["operationId"]);
        let words = reference["permission"].as_str().unwrap();
        let expected = match need.split_once(':') {
            None if need == "token" => vec!["authenticated", "owner"],
            None => vec![need],
            Some((_, "any_editor")) => vec!["WORKSPACE_SOURCE_EDITOR or WORKSPACE_DESTINATION_EDITOR"],
            Some((_, "reader")) => vec!["WORKSPACE_READER", "READER/MEMBER"],
            Some((place, role)) => {
                let name = format!("{place}_{role}").to_uppercase();
                assert!(words.contains(&name), "{operation}: {words}");
                vec![""]
            }
        };
        assert!(expected.iter().any(|one| words.contains(one)), "{operation} {need}: {words}");
        assert_eq!(words.contains("annotation"), form == "framework", "{operation}: {words}");
    }
}

#[tokio::test]
async fn clearing_asks_for_more_than_syncing_and_resetting() {
    let world = World::make().await;
    let url = format!("{}/jobs", world.api.sandbox.ready().public_api_root);
    let mut body = world.body("connectionId");
    for (kind, allowed) in [("clear", false), ("CLEAR", false), ("reset", true), ("sync", true)] {
        body["jobType"] = json!(kind);
        // The second of the workspace's roles is the one that runs jobs.
        let answer = world.ask(Given::Workspace(2), Method::POST, &url, &body).await;
        assert_eq!(!is_refused(&answer, "problem", kind), allowed, "{kind}: {}", answer.text);
    }
    body["jobType"] = json!("clear");
    world.ask(Given::Workspace(4), Method::POST, &url, &body).await.expect(200);
}

/// What looks like no id to one part of the server must not be one to another.
#[tokio::test]
async fn an_id_in_disguise_is_the_id_that_it_is() {
    let world = World::make().await;
    let root = &world.api.sandbox.ready().public_api_root;
    let encoded = |text: String| {
        text.bytes().fold(String::new(), |mut whole, byte| {
            let _ = write!(whole, "%{byte:02X}");
            whole
        })
    };
    for (path, name) in [
        ("sources", "sourceId"),
        ("tags", "tagId"),
        ("groups", "groupId"),
        ("regions", "regionId"),
        ("dataplanes", "dataplaneId"),
        ("permissions", "permissionId"),
        ("jobs", "jobId"),
    ] {
        let id = world.text(name);
        let forms = [encoded(id.clone()), id.to_uppercase(), id.replace('-', ""), format!("+{id}")];
        for form in forms {
            let url = format!("{root}/{path}/{form}");
            let answer = world.ask(Given::Nothing, Method::DELETE, &url, &json!({})).await;
            // Some are no id at all, and then nobody reaches anything.
            assert!(answer.status.is_client_error(), "{url}: {} {}", answer.status, answer.text);
        }
        let one = format!("/{path}/{id}");
        assert_eq!(world.api.get(&one).await.status, 200, "{path}");
    }
    for definitions in ["sources", "destinations", "declarative_sources"] {
        let path = format!("definitions/{definitions}/{}", world.text(definitions));
        let url = format!("{root}/workspaces/{}/{path}", encoded(world.text("workspaceId")));
        let answer = world.ask(Given::Nothing, Method::DELETE, &url, &json!({})).await;
        assert!(is_refused(&answer, "problem", &url), "{url}: {}", answer.text);
    }
}
