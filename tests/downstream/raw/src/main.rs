//! Lists the connections of an Airbyte with the bare bindings: the policy, here an access token that is obtained once,
//! is this program's own.

use airbyte_api_raw::{Hooks, RequestHook, public};
use public::types::ApplicationTokenRequestWithGrant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Puts a token into every request.
struct Bearer(reqwest::header::HeaderValue);

impl RequestHook for Bearer {
    fn prepare(&self, request: &mut reqwest::Request, _operation_id: &'static str) {
        request.headers_mut().insert(reqwest::header::AUTHORIZATION, self.0.clone());
    }
}

/// A client of the public API for an application.
async fn client(root: &str, id: &str, secret: &str) -> Result<public::Client, Failure> {
    let http = reqwest::Client::new();
    let anonymous = public::Client::new_with_client(root, http.clone(), Hooks::none());
    let request = ApplicationTokenRequestWithGrant::builder().client_id(id).client_secret(secret);
    let token = anonymous.create_access_token().body(request).send().await?.into_inner().access_token;
    let mut header = reqwest::header::HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(public::Client::new_with_client(root, http, Hooks::new(Bearer(header))))
}

/// The names of all connections, page by page.
async fn connections(client: &public::Client) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    loop {
        let offset = i32::try_from(names.len())?;
        let page = client.list_connections().limit(100).offset(offset).send().await?.into_inner();
        if page.data.is_empty() {
            return Ok(names);
        }
        names.extend(page.data.into_iter().map(|connection| connection.name));
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (id, secret) = (variable("AIRBYTE_CLIENT_ID")?, variable("AIRBYTE_CLIENT_SECRET")?);
    let client = client(&variable("AIRBYTE_API_URL")?, &id, &secret).await?;
    for name in connections(&client).await? {
        println!("{name}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_lists_what_is_there() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = airbyte_sandbox::Sandbox::start().await.unwrap();
        let ready = sandbox.ready();
        let client = client(&ready.public_api_root, &ready.client_id, &ready.client_secret).await.unwrap();
        assert_eq!(connections(&client).await.unwrap(), ["Faker to SQLite"]);
    }
}
