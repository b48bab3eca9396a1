//! Waiting for many jobs at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airbyte_cloud::{Client, ErrorKind, JobId, JobStatus, SecretString, Update};
use airbyte_sandbox::{Fault, Sandbox, Seed};
use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use wiremock::Mock;
use wiremock::matchers::{method, path};

use crate::support::fleet::{FakeJob, Fleet, serve};
use crate::support::{
    Airbyte, CONFIG, CONNECTION, PUBLIC, assert_job, config, error_id, get, ok, status, workspace_id,
};

fn ids(ids: impl IntoIterator<Item = i64>) -> Vec<JobId> {
    ids.into_iter().map(JobId::new).collect()
}

/// How many requests for lists each look made; looks are told apart by their time.
fn per_look(fleet: &Fleet) -> Vec<usize> {
    let lists = fleet.lists.lock().unwrap();
    lists.chunk_by(|one, other| one == other).map(<[_]>::len).collect()
}

/// The ends that were told, each of which has to come once and last.
fn ends(updates: &[(JobId, Update)]) -> BTreeMap<i64, JobStatus> {
    let mut ended = BTreeMap::new();
    for (id, update) in updates {
        assert!(!ended.contains_key(&id.get()), "job {id} has ended before: {update:?}");
        match update {
            Update::Done(info) => assert!(ended.insert(id.get(), info.status.clone()).is_none()),
            Update::Stopped(error) => panic!("{error}"),
            _ => {}
        }
    }
    ended
}

#[tokio::test]
async fn a_thousand_jobs_take_about_ten_requests_a_look() {
    let airbyte = Airbyte::start().await;
    // Started within half a minute, they end over an hour. Others run in the same workspace.
    let watched = (1..=1000).map(|n| FakeJob::new(n, n / 33, 100 + n * 36 / 10, "succeeded"));
    let others = (2001..=2200).map(|n| FakeJob::new(n, n - 2000, n + 700, "failed"));
    let fleet = Fleet::new(&airbyte.clock, watched.chain(others).collect());
    airbyte.clock.advance(Duration::from_secs(40));
    let fleet = serve(&airbyte, fleet).await;
    let updates: Vec<_> = airbyte.client().watch_jobs(workspace_id(), ids(1..=1000)).collect().await;
    let ends = ends(&updates);
    assert_eq!(ends.len(), 1000);
    assert!(ends.values().all(JobStatus::is_success));
    let looks = per_look(&fleet);
    assert!(looks.iter().all(|requests| *requests <= 13), "{looks:?}");
    let average = looks.iter().sum::<usize>() / looks.len();
    assert!(average <= 3, "{average} in {looks:?}");
    let singles = fleet.singles.lock().unwrap();
    assert!(singles.len() <= 30, "only the first one, and the last few: {}", singles.len());
    // Told soon after it happened: at the latest one interval later.
    assert!(airbyte.clock.passed() < Duration::from_secs(3700 + 11), "{:?}", airbyte.clock.passed());
}

#[tokio::test]
async fn jobs_that_ended_long_ago_are_found_in_one_look() {
    let airbyte = Airbyte::start().await;
    // A day later, after many others.
    let watched = (1..=500).map(|n| FakeJob::new(n, n, n + 300, "succeeded"));
    let others = (501..=3000).map(|n| FakeJob::new(n, n * 30, n * 30 + 60, "succeeded"));
    let fleet = Fleet::new(&airbyte.clock, watched.chain(others).collect());
    airbyte.clock.advance(Duration::from_hours(25));
    let fleet = serve(&airbyte, fleet).await;
    let outcomes = airbyte.client().watch_jobs(workspace_id(), ids(1..=500)).await;
    assert_eq!((outcomes.len(), airbyte.clock.sleeps().len()), (500, 0));
    assert!(outcomes.values().all(Result::is_ok));
    assert_eq!((fleet.lists.lock().unwrap().len(), fleet.singles.lock().unwrap().len()), (5, 1));
}

