//! Typed bindings to the Airbyte APIs, generated at build time from the project's API documents.
//!
//! Two modules, each behind the feature of its name: [`public`] is the documented API for users, [`config`]
//! the part of the Config API (what Airbyte's own web application speaks) that this project uses. Both have a
//! `Client` with one method per operation, which gives a builder; `send()` on it makes the call. A whole program, for a server
//! that `AIRBYTE_API_URL` and `AIRBYTE_BEARER_TOKEN` name:
//!
//! ```no_run
//! use airbyte_api_raw::{Hooks, RequestHook, public};
//! use reqwest::header::{AUTHORIZATION, HeaderValue};
//!
//! /// Puts the token into every request.
//! struct Bearer(HeaderValue);
//!
//! impl RequestHook for Bearer {
//!     fn prepare(&self, request: &mut reqwest::Request, _operation_id: &'static str) {
//!         request.headers_mut().insert(AUTHORIZATION, self.0.clone());
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _ = rustls::crypto::ring::default_provider().install_default();
//!     let root = std::env::var("AIRBYTE_API_URL")?;
//!     let token = HeaderValue::try_from(format!("Bearer {}", std::env::var("AIRBYTE_BEARER_TOKEN")?))?;
//!
//!     let hooks = Hooks::new(Bearer(token));
//!     let client = public::Client::new_with_client(&root, reqwest::Client::new(), hooks);
//!     let page = client.list_jobs().limit(1).order_by("createdAt|DESC").send().await?;
//!     println!("{:?}", page.data.first().map(|job| &job.status));
//!     Ok(())
//! }
//! ```
//!
//! There is no policy here: nothing is retried, no credential is added, no environment variable is read, and
//! no TLS implementation is chosen. Whoever needs one of these implements [`RequestHook`], or uses the crate
//! `airbyte-cloud`, which brings all of them.
//!
//! What to expect of the types:
//! - a text field with a fixed set of values is an enum with a variant `Unknown(String)`, so that a value of a
//!   newer server is kept and written back unchanged;
//! - fields that the API document does not know are ignored, a missing or null optional field is `None`, and
//!   null in place of a required list is an empty one;
//! - secrets, and what connectors are configured with, do not show themselves in debug output;
//! - fields never have default values: what is not set is not sent;
//! - an answer that cannot be decoded is [`Error::InvalidResponsePayload`], whose text names the place in the
//!   JSON; every status outside 200 to 299 is [`Error::UnexpectedResponse`] with its body unread.

#![cfg_attr(
    not(any(feature = "config", feature = "public")),
    allow(unused, reason = "both APIs use all of it")
)]

#[cfg(feature = "config")]
pub mod config;
mod decode;
mod hooks;
#[cfg(feature = "httpmock")]
mod mocking;
#[cfg(feature = "public")]
pub mod public;

pub use decode::{body, decode, decode_error_path};
pub use hooks::{Hooks, NoHooks, RequestFuture, RequestHook};
pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
