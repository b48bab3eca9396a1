//! The jobs of a workspace, as a real server lists them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use super::{Airbyte, CONNECTION, PUBLIC, TestClock, WORKSPACE, get, ok, page, problem};

/// A job of the fleet and the times, in seconds of the server's clock, at which its status changes.
#[derive(Clone)]
pub(crate) struct FakeJob {
    pub(crate) id: i64,
    pub(crate) changes: Vec<(i64, &'static str)>,
    pub(crate) listed: bool,
    /// After how many seconds a change can be seen. It keeps its own time, though.
    pub(crate) lag: i64,
}

impl FakeJob {
    /// Begins to run two seconds after `created`, and ends at `ended`.
    pub(crate) fn new(id: i64, created: i64, ended: i64, end: &'static str) -> Self {
        Self {
            id,
            changes: vec![(created, "pending"), (created + 2, "running"), (ended, end)],
            listed: true,
            lag: 0,
        }
    }

    fn at(&self, now: i64) -> Option<(i64, &'static str)> {
        self.changes.iter().rev().find(|(at, _)| *at + self.lag <= now).copied()
    }
}

/// The jobs of a workspace, as a real server lists them: ordered by the last change of the status, which it does
/// not show before the end, and by a clock of its own.
pub(crate) struct Fleet {
    pub(crate) jobs: Vec<FakeJob>,
    clock: Arc<TestClock>,
    /// By how much the server's clock differs.
    pub(crate) skew: i64,
    /// How many seconds a request takes, so that jobs change between the pages of a list.
    pub(crate) request_takes: i64,
    /// Looks that fail, by the number of the request.
    pub(crate) failures: Mutex<Vec<(usize, ResponseTemplate)>>,
    /// The time of each request for a list, and of each for one job.
    pub(crate) lists: Mutex<Vec<Duration>>,
    pub(crate) singles: Mutex<Vec<(Duration, i64)>>,
}

impl Fleet {
    pub(crate) fn new(clock: &Arc<TestClock>, jobs: Vec<FakeJob>) -> Self {
        Self {
            jobs,
            clock: clock.clone(),
            skew: 0,
            request_takes: 0,
            failures: Mutex::default(),
            lists: Mutex::default(),
            singles: Mutex::default(),
        }
    }

    fn now(&self) -> i64 {
        i64::try_from(self.clock.passed().as_secs()).unwrap() + self.skew
    }

    fn show(job: &FakeJob, now: i64) -> Option<Value> {
        let (changed, status) = job.at(now)?;
        let created = job.changes[0].0;
        let ended = matches!(status, "succeeded" | "failed" | "cancelled");
        let mut shown = json!({
            "jobId": job.id, "jobType": "sync", "status": status, "connectionId": CONNECTION,
            "startTime": time(created), "bytesSynced": 10, "rowsSynced": if ended { 2 } else { 1 },
        });
        if status != "pending" {
            shown["duration"] = json!(format!("PT{}S", changed - created));
        }
        if ended {
            shown["lastUpdatedAt"] = json!(time(changed));
        }
        Some(shown)
    }

    fn list(&self, request: &Request) -> Value {
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        assert_eq!(query["workspaceIds"], WORKSPACE);
        let since = |name| {
            let time = query.get(name)?.parse::<DateTime<Utc>>().unwrap();
            Some((time - epoch()).num_seconds())
        };
        let (changed_since, created_since) = (since("updatedAtStart"), since("createdAtStart"));
        let number = |name: &str| query[name].parse::<usize>().unwrap();
        let now = self.now();
        let mut found: Vec<_> = self
            .jobs
            .iter()
            .filter(|job| job.listed)
            .filter_map(|job| Some((job, job.at(now)?)))
            .filter(|(_, (changed, _))| changed_since.is_none_or(|since| *changed >= since))
            .filter(|(job, _)| created_since.is_none_or(|since| job.changes[0].0 >= since))
            .filter(|(_, (_, status))| query.get("status").is_none_or(|wanted| wanted == status))
            .collect();
        match query["orderBy"].as_str() {
            "createdAt|ASC" => found.sort_by_key(|(job, _)| (job.changes[0].0, job.id)),
            "updatedAt|DESC" => found.sort_by_key(|(job, (changed, _))| (-changed, job.id)),
            other => panic!("{other}"),
        }
        assert!(number("limit") <= 100);
        let rows = found.into_iter().skip(number("offset")).take(number("limit"));
        page(&rows.filter_map(|(job, _)| Self::show(job, now)).collect::<Vec<_>>())
    }
}

fn epoch() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// As the server writes it, without the seconds if there are none.
fn time(seconds: i64) -> String {
    (epoch() + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true).replace(":00Z", "Z")
}

#[derive(Clone)]
struct Served(Arc<Fleet>);

impl Respond for Served {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let fleet = &self.0;
        let at = fleet.clock.passed();
        fleet.clock.advance(Duration::from_secs(fleet.request_takes.unsigned_abs()));
        if request.url.path().ends_with("/jobs") {
            let mut lists = fleet.lists.lock().unwrap();
            lists.push(at);
            let mut failures = fleet.failures.lock().unwrap();
            if let Some(place) = failures.iter().position(|(number, _)| *number == lists.len()) {
                return failures.remove(place).1;
            }
            return ok(fleet.list(request));
        }
        let id: i64 = request.url.path().rsplit('/').next().unwrap().parse().unwrap();
        fleet.singles.lock().unwrap().push((at, id));
        let shown = fleet.jobs.iter().find(|job| job.id == id).and_then(|job| Fleet::show(job, fleet.now()));
        shown.map_or_else(|| problem(409, "409-state-conflict", "Job is not currently running"), ok)
    }
}

pub(crate) async fn serve(airbyte: &Airbyte, fleet: Fleet) -> Arc<Fleet> {
    let fleet = Arc::new(fleet);
    get("/jobs").respond_with(Served(fleet.clone())).mount(&airbyte.server).await;
    let one = Mock::given(method("GET")).and(path_regex(format!("{PUBLIC}/jobs/[0-9]+")));
    one.respond_with(Served(fleet.clone())).mount(&airbyte.server).await;
    fleet
}
