//! What `cargo xtask bench` measures of this crate, each task as a process of its own:
//!
//! - `first`: one answer, about the workspace
//! - `list`: all connections of the workspace
//! - `find NAME`: the connections of that name
//! - `syncs COUNT`: as many connections synced at once, and each awaited
//! - `watch COUNT`: the same, but all of them awaited by one watcher
//! - `prepare COUNT`: makes the connections for all that, from a few rows to nowhere
//!
//! The way to the server comes from the environment. What is printed tells the benchmark that the task was done.

#![allow(clippy::print_stdout, reason = "an example talks to whoever started it")]

use airbyte_cloud::{ApiRequest, Client, Result, Workspace};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

/// How many connections are made at once.
const AT_ONCE: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let workspace = Client::from_env()?.default_workspace()?;
    match arguments[..] {
        ["first"] => println!("{}", workspace.info().await?.workspace_id),
        ["list"] => println!("{}", workspace.connections().await?.len()),
        ["find", name] => println!("{}", workspace.connections().name(name).await?.len()),
        ["syncs", count] => println!("{}", syncs(&workspace, count.parse()?).await?),
        ["watch", count] => println!("{}", watch(&workspace, count.parse()?).await?),
        ["prepare", count] => prepare(&workspace, count.parse()?).await?,
        _ => {
            return Err(
                "usage: bench first | list | find NAME | syncs COUNT | watch COUNT | prepare COUNT".into()
            );
        }
    }
    Ok(())
}

/// How many of the syncs succeeded.
async fn syncs(workspace: &Workspace, count: usize) -> Result<usize> {
    let connections = workspace.connections().limit(count).await?;
    let client = workspace.client();
    let syncs = connections
        .iter()
        .map(|connection| async { client.connection(connection.connection_id).sync().await?.wait().await });
    Ok(futures::future::try_join_all(syncs).await?.len())
}

/// How many of the syncs succeeded.
async fn watch(workspace: &Workspace, count: usize) -> Result<usize> {
    let connections = workspace.connections().limit(count).await?;
    let client = workspace.client();
    let jobs: Vec<_> = futures::stream::iter(connections)
        .map(|connection| async move {
            Ok::<_, airbyte_cloud::Error>(client.connection(connection.connection_id).sync().await?.job_id())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let ended = client.watch_jobs(workspace.id(), jobs).await;
    Ok(ended.values().filter(|outcome| outcome.is_ok()).count())
}

async fn prepare(workspace: &Workspace, count: usize) -> Result<()> {
    let source = json!({
        "name": "A few people", "workspaceId": workspace.id(),
        "configuration": { "sourceType": "faker", "count": 10, "seed": 1 },
    });
    let nowhere = json!({
        "name": "Nowhere", "workspaceId": workspace.id(), "configuration": {},
        // The server knows no name for it.
        "definitionId": "a7bcc9d8-13b3-4e49-b80d-d020b90045e3",
    });
    let client = workspace.client();
    let (source, destination) =
        (make(client, "/sources", source).await?, make(client, "/destinations", nowhere).await?);
    let bodies = (0..count).map(|number| {
        json!({
            "name": format!("connection {number}"),
            "sourceId": source["sourceId"], "destinationId": destination["destinationId"],
        })
    });
    futures::stream::iter(bodies)
        .map(|body| make(client, "/connections", body))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|_| std::future::ready(Ok(())))
        .await
}

async fn make(client: &Client, path: &str, body: Value) -> Result<Value> {
    Ok(client.request(ApiRequest::post(path).body(body)).await?.body)
}
