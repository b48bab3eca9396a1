//! Calls an operation that has no method of its own, with types and without:
//! `cargo run -p airbyte-cloud --example raw`, in an environment as `airbyte sandbox` prints it.

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_cloud::api_raw::public::types::ConnectorType;
use airbyte_cloud::{ApiRequest, Client, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::from_env()?;
    let workspace = client.default_workspace()?.id();

    // The bindings have a method for every operation. They retry nothing, and their errors only tell the status.
    let raw = client.raw();
    let api = raw.public();
    let call = api.list_connector_definitions().type_(ConnectorType::Source).workspace_id(workspace);
    let sources = match call.send().await {
        Ok(answer) => answer.into_inner().data,
        Err(error) => return Err(raw.explain(error).await),
    };
    for source in &sources {
        println!("{} {}", source.id, source.name);
    }

    // Retries and errors are this crate's here, and the answer is JSON as it came.
    let request = ApiRequest::get("/connector_definitions").query("type", "destination");
    let answer = client.request(request.query("workspaceId", workspace.to_string())).await?;
    println!("and {} destinations", answer.body["data"].as_array().map_or(0, Vec::len));
    Ok(())
}
