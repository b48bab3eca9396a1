//! Calls an operation that has no method of its own, with types and without:
//! `cargo run -p airbyte-cloud --example raw`, in an environment as `airbyte sandbox` prints it.

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_cloud::api_raw::public::types::ConnectorType;
use airbyte_cloud::{ApiRequest, Client, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::from_env()?;

    // The bindings have a method for every operation. They retry nothing, and their errors only tell the status.
    let raw = client.raw();
    let sources = match raw.public().list_connector_definitions().type_(ConnectorType::Source).send().await {
        Ok(answer) => answer.into_inner().data,
        Err(error) => return Err(raw.explain(error).await),
    };
    for source in &sources {
        println!("{} {}", source.id, source.name);
    }

    // Retries and errors are this crate's here, and the answer is JSON as it came.
    let request = ApiRequest::get("/connector_definitions").query("type", "destination");
    let answer = client.request(request).await?;
    println!("and {} destinations", answer.body["data"].as_array().map_or(0, Vec::len));
    Ok(())
}
