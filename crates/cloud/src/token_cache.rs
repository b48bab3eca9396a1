//! Keeps an access token for as long as it is good.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// A token is renewed this long before it ends, or a fifth of its life if that is less: lifetimes are
/// configurable on the server and may be seconds.
const LONGEST_MARGIN: Duration = Duration::from_mins(1);

/// After a renewal that failed, the next one is tried this much later, so that not every call waits for it.
const RENEW_AGAIN: Duration = Duration::from_secs(10);

/// A token as the server gave it.
#[derive(Clone, Debug)]
pub(crate) struct FreshToken {
    pub(crate) value: SecretString,
    /// How long it lives. Without it, it is used until the server refuses it.
    pub(crate) expires_in: Option<Duration>,
}

/// One token, obtained by one request at a time however many callers need it.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    state: Mutex<State>,
    /// How many requests for a token have failed so far. Callers that waited for one that failed share
    /// its error rather than each sending another.
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    last_error: Option<Error>,
    /// Whether the credentials have ever worked.
    proven: bool,
}

#[derive(Debug)]
struct Token {
    value: SecretString,
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// There is none.
    Required {
        /// The credentials have worked before, so a failure is not their fault.
        proven: bool,
    },
    /// The current one still works but ends soon.
    Early,
}

impl TokenCache {
    /// The current token, or a new one from `fetch`.
    pub(crate) async fn get<F, Fut>(&self, clock: &dyn Clock, fetch: F) -> Result<SecretString>
    where
        F: FnOnce(Need) -> Fut,
        Fut: Future<Output = Result<FreshToken>>,
    {
        let failures_before = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = clock.now();
        let usable = state.token.as_ref().filter(|token| token.ends_at.is_none_or(|end| now < end));
        let spare = match usable {
            Some(token) if token.renew_at.is_none_or(|renew| now < renew) => return Ok(token.value.clone()),
            Some(token) => Some(token.value.clone()),
            None => None,
        };
        if spare.is_none()
            && self.failures.load(Ordering::Acquire) != failures_before
            && let Some(error) = &state.last_error
        {
            return Err(error.clone());
        }
        let need = if spare.is_some() { Need::Early } else { Need::Required { proven: state.proven } };
        match fetch(need).await {
            Ok(fresh) => {
                let now = clock.now();
                let life = fresh.expires_in.filter(|life| !life.is_zero());
                state.token = Some(Token {
                    value: fresh.value.clone(),
                    renew_at: life
                        .and_then(|life| now.checked_add(life.saturating_sub(LONGEST_MARGIN.min(life / 5)))),
                    ends_at: life.and_then(|life| now.checked_add(life)),
                });
                state.last_error = None;
                state.proven = true;
                Ok(fresh.value)
            }
            Err(error) => {
                if let Some(token) = spare {
                    tracing::debug!(%error, "no new token yet, the current one still works");
                    if let Some(current) = &mut state.token {
                        current.renew_at = clock.now().checked_add(RENEW_AGAIN);
                    }
                    return Ok(token);
                }
                self.failures.fetch_add(1, Ordering::Release);
                state.last_error = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Forgets a token that the server refused, unless another one has taken its place already.
    pub(crate) async fn forget(&self, refused: &SecretString) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.value.expose_secret() == refused.expose_secret()) {
            state.token = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::error::ErrorKind;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    fn token(value: &str, seconds: u64) -> FreshToken {
        FreshToken { value: SecretString::from(value), expires_in: Some(Duration::from_secs(seconds)) }
    }

    async fn get(cache: &TokenCache, answer: Result<FreshToken>) -> (Result<String>, Option<Need>) {
        let mut asked = None;
        let value = cache
            .get(&SystemClock, |need| {
                asked = Some(need);
                std::future::ready(answer)
            })
            .await;
        (value.map(|value| value.expose_secret().to_owned()), asked)
    }

    fn value_of((value, need): (Result<String>, Option<Need>)) -> (String, Option<Need>) {
        (value.unwrap(), need)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_before_it_ends() {
        let cache = TokenCache::default();
        assert_eq!(get(&cache, Ok(token("a", 900))).await.1, Some(Need::Required { proven: false }));
        tokio::time::advance(Duration::from_secs(839)).await;
        assert_eq!(get(&cache, Ok(token("b", 900))).await.1, None, "still the first");
        tokio::time::advance(Duration::from_secs(1)).await;
        let (value, need) = get(&cache, Ok(token("b", 900))).await;
        assert_eq!((value.unwrap().as_str(), need), ("b", Some(Need::Early)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_of_seconds_is_used_for_most_of_its_life() {
        let cache = TokenCache::default();
        get(&cache, Ok(token("a", 5))).await.0.unwrap();
        tokio::time::advance(Duration::from_millis(3_900)).await;
        assert_eq!(get(&cache, Ok(token("b", 5))).await.0.unwrap(), "a");
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(get(&cache, Ok(token("b", 5))).await.0.unwrap(), "b");
    }

    #[tokio::test(start_paused = true)]
    async fn when_renewing_fails_the_old_token_serves_until_its_end() {
        let cache = TokenCache::default();
        let down = || Err(Error::new(ErrorKind::Server, "down"));
        get(&cache, Ok(token("a", 900))).await.0.unwrap();
        tokio::time::advance(Duration::from_secs(870)).await;
        assert_eq!(value_of(get(&cache, down()).await), ("a".to_owned(), Some(Need::Early)));
        assert_eq!(value_of(get(&cache, down()).await), ("a".to_owned(), None), "not tried again at once");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(value_of(get(&cache, down()).await), ("a".to_owned(), Some(Need::Early)));
        tokio::time::advance(Duration::from_secs(20)).await;
        let (value, need) = get(&cache, down()).await;
        assert_eq!(
            (value.unwrap_err().kind(), need),
            (ErrorKind::Server, Some(Need::Required { proven: true }))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_lifetime_it_is_kept_until_refused() {
        let cache = TokenCache::default();
        get(&cache, Ok(FreshToken { value: "a".into(), expires_in: None })).await.0.unwrap();
        tokio::time::advance(Duration::from_secs(1_000_000)).await;
        assert_eq!(get(&cache, Ok(token("b", 9))).await.0.unwrap(), "a");
        cache.forget(&SecretString::from("another")).await;
        assert_eq!(get(&cache, Ok(token("b", 9))).await.0.unwrap(), "a", "only the refused one is forgotten");
        cache.forget(&SecretString::from("a")).await;
        assert_eq!(get(&cache, Ok(token("b", 9))).await.0.unwrap(), "b");
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_make_one_request_and_share_its_outcome() {
        for fails in [false, true] {
            let cache = Arc::new(TokenCache::default());
            let requests = Arc::new(AtomicU32::new(0));
            let callers = (0..50).map(|_| {
                let (cache, requests) = (cache.clone(), requests.clone());
                tokio::spawn(async move {
                    let fetch = |_| async {
                        requests.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        if fails {
                            Err(Error::new(ErrorKind::Unauthorized, "no"))
                        } else {
                            Ok(token("a", 900))
                        }
                    };
                    cache.get(&SystemClock, fetch).await.is_err()
                })
            });
            for outcome in futures::future::join_all(callers).await {
                assert_eq!(outcome.unwrap(), fails);
            }
            assert_eq!(requests.load(Ordering::SeqCst), 1, "fails: {fails}");
        }
    }
}
