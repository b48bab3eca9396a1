//! Faults that can be switched on: what a bad night looks like from the client's side.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Serialize, Serializer};

/// A fault: what happens, to which operation, how often.
///
/// Written as `KIND[=VALUE][,op=OPERATION_ID][,times=N][,p=PROBABILITY]`, for instance
/// `status=503,op=getJob,times=2`. What happens to jobs takes no `op=`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// The operation it happens to, by its id in the API document; `None`: to every one. Not looked at if it happens to
    /// jobs.
    pub operation: Option<String>,
    /// How many times it happens; `None`: always.
    pub times: Option<u32>,
    /// How likely it is to happen, 0 to 1.
    pub probability: f64,
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The request is answered with this status and not handled.
    Status(u16),
    /// The request is answered with 429 and the time to stay away, in whole seconds. (`status=429` leaves the time
    /// out, as the real server does.)
    RateLimit(Duration),
    /// The request waits this long before it is handled.
    Hang(Duration),
    /// The connection is closed before the request is handled.
    Drop,
    /// The request is handled, then the connection is closed without an answer.
    LoseReply,
    /// The request is handled, and half of the answer's body arrives.
    Truncate,
    /// The request is answered with an HTML page and this status, as a proxy does.
    Html(u16),
    /// All tokens given out so far stop being valid.
    ExpireToken,
    /// The request is handled at once and answered only after this long; meant for job creation.
    SlowStart(Duration),
    /// A job runs this much longer.
    SlowJob(Duration),
    /// A job is `queued` this long before its first attempt, as a server without a free worker leaves it.
    QueueJob(Duration),
    /// A job fails.
    FailJob,
    /// In an attempt of a job the source breaks after this many rows of a stream, if the stream has more.
    BreakSource(usize),
    /// The first status in the answer is one that no client knows.
    UnknownEnum,
    /// Logs in the answer are lines of text, as those of attempts from before logs had a structure.
    LogLines,
}

/// What a fault happens to.
#[derive(PartialEq)]
enum Victim {
    Request,
    Job,
    Attempt,
}

impl FaultKind {
    fn victim(&self) -> Victim {
        match self {
            Self::SlowJob(_) | Self::QueueJob(_) | Self::FailJob => Victim::Job,
            Self::BreakSource(_) => Victim::Attempt,
            _ => Victim::Request,
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let kind = parse_kind(parts.next().unwrap_or_default())?;
        let mut fault = Self { kind, operation: None, times: None, probability: 1.0 };
        for part in parts {
            match part.split_once('=') {
                Some(("op", operation)) => fault.operation = Some(operation.to_owned()),
                Some(("times", times)) => {
                    fault.times =
                        Some(times.parse().map_err(|_| format!("`times={times}` is not a whole number"))?);
                }
                Some(("p", probability)) => {
                    fault.probability = probability
                        .parse()
                        .ok()
                        .filter(|probability| (0.0..=1.0).contains(probability))
                        .ok_or_else(|| format!("`p={probability}` is not between 0 and 1"))?;
                }
                _ => return Err(format!("`{part}` is none of `op=`, `times=` and `p=`")),
            }
        }
        if fault.operation.is_some() && fault.kind.victim() != Victim::Request {
            let name = text.split([',', '=']).next().unwrap_or_default().trim();
            return Err(format!("`{name}` happens to jobs and not to requests, so it takes no `op=`"));
        }
        // Only answers about one job hold a status that a client waits for.
        if fault.kind == FaultKind::UnknownEnum && fault.operation.is_none() {
            fault.operation = Some("getJob".to_owned());
        }
        if matches!(fault.kind, FaultKind::SlowStart(_)) && fault.operation.is_none() {
            fault.operation = Some("createJob".to_owned());
        }
        Ok(fault)
    }
}

fn parse_kind(text: &str) -> Result<FaultKind, String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    let status = || {
        value
            .and_then(|value| value.parse().ok())
            .filter(|status| (200..600).contains(status))
            .ok_or_else(|| format!("`{name}` needs a status, as in `{name}=503`"))
    };
    let duration = || {
        value.and_then(parse_duration).ok_or_else(|| format!("`{name}` needs a duration, as in `{name}=30s`"))
    };
    Ok(match name {
        "status" => FaultKind::Status(status()?),
        "rate-limit" => FaultKind::RateLimit(duration()?),
        "hang" => FaultKind::Hang(duration()?),
        "drop" => FaultKind::Drop,
        "lose-reply" => FaultKind::LoseReply,
        "truncate" => FaultKind::Truncate,
        "html" => FaultKind::Html(status()?),
        "expire-token" => FaultKind::ExpireToken,
        "slow-start" => FaultKind::SlowStart(duration()?),
        "slow-job" => FaultKind::SlowJob(duration()?),
        "queue-job" => FaultKind::QueueJob(duration()?),
        "fail-job" => FaultKind::FailJob,
        "break-source" => FaultKind::BreakSource(
            value
                .and_then(|value| value.parse().ok())
                .ok_or_else(|| format!("`{name}` needs a number of rows, as in `{name}=100`"))?,
        ),
        "unknown-enum" => FaultKind::UnknownEnum,
        "log-lines" => FaultKind::LogLines,
        _ => {
            return Err(format!(
                "`{name}` is no fault; known: status, rate-limit, hang, drop, lose-reply, truncate, html, expire-token, \
                 slow-start, slow-job, queue-job, fail-job, break-source, unknown-enum, log-lines"
            ));
        }
    })
}

