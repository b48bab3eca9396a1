//! Tokens: given out for the application's secret, valid for a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use serde_json::json;
use uuid::Uuid;

/// The one application of a sandbox, and the tokens that it has been given.
pub(crate) struct Tokens {
    client_id: String,
    client_secret: String,
    lifetime: Duration,
    valid: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Tokens {
    pub(crate) fn new(client_id: String, client_secret: String, lifetime: Duration) -> Self {
        Self { client_id, client_secret, lifetime, valid: Mutex::default() }
    }

    /// A new token and its lifetime in seconds, or `None` if the id or the secret is wrong.
    pub(crate) fn issue(
        &self,
        client_id: &str,
        client_secret: &str,
        now: DateTime<Utc>,
    ) -> Option<(String, u64)> {
        if client_id != self.client_id || client_secret != self.client_secret {
            return None;
        }
        let expires = now + TimeDelta::from_std(self.lifetime).unwrap_or(TimeDelta::MAX);
        let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
        // In the shape of a real one; but what makes it valid is that this sandbox has given it out.
        let claims = json!({
            "iss": "airbyte-sandbox", "aud": "airbyte-server", "sub": Uuid::nil(), "exp": expires.timestamp(),
        });
        let header = json!({"alg": "HS256", "typ": "JWT"});
        let token = format!(
            "{}.{}.{}",
            part(header.to_string().as_bytes()),
            part(claims.to_string().as_bytes()),
            part(&rand::rng().random::<[u8; 32]>())
        );
        let mut valid = self.lock();
        valid.retain(|_, expires| *expires > now);
        valid.insert(token.clone(), expires);
        Some((token, self.lifetime.as_secs()))
    }

    /// Whether this `Authorization` header lets its request in.
    pub(crate) fn admits(&self, header: Option<&str>, now: DateTime<Utc>) -> bool {
        let Some((scheme, token)) = header.and_then(|header| header.split_once(' ')) else { return false };
        scheme.eq_ignore_ascii_case("bearer")
            && self.lock().get(token.trim()).is_some_and(|expires| *expires > now)
    }

    /// Ends all tokens given out so far.
    pub(crate) fn expire_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, DateTime<Utc>>> {
        self.valid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