#[tokio::test]
async fn a_few_jobs_take_one_request_a_look() {
    let airbyte = Airbyte::start().await;
    let busy = (100..=1300).map(|n| FakeJob::new(n, n - 60, n, "succeeded"));
    let mine = (1..=3).map(|n| FakeJob::new(n, 0, 1000 + n, "succeeded"));
    let fleet = Fleet::new(&airbyte.clock, mine.chain(busy).collect());
    airbyte.clock.advance(Duration::from_secs(5));
    let fleet = serve(&airbyte, fleet).await;
    let outcomes = airbyte.client().watch_jobs(workspace_id(), ids(1..=3)).await;
    assert!(outcomes.values().all(Result::is_ok), "{outcomes:?}");
    let looks = per_look(&fleet);
    assert!(looks.len() > 90 && looks.iter().all(|requests| *requests == 1), "{looks:?}");
    // While they run, each is asked for once a minute, to tell how far it is.
    let singles = fleet.singles.lock().unwrap().len();
    assert!(singles <= 3 * 18, "{singles}");
}

#[tokio::test]
async fn nothing_is_lost_while_lists_change_under_the_reader() {
    for seed in 0..6 {
        let airbyte = Airbyte::start().await;
        let mut dice = StdRng::seed_from_u64(seed);
        // An hour ahead or behind.
        let skew = dice.random_range(-3600..3600);
        let mut jobs = Vec::new();
        for id in 1..=400 {
            let mut at = skew + dice.random_range(0..20);
            let mut changes = vec![(at, "pending")];
            for _ in 0..dice.random_range(1..5) {
                at += dice.random_range(1..30);
                changes.push((at, "running"));
                at += dice.random_range(1..40);
                changes.push((at, "incomplete"));
            }
            let end = ["succeeded", "failed", "cancelled"][dice.random_range(0..3)];
            changes.push((at + dice.random_range(1..200), end));
            jobs.push(FakeJob { id, changes, listed: true, lag: dice.random_range(0..8) });
        }
        let expected: BTreeMap<_, _> =
            jobs.iter().map(|job| (job.id, *job.changes.last().unwrap())).collect();
        let mut fleet = Fleet::new(&airbyte.clock, jobs);
        fleet.request_takes = 1;
        fleet.skew = skew;
        airbyte.clock.advance(Duration::from_secs(30));
        serve(&airbyte, fleet).await;
        let mut watcher = airbyte.client().watch_jobs(workspace_id(), ids(1..=400));
        let mut told = Vec::new();
        while let Some((id, update)) = watcher.next().await {
            if let Update::Done(_) = &update {
                let late =
                    i64::try_from(airbyte.clock.passed().as_secs()).unwrap() + skew - expected[&id.get()].0;
                // Its lag, an interval, and the requests of a look.
                assert!(late <= 7 + 11 + 15, "seed {seed}: the end of job {id} is told after {late} s");
            }
            told.push((id, update));
        }
        let ends: BTreeMap<_, _> = ends(&told).into_iter().map(|(id, end)| (id, end.to_string())).collect();
        let expected = expected.into_iter().map(|(id, (_, end))| (id, end.to_owned()));
        assert_eq!(ends, expected.collect(), "seed {seed}");
    }
}

