//! Sources, destinations and their connectors over the Config API.

use airbyte_sandbox::{Edition, Sandbox, Seed};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, FAST, id};

const FAKER: &str = "dfd88b22-b603-4c3d-aad7-3701784586b1";
const POSTGRES: &str = "25c5221d-dce2-4163-ade9-739ef790f503";
const SQLITE: &str = "b76be0a6-27dc-4560-95f6-2623da0bd7b6";
const MASK: &str = "**********";

async fn faker(api: &Api, name: &str) -> Value {
    let body = json!({
        "name": name, "workspaceId": api.workspace(), "sourceDefinitionId": FAKER,
        "connectionConfiguration": {"count": 10, "seed": 1},
    });
    api.config("/sources/create", &body).await.expect(200)
}

fn postgres(password: &str) -> Value {
    json!({"host": "h", "port": 1, "database": "d", "username": "u", "schema": "s", "password": password})
}

#[tokio::test]
async fn a_destination_lives_from_creation_to_deletion() {
    let api = Api::start(Seed::Empty).await;
    let body = json!({
        "name": "Warehouse", "workspaceId": api.workspace(), "destinationDefinitionId": POSTGRES,
        "connectionConfiguration": postgres("hunter2"),
    });
    let created = api.config("/destinations/create", &body).await.expect(200);
    assert_eq!(created["destinationName"], "Postgres");
    assert_eq!(created["connectionConfiguration"]["password"], MASK);
    assert_eq!(created.get("isDraft"), None);
    let key = json!({"destinationId": created["destinationId"]});
    assert_eq!(api.config("/destinations/get", &key).await.expect(200), created);

    let part =
        json!({"destinationId": key["destinationId"], "connectionConfiguration": {"host": "elsewhere"}});
    let changed = api.config("/destinations/partial_update", &part).await.expect(200);
    assert_eq!(changed["connectionConfiguration"]["host"], "elsewhere");
    assert_eq!(changed["connectionConfiguration"]["database"], "d");
    let whole = json!({
        "destinationId": key["destinationId"], "name": "Lake", "connectionConfiguration": postgres(MASK),
    });
    let replaced = api.config("/destinations/update", &whole).await.expect(200);
    assert_eq!(
        (&replaced["name"], &replaced["connectionConfiguration"]["host"]),
        (&json!("Lake"), &json!("h"))
    );
    // The public API sees the same object.
    let path = format!("/destinations/{}", key["destinationId"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["name"], "Lake");

    assert_eq!(api.config("/destinations/delete", &key).await.status, 204);
    let listed = api.config("/destinations/list", &json!({"workspaceId": api.workspace()})).await.expect(200);
    assert_eq!(listed["destinations"], json!([]));
}

#[tokio::test]
async fn a_configuration_that_does_not_fit_is_refused_with_a_message() {
    let api = Api::start(Seed::Empty).await;
    let mut configuration = postgres("p");
    configuration.as_object_mut().unwrap().remove("username");
    let mut body = json!({
        "name": "x", "workspaceId": api.workspace(), "destinationDefinitionId": POSTGRES,
        "connectionConfiguration": configuration, "createAsDraft": true,
    });
    // Only Cloud knows drafts.
    let refused = api.config("/destinations/create", &body).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("username"), "{refused}");
    assert!(refused["errorId"].is_string());
    body["destinationDefinitionId"] = json!(Uuid::from_u128(1));
    api.config("/destinations/create", &body).await.expect(404);
    body.as_object_mut().unwrap().remove("workspaceId");
    api.config("/destinations/create", &body).await.expect(400);
    api.config("/sources/get", &json!({"sourceId": Uuid::from_u128(1)})).await.expect(404);
}

#[tokio::test]
async fn a_draft_of_cloud_is_completed_later() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Cloud)).await;
    let body = json!({
        "name": "Later", "workspaceId": api.workspace(), "destinationDefinitionId": SQLITE,
        "connectionConfiguration": {}, "createAsDraft": true,
    });
    let draft = api.config("/destinations/create", &body).await.expect(200);
    assert_eq!(draft["isDraft"], true);
    let whole = json!({
        "destinationId": draft["destinationId"], "name": "Now",
        "connectionConfiguration": {"destination_path": "/local/x.db"},
    });
    let whole = api.config("/destinations/update", &whole).await.expect(200);
    assert_eq!(whole.get("isDraft"), None);
}

