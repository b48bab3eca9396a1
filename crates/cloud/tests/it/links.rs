//! The links that the client gives open pages of what they are links to.

use airbyte_cloud::Manifest;
use airbyte_sandbox::Sandbox;
use serde_json::json;

use crate::sandbox::{demo, start};

#[tokio::test]
async fn every_link_opens_the_page_of_its_object() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.default_workspace().unwrap();
    let connection = demo(&client).await;
    let sync = connection.sync().await.unwrap();
    sync.wait().await.unwrap();
    let info = connection.info().await.unwrap();
    let manifest = Manifest::from(json!({
        "version": "6.1.0", "type": "DeclarativeSource", "check": {}, "streams": [],
        "spec": {"connection_specification": {"type": "object", "properties": {}}},
    }));
    let custom = workspace.publish_custom_source("things", manifest).await.unwrap();
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bar = format!("Job {}: succeeded", sync.job_id());
    for (link, shown) in [
        (workspace.url(), "<h1>Sandbox</h1>"),
        (connection.url().await.unwrap(), "<h1>Faker to SQLite</h1>"),
        (connection.history_url().await.unwrap(), &bar),
        (sync.url().await.unwrap(), &bar),
        (client.job(sync.job_id()).url().await.unwrap(), &bar),
        (client.source(info.source_id).url().await.unwrap(), "<h1>Faker</h1>"),
        (client.destination(info.destination_id).url().await.unwrap(), "<h1>Embedded SQLite</h1>"),
        (custom.url().await.unwrap(), "<h1>things</h1>"),
    ] {
        let link = link.expect("the sandbox's links are known");
        let page = reqwest::get(&link).await.unwrap().text().await.unwrap();
        assert!(page.contains(shown), "{link} does not show {shown}: {page}");
    }
    sandbox.shutdown().await;
}