#[tokio::test]
async fn jobs_that_no_list_shows_are_asked_for_slowly() {
    let airbyte = Airbyte::start().await;
    let jobs = (1..=20).map(|n| FakeJob { listed: n == 20, ..FakeJob::new(n, 0, 600, "succeeded") });
    airbyte.clock.advance(Duration::from_secs(5));
    let fleet = serve(&airbyte, Fleet::new(&airbyte.clock, jobs.collect())).await;
    let mut outcomes = airbyte.client().watch_jobs(workspace_id(), ids(1..=21)).await;
    let error = outcomes.remove(&JobId::new(21)).unwrap().unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert_job(&error, 21);
    assert_eq!(outcomes.len(), 20);
    assert!(outcomes.values().all(Result::is_ok), "{outcomes:?}");
    assert!(airbyte.clock.passed() < Duration::from_mins(12), "{:?}", airbyte.clock.passed());
    let singles = fleet.singles.lock().unwrap();
    for at in singles.iter().map(|(at, _)| *at).collect::<BTreeSet<_>>() {
        assert!(singles.iter().filter(|(one, _)| *one == at).count() <= 6, "{singles:?}");
    }
    for id in 1..20 {
        let times: Vec<_> =
            singles.iter().filter(|(_, one)| *one == id).map(|(at, _)| at.as_secs()).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 60), "job {id}: {times:?}");
    }
}

#[tokio::test]
async fn jobs_can_be_added_while_it_runs_and_after() {
    let airbyte = Airbyte::start().await;
    let jobs = (1..=4).map(|n| FakeJob::new(n, n * 10, n * 10 + 100, "succeeded"));
    airbyte.clock.advance(Duration::from_secs(12));
    serve(&airbyte, Fleet::new(&airbyte.clock, jobs.collect())).await;
    let mut watcher = airbyte.client().watch_jobs(workspace_id(), ids([1]));
    let (id, first) = watcher.next().await.unwrap();
    assert!(id == 1.into() && matches!(first, Update::InProgress(_)), "{first:?}");
    airbyte.clock.advance(Duration::from_secs(10));
    watcher.add(2.into());
    watcher.add(1.into());
    let updates: Vec<_> = watcher.by_ref().collect().await;
    assert_eq!(ends(&updates).into_keys().collect::<Vec<_>>(), [1, 2]);
    assert!(watcher.next().await.is_none());
    watcher.add(3.into());
    let updates: Vec<_> = watcher.by_ref().collect().await;
    assert_eq!(ends(&updates).into_keys().collect::<Vec<_>>(), [3]);
    drop(watcher);
    assert!(airbyte.client().watch_jobs(workspace_id(), []).await.is_empty());
}

