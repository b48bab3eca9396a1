//! Connections that run by themselves, and connections that are switched off.

use std::time::Duration;

use airbyte_sandbox::{Edition, Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, FAST, answer};

/// Long enough for the schedules to be looked at, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);
/// Several times as long as the schedules are not looked at.
const A_WHILE: Duration = Duration::from_millis(600);

impl Api {
    async fn advance(&self, by: &str) {
        let moved = answer(self.control(Method::POST, "clock").json(&json!({"advance": by}))).await;
        assert!(moved.status.is_success(), "{moved:?}");
    }

    async fn jobs_of(&self, connection: &str) -> Vec<Value> {
        let list = self.get(&format!("/jobs?connectionId={connection}&limit=100")).await.expect(200);
        list["data"].as_array().unwrap().clone()
    }

    /// Waits until the connection has had so many jobs, all of them ended, and no more.
    async fn until_jobs(&self, connection: &str, count: usize) {
        let waiting = async {
            loop {
                let jobs = self.jobs_of(connection).await;
                assert!(jobs.len() <= count, "more jobs than are due: {jobs:?}");
                if jobs.len() == count && jobs.iter().all(|job| job["status"] == "succeeded") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the connection runs by itself");
    }

    /// Makes sure that the connection does not run by itself.
    async fn stays_at(&self, connection: &str, count: usize) {
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(self.jobs_of(connection).await.len(), count);
    }

    async fn schedule(&self, connection: &str, schedule: Value) {
        let body = json!({"schedule": schedule});
        self.patch(&format!("/connections/{connection}"), &body).await.expect(200);
    }
}

fn cron(expression: &str) -> Value {
    json!({"scheduleType": "cron", "cronExpression": expression})
}

/// A sandbox whose tokens outlive every move of the clock, and a connection.
async fn start(edition: Edition) -> (Api, String) {
    let century = Duration::from_hours(878_400);
    let builder = Sandbox::builder().seed(Seed::Empty).edition(edition).token_ttl(century);
    let api = Api::of(builder.time_scale(FAST)).await;
    let connection = api.small_connection().await;
    (api, connection)
}

#[tokio::test]
async fn a_cron_connection_runs_at_its_moments_and_makes_up_for_none() {
    let (api, connection) = start(Edition::Enterprise).await;
    let path = format!("/connections/{connection}");
    api.schedule(&connection, cron("0 0 0 1 1 ?")).await;
    api.advance("8784h").await;
    assert_eq!(
        api.jobs_of(&connection).await.len(),
        1,
        "what is due has begun when the clock has been moved"
    );
    api.until_jobs(&connection, 1).await;
    // Several moments go by at once; the connection runs once.
    api.advance("35136h").await;
    api.until_jobs(&connection, 2).await;
    api.stays_at(&connection, 2).await;
    for quiet in
        [json!({"status": "inactive"}), json!({"status": "active", "schedule": {"scheduleType": "manual"}})]
    {
        api.patch(&path, &quiet).await.expect(200);
        api.stays_at(&connection, 2).await;
        api.advance("8784h").await;
        api.stays_at(&connection, 2).await;
    }
}

#[tokio::test]
async fn an_interval_begins_with_a_run_and_counts_from_the_last_job() {
    let (api, connection) = start(Edition::Enterprise).await;
    let basic = json!({
        "connectionId": connection, "scheduleType": "basic",
        "scheduleData": {"basicSchedule": {"units": 6, "timeUnit": "hours"}},
    });
    api.config("/connections/update", &basic).await.expect(200);
    api.until_jobs(&connection, 1).await;
    api.advance("5h").await;
    api.stays_at(&connection, 1).await;
    // A job that somebody else asks for begins the interval anew.
    api.sync(&connection).await;
    api.advance("2h").await;
    api.stays_at(&connection, 2).await;
    api.advance("4h").await;
    api.until_jobs(&connection, 3).await;
    api.stays_at(&connection, 3).await;
    assert_eq!(api.delete(&format!("/connections/{connection}")).await.status, 204);
    api.advance("24h").await;
    api.stays_at(&connection, 3).await;
}

#[tokio::test]
async fn a_run_that_is_under_way_is_not_overtaken() {
    let (api, connection) = start(Edition::Enterprise).await;
    // Longer than the clock is moved while it runs.
    api.fault("slow-job=20000h,times=1").await;
    api.schedule(&connection, cron("0 0 0 1 1 ?")).await;
    api.stays_at(&connection, 0).await;
    api.advance("8784h").await;
    let running = async {
        while api.jobs_of(&connection).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, running).await.expect("the connection runs by itself");
    api.advance("8784h").await;
    api.stays_at(&connection, 1).await;
    assert_eq!(api.jobs_of(&connection).await[0]["status"], "running");
}

#[tokio::test]
async fn expressions_are_read_in_full_by_both_apis() {
    let (api, connection) = start(Edition::Enterprise).await;
    let path = format!("/connections/{connection}");
    for taken in
        ["0 0 12 ? * MON-FRI", "0 15 10 L-3 * ?", "0 0 0 LW * ?", "0 0 0 ? * 6#3 2026-2030", "0 0/5 * * * ?"]
    {
        api.schedule(&connection, cron(taken)).await;
    }
    for refused in
        ["0 0 25 * * ?", "0 0 12 32 * ?", "0 0 12 ? * 8", "0 0 12 ? * ?", "0 0 12 1 * 2", "0 0 12 ? FOO 2"]
    {
        let problem = api.patch(&path, &json!({"schedule": cron(refused)})).await.expect(400);
        assert!(problem["data"]["message"].as_str().unwrap().contains(refused), "{problem}");
    }
    let set = async |expression: &str, zone: &str, status: u16| {
        let cron = json!({"cronExpression": expression, "cronTimeZone": zone});
        let body =
            json!({"connectionId": connection, "scheduleType": "cron", "scheduleData": {"cron": cron}});
        api.config("/connections/update", &body).await.expect(status)
    };
    set("0 0 9 * * ?", "Europe/Berlin", 200).await;
    assert_eq!(api.get(&path).await.expect(200)["schedule"]["cronExpression"], "0 0 9 * * ? Europe/Berlin");
    for (expression, zone, kind) in [
        ("0 0 25 * * ?", "UTC", "error:cron-validation/invalid-expression"),
        ("* 0 9 * * ?", "UTC", "error:cron-validation/invalid-expression"),
        ("0 0 9 * * ?", "Etc/UTC", "error:cron-validation/invalid-timezone"),
        ("0 0 9 * * ?", "Middle/Earth", "error:cron-validation/invalid-timezone"),
    ] {
        assert_eq!(set(expression, zone, 400).await["type"], kind, "{expression} {zone}");
    }
}

#[tokio::test]
async fn more_than_once_an_hour_is_not_for_the_cloud() {
    let (api, connection) = start(Edition::Cloud).await;
    let path = format!("/connections/{connection}");
    let problem = api.patch(&path, &json!({"schedule": cron("0 0/30 * * * ?")})).await.expect(400);
    assert_eq!(problem["type"], "error:cron-validation/under-one-hour-not-allowed");
    api.schedule(&connection, cron("0 0 * * * ?")).await;
}

#[tokio::test]
async fn thirty_failures_in_a_row_switch_a_connection_off() {
    let (api, connection) = start(Edition::Enterprise).await;
    let path = format!("/connections/{connection}");
    api.fault("fail-job").await;
    for _ in 0..29 {
        api.failing_sync(&connection).await;
    }
    assert_eq!(api.get(&path).await.expect(200)["status"], "active");
    api.failing_sync(&connection).await;
    let off = async {
        while api.get(&path).await.expect(200)["status"] != "inactive" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, off).await.expect("the connection is switched off");
    let body = json!({"connectionId": connection, "jobType": "sync"});
    assert_eq!(api.post("/jobs", &body).await.expect(409)["title"], "state-conflict");
}
