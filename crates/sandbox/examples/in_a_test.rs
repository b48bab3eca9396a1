//! A program that starts a sync, and what a test of it looks like: a local Airbyte, a fault, and the requests that
//! came in.
//!
//! The program is one that speaks HTTP by itself, so that this shows the sandbox and no client.

use std::time::Duration;

use airbyte_sandbox::{Ready, Sandbox};
use serde_json::{Value, json};

/// The program under test: starts a sync of the first connection and returns its job's number.
async fn start_first_sync(
    http: &reqwest::Client,
    airbyte: &Ready,
) -> Result<i64, Box<dyn std::error::Error>> {
    let root = &airbyte.public_api_root;
    let credentials = json!({ "client_id": airbyte.client_id, "client_secret": airbyte.client_secret });
    let answer = http.post(format!("{root}/applications/token")).json(&credentials).send().await?;
    let token = answer.json::<Value>().await?["access_token"].as_str().unwrap_or_default().to_owned();

    let answer = http.get(format!("{root}/connections")).bearer_auth(&token).send().await?;
    let connection = answer.json::<Value>().await?["data"][0]["connectionId"].clone();
    let job = json!({ "connectionId": connection, "jobType": "sync" });
    loop {
        let answer = http.post(format!("{root}/jobs")).bearer_auth(&token).json(&job).send().await?;
        if answer.status().is_success() {
            return Ok(answer.json::<Value>().await?["jobId"].as_i64().unwrap_or_default());
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A client of one's own needs a provider of cryptography, even to a server on this machine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();

    let sandbox = Sandbox::start().await?;
    // The first start of a job is answered by a proxy that cannot reach the server.
    sandbox.add_fault("html=502,op=createJob,times=1".parse()?)?;

    let job = start_first_sync(&http, sandbox.ready()).await?;

    // The first request never arrived, so the second one is right, and there is one job.
    assert_eq!(job, 1);
    sandbox.assert_asked("createJob", 2);
    assert_eq!(sandbox.requests_for("createJob")[0].status, Some(502));
    let sent = sandbox.requests_for("createJob").pop().and_then(|request| request.body);
    assert_eq!(sent.unwrap_or_default()["jobType"], "sync");
    // An hour later: the token that the program holds has ended.
    sandbox.advance(Duration::from_hours(1))?;

    sandbox.shutdown().await;
    Ok(())
}