#[tokio::test]
async fn only_changes_are_told() {
    let airbyte = Airbyte::start().await;
    let mut one = FakeJob::new(1, 0, 300, "succeeded");
    one.changes.insert(2, (100, "incomplete"));
    one.changes.insert(3, (120, "napping"));
    serve(&airbyte, Fleet::new(&airbyte.clock, vec![one])).await;
    let updates: Vec<_> = airbyte.client().watch_jobs(workspace_id(), ids([1])).collect().await;
    let told: Vec<_> = updates
        .iter()
        .map(|(_, update)| match update {
            Update::InProgress(progress) => progress.status().to_string(),
            Update::Done(info) => info.status.to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["pending", "running", "incomplete", "napping", "succeeded"]);
}

#[tokio::test]
async fn each_job_has_its_own_deadline() {
    let airbyte = Airbyte::start().await;
    let ends = [50, 9000, 9000];
    let jobs = ends.iter().zip(1..).map(|(end, n)| FakeJob::new(n, 0, *end, "succeeded"));
    airbyte.clock.advance(Duration::from_secs(3));
    serve(&airbyte, Fleet::new(&airbyte.clock, jobs.collect())).await;
    let started = airbyte.clock.passed();
    let timeout = Duration::from_secs(77);
    let mut watcher = airbyte.client().watch_jobs(workspace_id(), ids([1, 2])).timeout(timeout);
    let mut added = None;
    let mut stopped = Vec::new();
    while let Some((id, update)) = watcher.next().await {
        match update {
            Update::Done(_) => {
                assert_eq!(id, 1.into());
                added = Some(airbyte.clock.passed());
                watcher.add(3.into());
            }
            Update::Stopped(error) => {
                assert!(error.is_timeout(), "{error:?}");
                assert_eq!(error.job().unwrap().status, JobStatus::Running);
                assert!(error.hint().unwrap().contains("goes on"), "{error:?}");
                stopped.push((id.get(), airbyte.clock.passed()));
            }
            _ => {}
        }
    }
    assert_eq!(stopped, [(2, started + timeout), (3, added.unwrap() + timeout)], "not a moment longer");
}

#[tokio::test]
async fn failed_looks_are_told_to_every_job_and_survived() {
    let airbyte = Airbyte::start().await;
    let jobs = (1..=2).map(|n| FakeJob::new(n, 0, 60, "succeeded")).collect();
    airbyte.clock.advance(Duration::from_secs(3));
    let fleet = Fleet::new(&airbyte.clock, jobs);
    *fleet.failures.lock().unwrap() = vec![
        (1, status(503)),
        (3, status(502).set_body_string("<html><title>Bad Gateway</title></html>")),
        (4, status(429).insert_header("retry-after", "33")),
        (5, status(429)),
        (6, status(401)),
    ];
    serve(&airbyte, fleet).await;
    let updates: Vec<_> = airbyte.client().watch_jobs(workspace_id(), ids([1, 2])).collect().await;
    assert_eq!(ends(&updates).len(), 2);
    let failed: Vec<_> = updates
        .iter()
        .filter_map(|(id, update)| match update {
            Update::PollFailed(error) => Some((id.get(), error.kind())),
            _ => None,
        })
        .collect();
    let (server, limited) = (ErrorKind::Server, ErrorKind::RateLimited);
    assert_eq!(
        failed,
        [
            (1, server),
            (2, server),
            (1, server),
            (2, server),
            (1, limited),
            (2, limited),
            (1, limited),
            (2, limited)
        ]
    );
    assert!(airbyte.clock.sleeps().contains(&Duration::from_secs(33)));
    assert_eq!(airbyte.count("POST", "/applications/token").await, 2, "the refused token was replaced");
}

#[tokio::test]
async fn a_wait_that_cannot_go_on_ends_for_every_job() {
    for (answer, kind, requests) in [
        (status(403), ErrorKind::NotFound, 1),
        (error_id(500), ErrorKind::Server, 3),
        (status(503).insert_header("retry-after", "86400"), ErrorKind::Server, 2),
        // A token that is refused is replaced once at each look, and there are three.
        (status(401), ErrorKind::Unauthorized, 6),
    ] {
        let airbyte = Airbyte::start().await;
        get("/jobs").respond_with(answer).with_priority(1).mount(&airbyte.server).await;
        let jobs = (1..=2).map(|n| FakeJob::new(n, 0, 9000, "succeeded"));
        serve(&airbyte, Fleet::new(&airbyte.clock, jobs.collect())).await;
        // Looks at 0 (by their ids), 0.5, 1.25 and 2.4 seconds.
        let watcher = airbyte.client().watch_jobs(workspace_id(), ids([1, 2]));
        let outcomes = watcher.patience(Duration::from_secs(2)).await;
        assert!(airbyte.clock.passed() < Duration::from_secs(3), "{:?}", airbyte.clock.passed());
        assert_eq!(outcomes.len(), 2);
        for (id, outcome) in outcomes {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert_job(&error, id.get());
        }
        assert_eq!(airbyte.count("GET", "/jobs").await, requests);
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_asked_for_does_not_hold_up_the_others() {
    let airbyte = Airbyte::start().await;
    Mock::given(method("GET"))
        .and(path(format!("{PUBLIC}/jobs/1")))
        .respond_with(error_id(500))
        .with_priority(1)
        .mount(&airbyte.server)
        .await;
    let hidden = FakeJob { listed: false, ..FakeJob::new(1, 0, 60, "succeeded") };
    let jobs = vec![hidden, FakeJob::new(2, 0, 900, "succeeded")];
    serve(&airbyte, Fleet::new(&airbyte.clock, jobs)).await;
    let watcher = airbyte.client().watch_jobs(workspace_id(), ids([1, 2]));
    let outcomes = watcher.patience(Duration::from_secs(2)).await;
    let error = outcomes[&JobId::new(1)].as_ref().unwrap_err();
    assert!(error.to_string().contains("lost sight of job 1: 4 looks"), "{error}");
    assert!(outcomes[&JobId::new(2)].is_ok(), "{outcomes:?}");
}

#[tokio::test]
async fn outcomes_say_why_jobs_failed() {
    let airbyte = Airbyte::start().await;
    let jobs =
        ["succeeded", "failed", "cancelled"].into_iter().zip(1..).map(|(end, n)| FakeJob::new(n, 0, 9, end));
    serve(&airbyte, Fleet::new(&airbyte.clock, jobs.collect())).await;
    let failure = json!({ "failureOrigin": "source", "failureType": "config_error", "externalMessage": "no such table",
                          "timestamp": 1 });
    let attempt = json!({ "attempt": { "id": 0, "status": "failed", "createdAt": 1, "updatedAt": 2,
                          "failureSummary": { "failures": [failure] } } });
    let details = json!({ "attempts": [attempt], "job": { "id": 2, "configType": "sync", "configId": CONNECTION,
                          "createdAt": 1, "updatedAt": 2, "status": "failed" } });
    config("/jobs/get_without_logs").respond_with(ok(details)).mount(&airbyte.server).await;
    let told = Arc::new(Mutex::new(0));
    let counter = told.clone();
    let watcher = airbyte.client().watch_jobs(workspace_id(), ids(1..=3)).on_update(move |_, update| {
        *counter.lock().unwrap() += usize::from(matches!(update, Update::Done(_)));
    });
    let outcomes = watcher.await;
    assert_eq!(*told.lock().unwrap(), 3);
    assert!(outcomes[&1.into()].as_ref().unwrap().status.is_success());
    let error = outcomes[&2.into()].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.failures().len()), (ErrorKind::JobFailed, 1));
    assert!(error.to_string().contains("no such table"), "{error}");
    assert!(error.hint().unwrap().contains("/timeline"), "{error:?}");
    assert_eq!(outcomes[&3.into()].as_ref().unwrap_err().kind(), ErrorKind::JobCancelled);
    assert_eq!(airbyte.count("GET", &format!("/connections/{CONNECTION}")).await, 0);
    assert_eq!(airbyte.count("POST", &format!("{CONFIG}/jobs/get_without_logs")).await, 2);
}

#[tokio::test]
async fn on_a_server_in_trouble_every_wait_ends_rightly() {
    let mut builder = Sandbox::builder().seed(Seed::Demo).time_scale(0.2).fault_seed(1);
    for fault in [
        "slow-job=1s",
        "status=503,op=listJobs,p=0.2",
        "html=502,op=listJobs,p=0.1",
        "drop,op=listJobs,p=0.1",
        "truncate,op=listJobs,p=0.1",
        "unknown-enum,op=listJobs,p=0.1",
    ] {
        builder = builder.fault(fault.parse::<Fault>().unwrap());
    }
    let sandbox = builder.start().await.unwrap();
    let ready = sandbox.ready();
    let workspace = ready.workspace_id.parse().unwrap();
    let client = Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .build()
        .unwrap();
    let connections = client.workspace(workspace).connections().await.unwrap();
    let starts = connections.iter().map(|connection| client.connection(connection.connection_id).sync());
    let syncs = futures::future::try_join_all(starts.map(IntoFuture::into_future)).await.unwrap();
    let watcher = client.watch_jobs(workspace, syncs.iter().map(airbyte_cloud::SyncResult::job_id));
    let outcomes = watcher.interval(Duration::from_millis(50)).await;
    assert_eq!(outcomes.len(), syncs.len());
    for (id, outcome) in outcomes {
        let end = client.job(id).info().await.unwrap();
        assert_eq!(outcome.unwrap().status, end.status);
    }
    sandbox.shutdown().await;
}
