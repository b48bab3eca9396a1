//! The pages for people, as a browser without JavaScript gets them.

use std::collections::{BTreeMap, VecDeque};

use airbyte_sandbox::{Edition, Sandbox, Seed};
use regex::Regex;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, FAST, answer, id};

/// What a page says that has nothing to show.
const NOTHING: &str = "<h1>Nothing here</h1>";

async fn page(api: &Api, path: &str) -> Answer {
    let page = answer(api.http.get(api.host(path))).await;
    assert_eq!(page.status, 200, "{path}");
    assert!(page.content_type.starts_with("text/html"), "{path}: {}", page.content_type);
    page
}

/// The page, which has to exist.
async fn existing(api: &Api, path: &str) -> String {
    let page = page(api, path).await;
    assert!(!page.text.contains(NOTHING), "{path}");
    page.text
}

/// The address of a page of the sandbox's workspace.
fn at(api: &Api, path: &str) -> String {
    format!("/workspaces/{}/{path}", api.workspace())
}

/// A builder project with a published manifest, by its id.
async fn project(api: &Api, name: &str) -> String {
    let workspace = api.workspace();
    let manifest = json!({"version": "6.0.0", "type": "DeclarativeSource", "check": {}, "streams": []});
    let draft = json!({"name": name, "draftManifest": manifest});
    let body = json!({"workspaceId": workspace, "builderProject": draft});
    id(&api.config("/connector_builder_projects/create", &body).await.expect(201), "builderProjectId")
}

#[tokio::test]
async fn the_links_that_a_client_prints_open_pages_of_their_objects() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let destination = api.dev_null().await;
    let connection = api.connect(&source, &destination, json!([{"name": "users"}])).await;
    api.patch(&format!("/connections/{connection}"), &json!({"name": "People to nowhere"})).await.expect(200);
    let project = project(&api, "My API").await;
    for (path, shown) in [
        (String::new(), "People to nowhere"),
        (format!("source/{source}"), "Faker"),
        (format!("destination/{destination}"), "Nowhere"),
        (format!("connections/{connection}"), "full refresh"),
        (format!("connections/{connection}/timeline"), "People to nowhere"),
        (format!("connector-builder/edit/{project}"), "DeclarativeSource"),
        ("settings/source".to_owned(), "airbyte/source-faker"),
    ] {
        let text = existing(&api, &at(&api, &path)).await;
        assert!(text.contains(shown), "{path} does not say {shown}: {text}");
    }
}