/// `250ms`, `30s`, `5m`, `1h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (amount, unit) = text.split_at(digits);
    let millis: u32 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    // As a float, a long whole number would be another one.
    if let Ok(whole) = amount.parse::<u64>() {
        return whole.checked_mul(millis.into()).map(Duration::from_millis);
    }
    let length =
        Duration::try_from_secs_f64(amount.parse::<f64>().ok()? * f64::from(millis) / 1_000.0).ok()?;
    u64::try_from(length.as_millis()).is_ok().then_some(length)
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            FaultKind::Status(status) => write!(f, "status={status}")?,
            FaultKind::RateLimit(duration) => write!(f, "rate-limit={}ms", duration.as_millis())?,
            FaultKind::Hang(duration) => write!(f, "hang={}ms", duration.as_millis())?,
            FaultKind::Drop => write!(f, "drop")?,
            FaultKind::LoseReply => write!(f, "lose-reply")?,
            FaultKind::Truncate => write!(f, "truncate")?,
            FaultKind::Html(status) => write!(f, "html={status}")?,
            FaultKind::ExpireToken => write!(f, "expire-token")?,
            FaultKind::SlowStart(duration) => write!(f, "slow-start={}ms", duration.as_millis())?,
            FaultKind::SlowJob(duration) => write!(f, "slow-job={}ms", duration.as_millis())?,
            FaultKind::QueueJob(duration) => write!(f, "queue-job={}ms", duration.as_millis())?,
            FaultKind::FailJob => write!(f, "fail-job")?,
            FaultKind::BreakSource(rows) => write!(f, "break-source={rows}")?,
            FaultKind::UnknownEnum => write!(f, "unknown-enum")?,
            FaultKind::LogLines => write!(f, "log-lines")?,
        }
        if let Some(operation) = &self.operation {
            write!(f, ",op={operation}")?;
        }
        if let Some(times) = self.times {
            write!(f, ",times={times}")?;
        }
        if self.probability < 1.0 {
            write!(f, ",p={}", self.probability)?;
        }
        Ok(())
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The faults that are switched on.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<SwitchedOn>);

#[derive(Debug)]
struct SwitchedOn {
    faults: Vec<Fault>,
    /// Decides on faults that are only likely. Seeded, so that a campaign can be run again.
    dice: StdRng,
}

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>, seed: u64) -> Self {
        Self(Mutex::new(SwitchedOn { faults, dice: StdRng::seed_from_u64(seed) }))
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().faults.clone()
    }

    pub(crate) fn add(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    pub(crate) fn clear(&self) {
        self.lock().faults.clear();
    }

    /// The faults that happen to this request, each counted as having happened.
    pub(crate) fn for_request(&self, operation: &str) -> Vec<FaultKind> {
        self.take(|fault| {
            fault.kind.victim() == Victim::Request
                && fault.operation.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(operation))
        })
    }

    /// The faults that happen to this job.
    pub(crate) fn for_job(&self) -> Vec<FaultKind> {
        self.take(|fault| fault.kind.victim() == Victim::Job)
    }

    /// The faults that happen to this attempt of a job.
    pub(crate) fn for_attempt(&self) -> Vec<FaultKind> {
        self.take(|fault| fault.kind.victim() == Victim::Attempt)
    }

    fn take(&self, applies: impl Fn(&Fault) -> bool) -> Vec<FaultKind> {
        let mut switched_on = self.lock();
        let SwitchedOn { faults, dice } = &mut *switched_on;
        let mut happening = Vec::new();
        for fault in faults.iter_mut().filter(|fault| applies(fault)) {
            if fault.probability < 1.0 && !dice.random_bool(fault.probability) {
                continue;
            }
            if let Some(times) = &mut fault.times {
                if *times == 0 {
                    continue;
                }
                *times -= 1;
            }
            happening.push(fault.kind.clone());
        }
        faults.retain(|fault| fault.times != Some(0));
        happening
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SwitchedOn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_is_written() {
        for text in [
            "status=503,op=getJob,times=2",
            "lose-reply,op=createJob",
            "hang=30000ms,p=0.5",
            "rate-limit=2000ms",
            "fail-job",
            "break-source=100,times=1",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "status", "status=9", "hang=soon", "explode", "drop,often", "drop,p=2", "drop,times=-1"]
        {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
        for of_jobs in ["fail-job", "slow-job=1s", "queue-job=1s", "break-source=1"] {
            assert!(of_jobs.parse::<Fault>().is_ok(), "{of_jobs}");
            let refused = format!("{of_jobs},op=createJob").parse::<Fault>().unwrap_err();
            assert!(refused.contains("takes no `op=`"), "{refused}");
        }
    }

    #[test]
    fn a_fault_happens_as_often_as_it_says() {
        let faults = Faults::new(vec!["status=503,op=getJob,times=2".parse().unwrap()], 0);
        assert!(faults.for_request("listJobs").is_empty());
        assert_eq!(faults.for_request("getJob").len(), 1);
        assert_eq!(faults.for_request("getJob").len(), 1);
        assert!(faults.for_request("getJob").is_empty());
        assert!(faults.list().is_empty());
    }
    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let happenings = |seed| {
            let faults = Faults::new(vec!["drop,p=0.5".parse().unwrap()], seed);
            (0..64).map(|_| faults.for_request("getJob").len()).collect::<Vec<_>>()
        };
        assert_eq!(happenings(7), happenings(7));
        assert_ne!(happenings(7), happenings(8));
        assert!((16..48).contains(&happenings(7).iter().sum::<usize>()));
    }
}
