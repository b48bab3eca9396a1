//! Tokens: given out for an application's secret, valid for a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use serde_json::Value;

/// The tokens that have been given out.
pub(crate) struct Tokens {
    lifetime: Duration,
    valid: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, valid: Mutex::default() }
    }

    /// A new token with these claims, and its lifetime in seconds.
    pub(crate) fn issue(&self, now: DateTime<Utc>, header: &Value, mut claims: Value) -> (String, u64) {
        let expires = now + TimeDelta::from_std(self.lifetime).unwrap_or(TimeDelta::MAX);
        claims["exp"] = Value::from(expires.timestamp());
        let part = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
        // In the shape of a real one; but what makes it valid is that this sandbox has given it out.
        let token = format!(
            "{}.{}.{}",
            part(header.to_string().as_bytes()),
            part(claims.to_string().as_bytes()),
            part(&rand::rng().random::<[u8; 32]>())
        );
        let mut valid = self.lock();
        valid.retain(|_, expires| *expires > now);
        valid.insert(token.clone(), expires);
        (token, self.lifetime.as_secs())
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