#[tokio::test]
async fn a_configuration_is_checked_before_it_is_stored() {
    let api = Api::start(Seed::Empty).await;
    let source = faker(&api, "Faker").await["sourceId"].clone();
    let good = json!({"sourceId": source, "name": "x", "connectionConfiguration": {"count": 5}});
    let checked = api.config("/sources/check_connection_for_update", &good).await.expect(200);
    assert_eq!(checked["status"], "succeeded");
    let stored = api.config("/sources/get", &json!({"sourceId": source})).await.expect(200);
    assert_eq!(stored["connectionConfiguration"]["count"], 10);
    let unfit = json!({"sourceId": source, "name": "x", "connectionConfiguration": {"count": "many"}});
    let refused = api.config("/sources/check_connection_for_update", &unfit).await.expect(422);
    assert!(refused["message"].as_str().unwrap().contains("$.count"), "{refused}");
    let excessive = json!({"cdc": {"deletes": 1_000_000_000_i64}});
    let bad = json!({"sourceId": source, "name": "x", "connectionConfiguration": excessive});
    let checked = api.config("/sources/check_connection_for_update", &bad).await.expect(200);
    assert_eq!(checked["status"], "failed");
    assert!(checked["message"].is_string());
}

#[tokio::test]
async fn sources_are_listed_in_pages_that_begin_behind_an_item() {
    let api = Api::start(Seed::Empty).await;
    for number in 0..25 {
        faker(&api, &format!("Source {number:02}")).await;
    }
    let list = async |extra: Value| {
        let mut body = json!({"workspaceId": api.workspace()});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        api.config("/sources/list", &body).await.expect(200)
    };
    let first = list(json!({})).await;
    let items = first["sources"].as_array().unwrap();
    assert_eq!((items.len(), &first["page_size"], &first["num_connections"]), (20, &json!(20), &json!(25)));
    let rest = list(json!({"cursor": items[19]["sourceId"]})).await;
    let rest: Vec<_> = rest["sources"].as_array().unwrap().iter().map(|one| id(one, "name")).collect();
    assert_eq!(rest, ["Source 20", "Source 21", "Source 22", "Source 23", "Source 24"]);
    let found =
        list(json!({"filters": {"searchTerm": "CE 1"}, "sortKey": "actorName_desc", "pageSize": 2})).await;
    let found: Vec<_> = found["sources"].as_array().unwrap().iter().map(|one| id(one, "name")).collect();
    assert_eq!(found, ["Source 19", "Source 18"]);
    let none = list(json!({"filters": {"states": ["active"]}})).await;
    assert_eq!(none["sources"], json!([]));
}

#[tokio::test]
async fn an_item_of_a_list_tells_of_its_connections() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let connection = api.small_connection().await;
    api.sync(&connection).await;
    let listed = api.config("/sources/list", &json!({"workspaceId": api.workspace()})).await.expect(200);
    let item = &listed["sources"][0];
    assert_eq!(
        (&item["numConnections"], &item["connectionJobStatuses"]),
        (&json!(1), &json!({"succeeded": 1}))
    );
    assert!(item["lastSync"].is_i64());
}

#[tokio::test]
async fn the_specification_of_a_connector_marks_its_secrets() {
    let api = Api::start(Seed::Empty).await;
    let specification = async |side: &str, definition: &str| {
        let body = json!({"workspaceId": api.workspace(), format!("{side}DefinitionId"): definition});
        api.config(&format!("/{side}_definition_specifications/get"), &body).await.expect(200)
    };
    let postgres = specification("destination", POSTGRES).await;
    let properties = &postgres["connectionSpecification"]["properties"];
    assert_eq!(
        (&properties["password"]["airbyte_secret"], properties["host"].get("airbyte_secret")),
        (&json!(true), None)
    );
    assert_eq!(
        postgres["supportedDestinationSyncModes"],
        json!(["overwrite", "append", "append_dedup", "overwrite_dedup"])
    );
    let sqlite = specification("destination", SQLITE).await;
    assert_eq!(sqlite["supportedDestinationSyncModes"], json!(["overwrite", "append"]));
    // One that does not run here.
    let snowflake = specification("destination", "424892c4-daac-4491-b35d-c6688ba547ba").await;
    let password = "/connectionSpecification/properties/credentials/properties/password/airbyte_secret";
    assert_eq!(snowflake.pointer(password), Some(&json!(true)));
    let unknown = json!({"workspaceId": api.workspace(), "sourceDefinitionId": Uuid::from_u128(1)});
    api.config("/source_definition_specifications/get", &unknown).await.expect(404);
}

#[tokio::test]
async fn definitions_are_listed_whole_or_as_far_as_they_are_used() {
    let api = Api::start(Seed::Empty).await;
    faker(&api, "Faker").await;
    let all = json!({"workspaceId": api.workspace()});
    let all = api.config("/source_definitions/list_for_workspace", &all).await.expect(200);
    assert!(all["sourceDefinitions"].as_array().unwrap().len() > 100);
    let used = json!({"workspaceId": api.workspace(), "filterByUsed": true});
    let used = api.config("/source_definitions/list_for_workspace", &used).await.expect(200);
    let used = used["sourceDefinitions"].as_array().unwrap();
    assert_eq!((used.len(), &used[0]["sourceDefinitionId"]), (1, &json!(FAKER)));
    assert_eq!(used[0]["custom"], false);
}
