//! Keeps an access token for as long as it is good.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::call::SHORTEST_TIMEOUT;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

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
    /// Never held while anything is waited for.
    state: std::sync::Mutex<State>,
    /// Whose turn it is to ask for a token.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    last_error: Option<Error>,
    /// How many requests for a token have failed so far for everybody. Callers that waited for one that
    /// failed share its error rather than each sending another.
    failures: u64,
    /// Whether the credentials have ever worked.
    proven: bool,
}

impl State {
    /// The token as long as it works, and whether it is time to renew it.
    fn usable(&self, now: Instant) -> Option<(SecretString, bool)> {
        let token = self.token.as_ref().filter(|token| token.ends_at.is_none_or(|end| now < end))?;
        Some((token.value.clone(), token.renew_at.is_some_and(|renew| now >= renew)))
    }
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

/// How long a caller waits for a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// The longest that asking for one takes, with everything that is tried again.
    pub(crate) longest: Duration,
    /// When the caller wants to be back.
    pub(crate) deadline: Option<Instant>,
}

impl Patience {
    fn left(self, now: Instant) -> Duration {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(now));
        left.map_or(self.longest, |left| left.min(self.longest).max(SHORTEST_TIMEOUT))
    }

    /// Whether a request that begins now may fail only because this caller has no time for it.
    fn is_short(self, now: Instant) -> bool {
        self.left(now) < self.longest
    }
}

impl TokenCache {
    /// The current token, or a new one from `fetch`.
    pub(crate) async fn get<F, Fut>(
        &self,
        clock: &dyn Clock,
        patience: Patience,
        fetch: F,
    ) -> Result<SecretString>
    where
        F: FnOnce(Need) -> Fut,
        Fut: Future<Output = Result<FreshToken>>,
    {
        let (usable, failures_before) = {
            let state = self.state();
            (state.usable(clock.now()), state.failures)
        };
        let _turn = match usable {
            Some((token, false)) => return Ok(token),
            Some((token, true)) => match self.turn.try_lock() {
                Ok(turn) => turn,
                // Somebody is renewing it, and it still works.
                Err(_) => return Ok(token),
            },
            // In real time, as the request that is waited for.
            None => tokio::time::timeout(patience.left(clock.now()), self.turn.lock())
                .await
                .map_err(|_| Error::new(ErrorKind::Timeout, "no access token has come in time"))?,
        };
        let now = clock.now();
        let (spare, need) = {
            let state = self.state();
            match state.usable(now) {
                Some((token, false)) => return Ok(token),
                Some((token, true)) => (Some(token), Need::Early),
                None => match &state.last_error {
                    Some(error) if state.failures != failures_before => return Err(error.clone()),
                    _ => (None, Need::Required { proven: state.proven }),
                },
            }
        };
        let outcome = fetch(need).await;
        let mut state = self.state();
        match outcome {
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
                // Those who have more time may have more luck, so the next of them asks anew.
                if !(patience.is_short(now) && error.is_retryable()) {
                    state.failures += 1;
                    state.last_error = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Forgets a token that the server refused, unless another one has taken its place already.
    pub(crate) fn forget(&self, refused: &SecretString) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|token| token.value.expose_secret() == refused.expose_secret()) {
            state.token = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    const PATIENT: Patience = Patience { longest: Duration::from_secs(90), deadline: None };

    fn token(value: &str, seconds: u64) -> FreshToken {
        FreshToken { value: SecretString::from(value), expires_in: Some(Duration::from_secs(seconds)) }
    }

    async fn get(cache: &TokenCache, answer: Result<FreshToken>) -> (Result<String>, Option<Need>) {
        let mut asked = None;
        let value = cache
            .get(&SystemClock, PATIENT, |need| {
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
        cache.forget(&SecretString::from("another"));
        assert_eq!(get(&cache, Ok(token("b", 9))).await.0.unwrap(), "a", "only the refused one is forgotten");
        cache.forget(&SecretString::from("a"));
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
                    cache.get(&SystemClock, PATIENT, fetch).await.is_err()
                })
            });
            for outcome in futures::future::join_all(callers).await {
                assert_eq!(outcome.unwrap(), fails);
            }
            assert_eq!(requests.load(Ordering::SeqCst), 1, "fails: {fails}");
        }
    }

    /// A caller that wants to be back after so many seconds and, if it is its turn, is answered with a
    /// failure after so many others.
    async fn hurried(cache: &TokenCache, seconds: u64, fails_after: u64) -> (ErrorKind, Duration) {
        let started = Instant::now();
        let patience = Patience { deadline: Some(started + Duration::from_secs(seconds)), ..PATIENT };
        let fetch = |_| async move {
            tokio::time::sleep(Duration::from_secs(fails_after)).await;
            Err(Error::new(ErrorKind::Timeout, "no answer"))
        };
        let error = cache.get(&SystemClock, patience, fetch).await.unwrap_err();
        (error.kind(), started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_little_time_does_not_wait_for_those_who_have_much() {
        let cache = TokenCache::default();
        let slow = async {
            let fetch = |_| async {
                tokio::time::sleep(Duration::from_mins(1)).await;
                Ok(token("late", 900))
            };
            cache.get(&SystemClock, PATIENT, fetch).await.unwrap().expose_secret().to_owned()
        };
        let (slow, hurried) = tokio::join!(slow, hurried(&cache, 5, 0));
        assert_eq!(hurried, (ErrorKind::Timeout, Duration::from_secs(5)));
        assert_eq!(slow, "late");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_much_time_does_not_fail_with_those_who_have_little() {
        let cache = TokenCache::default();
        let (hurried, patient) = tokio::join!(hurried(&cache, 2, 2), get(&cache, Ok(token("a", 900))));
        assert_eq!(hurried, (ErrorKind::Timeout, Duration::from_secs(2)));
        assert_eq!(value_of(patient), ("a".to_owned(), Some(Need::Required { proven: false })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_is_not_urgent_holds_up_nobody_else() {
        let cache = TokenCache::default();
        get(&cache, Ok(token("a", 900))).await.0.unwrap();
        tokio::time::advance(Duration::from_secs(870)).await;
        let renewal = async {
            let fetch = |_| async {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Ok(token("b", 900))
            };
            cache.get(&SystemClock, PATIENT, fetch).await.unwrap();
        };
        let started = Instant::now();
        let other = async {
            let outcome = get(&cache, Ok(token("c", 900))).await;
            (value_of(outcome), started.elapsed())
        };
        let ((), other) = tokio::join!(renewal, other);
        assert_eq!(other, (("a".to_owned(), None), Duration::ZERO));
        assert_eq!(get(&cache, Ok(token("c", 900))).await.0.unwrap(), "b");
    }
}
