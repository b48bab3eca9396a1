//! Faults of the sandbox, rolled.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// Failures of one request that mean nothing but bad luck, with the operations that are asked for here.
const STATUSES: [u16; 6] = [408, 429, 500, 502, 503, 504];
const OPERATIONS: [&str; 13] = [
    "createJob",
    "createJob",
    "createJob",
    "listJobs",
    "listJobs",
    "getJob",
    "getJob",
    "getConnection",
    "getJobInfoWithoutLogs",
    "createAccessToken",
    "cancelJob",
    "patchConnection",
    "getDestination",
];

/// What fails in an outage: looks at what there is, which decide what is done next.
const LOOKS: [&str; 3] = ["listJobs", "listJobs", "getJob"];

/// An operation that begins to fail in the middle of things, and does so for longer than it is tried again: when that begins,
/// and the fault.
pub(super) fn outage(dice: &mut StdRng) -> Option<(Duration, String)> {
    let begin = Duration::from_secs(dice.random_range(1..400));
    let (operation, times) = (LOOKS[dice.random_range(0..LOOKS.len())], dice.random_range(20..150));
    dice.random_bool(0.3).then(|| (begin, format!("status=503,op={operation},times={times}")))
}

/// A few faults, as they are written.
pub(super) fn roll(dice: &mut StdRng) -> Vec<String> {
    (0..dice.random_range(0..9)).map(|_| fault(dice)).collect()
}

fn fault(dice: &mut StdRng) -> String {
    let often = if dice.random_bool(0.4) {
        format!("times={}", dice.random_range(1..5))
    } else {
        format!("p={:.2}", dice.random_range(0.02..0.6))
    };
    // Jobs first: they have no operation.
    let job = match dice.random_range(0..20) {
        0 => Some(format!("slow-job={}s", dice.random_range(1..900))),
        1 => Some("fail-job".to_owned()),
        2 => Some(format!("queue-job={}s", dice.random_range(1..900))),
        3 => Some(format!("break-source={}", dice.random_range(0..20))),
        _ => None,
    };
    if let Some(kind) = job {
        return format!("{kind},{often}");
    }
    let operation = OPERATIONS[dice.random_range(0..OPERATIONS.len())];
    let status = STATUSES[dice.random_range(0..STATUSES.len())];
    let kind = match dice.random_range(0..12) {
        0 | 1 => format!("status={status}"),
        2 => format!("html={status}"),
        3 => format!("rate-limit={}s", dice.random_range(1..20)),
        4 => format!("hang={}s", dice.random_range(1..90)),
        5 => "drop".to_owned(),
        6 | 7 => "lose-reply".to_owned(),
        8 => "truncate".to_owned(),
        // One such at a time: tokens that end in a burst are credentials that are refused.
        9 => return format!("expire-token,op={operation},times=1"),
        10 => return format!("slow-start={}s,{often}", dice.random_range(1..400)),
        _ => return format!("unknown-enum,op=getJob,{often}"),
    };
    format!("{kind},op={operation},{often}")
}
