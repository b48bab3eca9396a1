//! Tokens: given out for an application's secret, valid for a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use serde_json::Value;
use uuid::Uuid;

/// Whom a token stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bearer {
    pub user: Uuid,
    /// The one workspace that the token is for, if it is for a user of somebody else's product.
    pub only: Option<Uuid>,
}

/// The tokens that have been given out.
pub(crate) struct Tokens {
    lifetime: Duration,
    valid: Mutex<HashMap<String, Given>>,
}

/// A token that was given out.
struct Given {
    bearer: Bearer,
    expires: DateTime<Utc>,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, valid: Mutex::default() }
    }

    /// A new token with these claims, and its lifetime in seconds.
    pub(crate) fn issue(
        &self,
        bearer: Bearer,
        now: DateTime<Utc>,
        header: &Value,
        mut claims: Value,
    ) -> (String, u64) {
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
        valid.retain(|_, given| given.expires > now);
        valid.insert(token.clone(), Given { bearer, expires });
        (token, self.lifetime.as_secs())
    }

    /// Whom this `Authorization` header's token stands for, if it is valid.
    pub(crate) fn bearer(&self, header: Option<&str>, now: DateTime<Utc>) -> Option<Bearer> {
        let (scheme, token) = header?.split_once(' ')?;
        let valid = self.lock();
        let given = valid.get(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
        (given.expires > now).then_some(given.bearer)
    }

    /// Ends all tokens given out so far.
    pub(crate) fn expire_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Given>> {
        self.valid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
