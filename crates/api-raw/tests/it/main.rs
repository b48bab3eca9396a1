//! What the bindings promise: tolerant reading, exact writing, one seam for requests.

#![allow(missing_docs, clippy::needless_pass_by_value, clippy::unwrap_used, reason = "these are tests")]

mod answers;
mod calls;
mod document;
mod every_operation;
mod hooks;
#[cfg(feature = "httpmock")]
mod mocks;
mod requests;
mod secrets;
mod sparse;

use airbyte_api_raw::{Hooks, config, public};
use document::ID;
use wiremock::MockServer;

fn public_client(server: &MockServer) -> public::Client {
    public::Client::new_with_client(&server.uri(), http_client(), Hooks::none())
}

fn config_client(server: &MockServer) -> config::Client {
    config::Client::new_with_client(&server.uri(), http_client(), Hooks::none())
}

/// The bindings choose no TLS, so a client that makes any connection needs one chosen first.
fn http_client() -> reqwest::Client {
    static PROVIDER: std::sync::Once = std::sync::Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    reqwest::Client::new()
}
