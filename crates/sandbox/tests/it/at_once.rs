//! Many clients that change the same thing at the same moment: nothing that was acknowledged is lost.

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::Api;
use airbyte_sandbox::{Edition, Sandbox, Seed};

const ROUNDS: usize = 100;

/// A member and the values that it gets, round after round.
type Changing = (&'static str, fn(usize) -> Value);

/// For each member of what is at `path` there is a client that changes it again and again and nobody else does, so
/// each of them finds it as it was left.
async fn changes_meet(api: &Api, path: &str, members: &[Changing]) {
    join_all(members.iter().map(|(pointer, value)| async move {
        let mut left = None;
        for round in 0..ROUNDS {
            let now = api.get(path).await.expect(200);
            let found = now.pointer(pointer);
            assert!(left.is_none() || found == left.as_ref(), "{pointer} was {left:?}, is {found:?}");
            let value = value(round);
            api.patch(path, &nested(pointer, &value)).await.expect(200);
            left = Some(value);
        }
    }))
    .await;
}

/// An object that has this value at the pointer.
fn nested(pointer: &str, value: &Value) -> Value {
    pointer
        .rsplit('/')
        .filter(|name| !name.is_empty())
        .fold(value.clone(), |inner, name| json!({name: inner}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_different_members_of_a_connection_meet() {
    let api = Api::start(Seed::Demo).await;
    let connections = api.get("/connections").await.expect(200);
    let path = format!("/connections/{}", connections["data"][0]["connectionId"].as_str().unwrap());
    let members: [Changing; 6] = [
        ("/name", |round| json!(format!("name {round}"))),
        ("/prefix", |round| json!(format!("prefix_{round}_"))),
        ("/namespaceFormat", |round| json!(format!("format_{round}"))),
        ("/status", |round| json!(["inactive", "active"][round % 2])),
        ("/namespaceDefinition", |round| json!(["source", "custom_format"][round % 2])),
        ("/nonBreakingSchemaUpdatesBehavior", |round| json!(["propagate_fully", "ignore"][round % 2])),
    ];
    changes_meet(&api, &path, &members).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_different_members_of_a_source_and_a_workspace_meet() {
    let api = Api::start(Seed::Demo).await;
    let source = api.source(json!({"sourceType": "faker", "count": 1})).await;
    let members: [Changing; 4] = [
        ("/name", |round| json!(format!("name {round}"))),
        ("/configuration/count", |round| json!(round + 1)),
        ("/configuration/seed", |round| json!(round + 2)),
        ("/configuration/parallelism", |round| json!(round % 4 + 1)),
    ];
    changes_meet(&api, &format!("/sources/{source}"), &members).await;
    let members: [Changing; 3] = [
        ("/name", |round| json!(format!("name {round}"))),
        ("/notifications/failure/email/enabled", |round| json!(round % 2 == 0)),
        ("/notifications/success/email/enabled", |round| json!(round % 2 == 1)),
    ];
    changes_meet(&api, &format!("/workspaces/{}", api.workspace()), &members).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_through_both_apis_meet() {
    let api = Api::start(Seed::Demo).await;
    let connections = api.get("/connections").await.expect(200);
    let id = connections["data"][0]["connectionId"].as_str().unwrap();
    let path = format!("/connections/{id}");
    for round in 0..20 {
        let (name, prefix) = (format!("name {round}"), format!("prefix_{round}_"));
        let (streams, namespaced) = (
            json!({"configurations": {"streams": [{"name": "users", "syncMode": "full_refresh_append"}]}}),
            json!({"connectionId": id, "namespaceFormat": prefix}),
        );
        let (name_body, prefix_body) =
            (json!({"name": name}), json!({"connectionId": id, "prefix": prefix, "skipReset": true}));
        // The first of them asks the source before it stores anything.
        let (one, two, three, four) = tokio::join!(
            api.patch(&path, &streams),
            api.patch(&path, &name_body),
            api.config("/web_backend/connections/update", &prefix_body),
            api.config("/connections/update", &namespaced),
        );
        for answer in [one, two, three, four] {
            answer.expect(200);
        }
        let now = api.get(&path).await.expect(200);
        assert_eq!(
            [&now["name"], &now["prefix"], &now["namespaceFormat"]],
            [&json!(name), &json!(prefix), &json!(prefix)]
        );
        assert_eq!(now["configurations"]["streams"].as_array().unwrap().len(), 1, "{now}");
        let all = json!({"configurations": {"streams": [{"name": "users"}, {"name": "products"}]}});
        api.patch(&path, &all).await.expect(200);
    }
}

/// How many of the requests that were sent at once were granted.
async fn granted(requests: impl Iterator<Item = impl Future<Output = crate::support::Answer>>) -> usize {
    join_all(requests).await.iter().filter(|answer| answer.status == StatusCode::OK).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_equal_names_one_is_given() {
    let builder = Sandbox::builder().seed(Seed::Demo).edition(Edition::Cloud);
    let api = Api::of(builder).await;
    for round in 0..20 {
        let tag = json!({"name": format!("tag {round}"), "color": "00ff00", "workspaceId": api.workspace()});
        assert_eq!(granted((0..8).map(|_| api.post("/tags", &tag))).await, 1, "round {round}");
    }
    // One is there already, and two are all that a user may have.
    let names: Vec<Value> = (0..8).map(|number| json!({"name": format!("application {number}")})).collect();
    assert_eq!(granted(names.iter().map(|name| api.post("/applications", name))).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_starts_at_once_one_makes_a_job() {
    let api = Api::start(Seed::Demo).await;
    let connections = api.get("/connections").await.expect(200);
    let id = connections["data"][0]["connectionId"].as_str().unwrap();
    let sync = json!({"connectionId": id, "jobType": "sync"});
    for round in 0..5 {
        let begun = granted((0..16).map(|_| api.post("/jobs", &sync))).await;
        let jobs = api.get("/jobs?orderBy=createdAt%7CDESC").await.expect(200);
        let jobs = jobs["data"].as_array().unwrap();
        assert_eq!((begun, jobs.len()), (1, round + 1), "{jobs:?}");
        api.finished(jobs[0]["jobId"].as_i64().unwrap()).await;
    }
    // A connection that is deleted meanwhile begins nothing more.
    let path = format!("/connections/{id}");
    let (deleted, _) = tokio::join!(api.delete(&path), granted((0..16).map(|_| api.post("/jobs", &sync))));
    deleted.expect(204);
    assert_eq!(granted(std::iter::once(api.post("/jobs", &sync))).await, 0);
}
