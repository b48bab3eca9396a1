//! Configurations against the specification of their connector, over both APIs.

use airbyte_sandbox::Seed;
use serde_json::{Value, json};

use crate::support::Api;

fn postgres(change: &Value) -> Value {
    let mut configuration = json!({
        "destinationType": "postgres", "host": "127.0.0.1", "port": 1, "database": "d", "schema": "s", "username": "u",
        "password": "hush",
    });
    for (name, value) in change.as_object().unwrap() {
        configuration[name] = value.clone();
    }
    configuration
}

#[tokio::test]
async fn what_does_not_fit_the_specification_is_refused_with_all_of_its_faults() {
    let api = Api::start(Seed::Empty).await;
    let create = async |kind: &str, configuration: Value| {
        let body = json!({"name": "n", "workspaceId": api.workspace(), "configuration": configuration});
        api.post(&format!("/{kind}"), &body).await
    };
    let file = |change: Value| {
        let mut configuration = json!({
            "sourceType": "file", "dataset_name": "d", "format": "csv", "url": "d.csv", "provider": {"storage": "local"},
        });
        for (name, value) in change.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        configuration
    };
    for (kind, refused, told) in [
        ("sources", json!({"sourceType": "faker", "count": "10"}), "$.count: string found, integer expected"),
        ("sources", json!({"sourceType": "faker", "count": 0}), "minimum value of 1"),
        ("sources", json!({"sourceType": "file"}), "$.url: is missing but it is required"),
        ("sources", file(json!({"format": "docx"})), "$.format: does not have a value in the enumeration"),
        (
            "sources",
            file(json!({"provider": {"storage": "AzBlob"}})),
            "$.provider.storage_account: is missing",
        ),
        ("sources", file(json!({"provider": "local"})), "$.provider"),
        ("destinations", postgres(&json!({"port": "hush"})), "$.port: string found, integer expected"),
        ("destinations", postgres(&json!({"ssl_mode": {"mode": "hush"}})), "$.ssl_mode"),
        ("destinations", postgres(&json!({"cdc_deletion_mode": "hush"})), "$.cdc_deletion_mode"),
        ("destinations", json!({"destinationType": "sqlite"}), "$.destination_path: is missing"),
        ("destinations", json!({"destinationType": "sqlite", "destination_path": 1}), "integer found"),
        ("destinations", json!({"destinationType": "duckdb", "schema": []}), "$.schema: array found"),
    ] {
        let problem = create(kind, refused.clone()).await.expect(422);
        let message = problem["data"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(told), "{refused}: {message}");
        assert!(!message.contains("hush"), "a value may be secret: {message}");
    }
    assert_eq!(api.get("/sources").await.expect(200)["data"], json!([]), "nothing was made");
    // Both a fault and the next one are told.
    let both = create("destinations", postgres(&json!({"port": "x", "host": 1}))).await.expect(422);
    let message = both["data"]["message"].as_str().unwrap();
    assert!(message.contains("$.port") && message.contains("$.host"), "{message}");

    // What the specification does not know is taken, as by the server; so is what only a check would find out.
    create("sources", json!({"sourceType": "faker", "unknown": true})).await.expect(200);
    create("sources", file(json!({"format": "excel"}))).await.expect(200);
    create("destinations", postgres(&json!({"ssl_mode": {"mode": "require"}}))).await.expect(200);
    create("destinations", json!({"destinationType": "duckdb", "destination_path": "/local/d"}))
        .await
        .expect(200);
}

#[tokio::test]
async fn changes_are_checked_with_what_is_stored() {
    let api = Api::start(Seed::Empty).await;
    let destination = api.destination(postgres(&json!({}))).await;
    let path = format!("/destinations/{destination}");
    let before = api.get(&path).await.expect(200);
    for refused in [json!({"port": "5432"}), json!({"host": null})] {
        api.patch(&path, &json!({"configuration": refused})).await.expect(422);
    }
    api.put(&path, &json!({"name": "n", "configuration": {"host": "h"}})).await.expect(422);
    let refused = json!({
        "destinationId": destination, "name": "n", "connectionConfiguration": {"host": "h", "port": true},
    });
    let told = api.config("/destinations/update", &refused).await.expect(422);
    assert!(told["message"].as_str().unwrap().contains("$.port: boolean found"), "{told}");
    assert_eq!(api.get(&path).await.expect(200), before);
    let changed = api.patch(&path, &json!({"configuration": {"port": 5433}})).await.expect(200);
    assert_eq!(changed["configuration"]["port"], 5433);
}