#[tokio::test]
async fn every_link_of_every_page_leads_to_a_page() {
    let api = Api::start(Seed::Demo).await;
    assert_eq!(api.sandbox.ready().pages(), api.host("/"));
    project(&api, "My API").await;
    let connection = api.small_connection().await;
    api.sync(&connection).await;
    api.fault("fail-job,times=1").await;
    api.failing_sync(&connection).await;
    let link = Regex::new(r##"href="([^"#]+)"##).unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut waiting = VecDeque::from(["/".to_owned()]);
    while let Some(path) = waiting.pop_front() {
        if seen.contains_key(&path) {
            continue;
        }
        let text = existing(&api, &path).await;
        seen.insert(path.clone(), text.len());
        let base = path.split('?').next().unwrap();
        waiting.extend(link.captures_iter(&text).map(|found| found[1].replace("&amp;", "&")).filter_map(
            |link| match link.as_bytes()[0] {
                b'/' => Some(link),
                b'?' => Some(format!("{base}{link}")),
                _ => None,
            },
        ));
    }
    // The first page, five of the workspace, the connectors by pages, and those of the objects.
    assert!(seen.len() > 20, "{:?}", seen.keys());
    assert!(seen.keys().any(|path| path.ends_with("/jobs/2")), "{:?}", seen.keys());
}

#[tokio::test]
async fn markup_in_names_and_messages_stays_text() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";
    let api = Api::start(Seed::Empty).await;
    api.patch(&format!("/workspaces/{}", api.workspace()), &json!({"name": EVIL})).await.expect(200);
    let missing = json!({
        "sourceType": "file", "dataset_name": EVIL, "format": "csv", "url": "nothing.csv",
        "provider": {"storage": "local"},
    });
    let source = api.source(missing).await;
    api.patch(&format!("/sources/{source}"), &json!({"name": EVIL})).await.expect(200);
    let faker = api.source(json!({"sourceType": "faker", "count": 10, "seed": 1})).await;
    let connection = api.connect(&faker, &api.dev_null().await, json!([{"name": "users"}])).await;
    api.patch(&format!("/connections/{connection}"), &json!({"name": EVIL, "prefix": EVIL}))
        .await
        .expect(200);
    api.sync(&connection).await;
    let project = project(&api, EVIL).await;
    for path in [
        "/".to_owned(),
        at(&api, ""),
        at(&api, "source"),
        at(&api, &format!("source/{source}")),
        at(&api, &format!("connections/{connection}")),
        at(&api, &format!("connections/{connection}/timeline")),
        at(&api, &format!("connections/{connection}/jobs/1")),
        at(&api, &format!("connector-builder/edit/{project}")),
        at(&api, "settings/source?search=%3Cscript%3Ealert(1)%22%3E"),
    ] {
        let text = existing(&api, &path).await;
        assert!(text.contains("&lt;script&gt;alert(1)"), "{path} does not show the name");
        assert!(!text.contains("<script>alert") && !text.contains("<img"), "{path}: {text}");
    }
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let api = Api::start(Seed::Empty).await;
    let postgres = api
        .destination(json!({
            "destinationType": "postgres", "host": "db.internal", "port": 5432, "database": "d", "schema": "s",
            "username": "u", "password": "hunter2",
            "tunnel_method": {
                "tunnel_method": "SSH_KEY_AUTH", "tunnel_host": "h", "tunnel_port": 22, "tunnel_user": "u",
                "ssh_key": "hunter2",
            },
        }))
        .await;
    let text = existing(&api, &at(&api, &format!("destination/{postgres}"))).await;
    assert!(text.contains("db.internal") && text.contains("**********"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    // Nothing is known of this connector, so anything in it may be a secret.
    let definition = json!({
        "name": "Mine", "dockerRepository": "example/mine", "dockerImageTag": "1", "documentationUrl": "",
    });
    let path = format!("/workspaces/{}/definitions/sources", api.workspace());
    let definition = id(&api.post(&path, &definition).await.expect(200), "id");
    let body = json!({
        "name": "Mine", "workspaceId": api.workspace(), "definitionId": definition,
        "configuration": {"login": {"word": "hunter2"}, "keys": ["hunter2"]},
    });
    let source = id(&api.post("/sources", &body).await.expect(200), "sourceId");
    let text = existing(&api, &at(&api, &format!("source/{source}"))).await;
    assert!(text.contains("login.word"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn of_a_connector_without_a_specification_neither_page_nor_record_shows_a_secret() {
    let api = Api::start(Seed::Empty).await;
    let source = api
        .source(json!({
            "sourceType": "bigquery", "project_id": "p", "credentials_json": "hunter2", "odd": "hunter2",
        }))
        .await;
    let text = existing(&api, &at(&api, &format!("source/{source}"))).await;
    assert!(text.contains("credentials_json") && !text.contains("hunter2"), "{text}");
    let read = api.get(&format!("/sources/{source}")).await.expect(200);
    assert_eq!(read["configuration"]["credentials_json"], "**********");

    api.sandbox.forget_requests();
    let body = json!({
        "credentials_json": "hunter2", "mappers": [{"mapperConfiguration": {"key": "hunter2"}}],
        "hmac_key_access_id": "hunter2",
    });
    api.post("/sources", &body).await;
    let seen = answer(api.control(Method::GET, "requests")).await.text;
    assert!(seen.contains("credentials_json") && !seen.contains("hunter2"), "{seen}");
}

#[tokio::test]
async fn the_history_shows_what_each_job_has_written() {
    let api = Api::start(Seed::Empty).await;
    let source = api.source(json!({"sourceType": "faker", "count": 1234, "seed": 1})).await;
    let connection = api.connect(&source, &api.dev_null().await, json!([{"name": "users"}])).await;
    let timeline = at(&api, &format!("connections/{connection}/timeline"));
    assert!(existing(&api, &timeline).await.contains("Nothing has run yet"));
    api.sync(&connection).await;
    api.fault("fail-job,times=1").await;
    api.failing_sync(&connection).await;
    let text = existing(&api, &timeline).await;
    assert!(text.contains("Job 1: succeeded, 1,234 rows"), "{text}");
    assert!(text.contains("Job 2: failed, 0 rows"), "{text}");
    // The first bar is nearly as high as the scale, which ends at 2,000; the second one is there all the same.
    let bar = Regex::new(r#"class="bar"[^>]* height="(\d+)""#).unwrap();
    let heights: Vec<String> = bar.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    assert_eq!(heights, ["617", "20"]);
    let newest = text.find("/jobs/2\">2</a>").expect("the second job's row");
    assert!(newest < text.find("/jobs/1\">1</a>").expect("the first job's row"));
}

#[tokio::test]
async fn a_job_shows_its_attempts_failures_and_logs() {
    let api = Api::start(Seed::Empty).await;
    let connection = api.small_connection().await;
    api.fault("fail-job,times=1").await;
    api.failing_sync(&connection).await;
    api.sync(&connection).await;
    let job = |number: i64| at(&api, &format!("connections/{connection}/jobs/{number}"));
    let reason = id(&api.failures(1).await[0], "externalMessage");
    let text = existing(&api, &job(1)).await;
    assert!(text.contains(&format!("<p>{}</p>", escaped(&reason))), "{reason} is missing in {text}");
    assert!(text.contains("config error"), "{text}");

    let text = existing(&api, &job(2)).await;
    let info = api.config("/jobs/get", &json!({"id": 2})).await.expect(200);
    let events = info.pointer("/attempts/0/logs/events").and_then(Value::as_array).unwrap();
    assert!(events.len() > 2, "{events:?}");
    for event in events {
        let message = escaped(&id(event, "message"));
        assert!(text.contains(&message), "{message} is missing in {text}");
    }
    assert_eq!(text.matches("<h2 id=\"attempt-").count(), 1);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[tokio::test]
async fn a_page_of_something_that_runs_asks_to_be_looked_at_again() {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(1.0)).await;
    let connection = api.small_connection().await;
    let paths = [
        "/".to_owned(),
        at(&api, ""),
        at(&api, &format!("connections/{connection}")),
        at(&api, &format!("connections/{connection}/timeline")),
        at(&api, &format!("connections/{connection}/jobs/1")),
    ];
    let job = api.start_sync(&connection).await;
    for path in &paths {
        let text = existing(&api, path).await;
        assert!(
            text.contains("<main data-live>") && text.contains("http-equiv=\"refresh\""),
            "{path}: {text}"
        );
    }
    api.finished(job).await;
    for path in &paths {
        let text = existing(&api, path).await;
        assert!(text.contains("<main>") && !text.contains("http-equiv=\"refresh\""), "{path}: {text}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_one_page_with_200() {
    let api = Api::start(Seed::Demo).await;
    let other = id(&api.post("/workspaces", &json!({"name": "Other"})).await.expect(200), "workspaceId");
    let connection = api.small_connection().await;
    let unknown = uuid::Uuid::new_v4();
    for path in [
        "/nothing".to_owned(),
        "/v1/applications/token".to_owned(),
        format!("/workspaces/{unknown}"),
        "/workspaces/x".to_owned(),
        "/workspaces/%3Cscript%3E".to_owned(),
        at(&api, &format!("connections/{unknown}")),
        at(&api, &format!("connections/{connection}/jobs/99")),
        at(&api, &format!("connections/{connection}/jobs/x")),
        at(&api, "../../etc/passwd"),
        // An object is below its own workspace only, and a source is no destination.
        format!("/workspaces/{other}/connections/{connection}"),
        at(&api, &format!("source/{connection}")),
    ] {
        assert!(page(&api, &path).await.text.contains(NOTHING), "{path}");
        let posted = answer(api.http.request(Method::POST, api.host(&path)).json(&Value::Null)).await;
        assert_eq!(posted.status, 200, "{path}");
        assert!(posted.text.contains(NOTHING), "{path}");
    }
}

#[tokio::test]
async fn an_open_page_does_not_fill_the_record_of_requests() {
    let api = Api::start(Seed::Empty).await;
    existing(&api, &at(&api, "")).await;
    page(&api, "/v1/workspaces").await;
    let paths: Vec<String> = api.sandbox.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/api/public/v1/applications/token", "/v1/workspaces"]);
}

#[tokio::test]
async fn long_lists_are_searched_and_paged() {
    let api = Api::start(Seed::Empty).await;
    let rows = |text: &str| text.matches("<tr>").count() - 1;
    let first = existing(&api, &at(&api, "settings/source")).await;
    assert_eq!(rows(&first), 100);
    assert!(!first.contains("Zoom"), "{first}");
    let found = existing(&api, &at(&api, "settings/source?search=fAKer")).await;
    assert_eq!(rows(&found), 1);
    let last = existing(&api, &at(&api, "settings/source?from=100000")).await;
    assert!(last.contains("← Before"), "{last}");
    let none = existing(&api, &at(&api, "settings/source?search=no-such")).await;
    assert!(none.contains("No connector has a name like this"), "{none}");
}

#[tokio::test]
async fn deleted_objects_leave_the_lists_and_keep_their_pages() {
    let api =
        Api::of(Sandbox::builder().seed(Seed::Empty).edition(Edition::Community).time_scale(FAST)).await;
    let connection = api.small_connection().await;
    api.patch(&format!("/connections/{connection}"), &json!({"name": "Short-lived"})).await.expect(200);
    assert!(existing(&api, &at(&api, "")).await.contains("Short-lived"));
    api.delete(&format!("/connections/{connection}")).await;
    assert!(!existing(&api, &at(&api, "")).await.contains("Short-lived"));
    let text = existing(&api, &at(&api, &format!("connections/{connection}"))).await;
    assert!(text.contains("Short-lived") && text.contains(">deleted<"), "{text}");
}
