//! The bare bindings: `cargo run -p airbyte-api-raw --example bare`, in an environment as `airbyte sandbox` prints it.
//!
//! Nothing is retried, refreshed or explained here; `airbyte-cloud` does that.

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_api_raw::public::types::ApplicationTokenRequestWithGrant;
use airbyte_api_raw::{Hooks, RequestHook, public};

/// Puts a token into every request.
struct Bearer(reqwest::header::HeaderValue);

impl RequestHook for Bearer {
    fn prepare(&self, request: &mut reqwest::Request, _operation_id: &'static str) {
        request.headers_mut().insert(reqwest::header::AUTHORIZATION, self.0.clone());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The bindings choose no provider of cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let root = std::env::var("AIRBYTE_API_URL")?;

    let anonymous = public::Client::new_with_client(&root, http.clone(), Hooks::none());
    let credentials = ApplicationTokenRequestWithGrant::builder()
        .client_id(std::env::var("AIRBYTE_CLIENT_ID")?)
        .client_secret(std::env::var("AIRBYTE_CLIENT_SECRET")?);
    let token = anonymous.create_access_token().body(credentials).send().await?.into_inner().access_token;

    let header = format!("Bearer {token}").parse()?;
    let client = public::Client::new_with_client(&root, http, Hooks::new(Bearer(header)));
    for connection in client.list_connections().limit(20).send().await?.into_inner().data {
        println!("{} {}", connection.connection_id, connection.name);
    }
    Ok(())
}
