//! The sandbox as a part of other people's tests.

use std::time::Duration;

use airbyte_sandbox::{Error, Sandbox, Seed};
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, answer};

#[tokio::test]
async fn a_fault_of_no_operation_is_refused_with_the_nearest_names() {
    let Err(error) = Sandbox::builder().fault("drop,op=createJobs".parse().unwrap()).start().await else {
        panic!("it started");
    };
    assert!(
        matches!(&error, Error::UnknownOperation { name, nearest } if name == "createJobs" && nearest[0] == "createJob")
    );
    assert!(error.to_string().contains("perhaps createJob"), "{error}");

    let sandbox = Sandbox::start().await.unwrap();
    assert!(sandbox.add_fault("drop,op=xyz".parse().unwrap()).is_err());
    sandbox.add_fault("drop,op=createJob".parse().unwrap()).unwrap();
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_was_asked_can_be_asserted() {
    let airbyte = Api::start(Seed::Demo).await;
    airbyte.sandbox.forget_requests();
    for path in ["/workspaces", "/sources", "/sources"] {
        answer(airbyte.public(Method::GET, path)).await.expect(200);
    }
    airbyte.sandbox.assert_asked("listSources", 2);
    airbyte.sandbox.assert_asked("listWorkspaces", 1);
    assert_eq!(airbyte.sandbox.requests_for("listSources")[1].status, Some(200));
    let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        airbyte.sandbox.assert_asked("listJobs", 1);
    }));
    let message = *wrong.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("0 times, not 1") && message.contains("/sources"), "{message}");
}

#[tokio::test]
async fn time_is_the_tests() {
    let sandbox = Sandbox::start().await.unwrap();
    let before = sandbox.now();
    sandbox.advance(Duration::from_hours(24)).unwrap();
    let passed = sandbox.now() - before;
    assert!((86_400..86_460).contains(&passed.num_seconds()), "{passed}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_job_that_takes_an_hour_is_over_an_hour_later() {
    // As slow as in life.
    let mut api = Api::of(Sandbox::builder().seed(Seed::Empty)).await;
    let connection = api.small_connection().await;
    api.fault("slow-job=1h,times=1").await;
    let job = api.start_sync(&connection).await;
    api.until(job, &["running"]).await;
    api.sandbox.advance(Duration::from_mins(14)).unwrap();
    assert_eq!(api.get(&format!("/jobs/{job}")).await.expect(200)["status"], "running");
    api.sandbox.advance(Duration::from_mins(46)).unwrap();
    api.log_in().await;
    let ended = api.finished(job).await;
    assert_eq!(ended["status"], "succeeded");
    assert!(ended["duration"].as_str().unwrap().starts_with("PT1H"), "{ended}");
}

#[tokio::test]
async fn what_was_sent_can_be_looked_at() {
    let airbyte = Api::start(Seed::Empty).await;
    let sandbox = &airbyte.sandbox;
    let login = sandbox.requests_for("createAccessToken").remove(0).body.unwrap();
    assert_eq!(login["client_secret"], sandbox.ready().client_secret.as_str());
    airbyte.source(json!({"sourceType": "faker", "count": 7})).await;
    let made = &sandbox.requests_for("createSource")[0];
    assert_eq!(made.body.as_ref().unwrap()["configuration"]["count"], 7);
    airbyte.get("/sources").await.expect(200);
    assert_eq!(sandbox.requests_for("listSources")[0].body, None);
    answer(airbyte.public(Method::POST, "/tags").body("{no")).await.expect(400);
    assert_eq!(sandbox.requests_for("createTag")[0].body, None, "it was no JSON");
    let large = json!({"name": "x".repeat(20_000), "color": "000000", "workspaceId": airbyte.workspace()});
    airbyte.post("/tags", &large).await.expect(400);
    assert_eq!(sandbox.requests_for("createTag")[1].body, None, "it was too long");

    let seen = answer(airbyte.control(Method::GET, "requests")).await.expect(200);
    let requests = seen["requests"].as_array().unwrap();
    assert_eq!(requests[0]["body"]["client_secret"], "**********");
    assert_eq!(requests[1]["body"]["name"], "Source");
    assert_eq!(seen["counts"]["createTag"], 2);
}

#[tokio::test]
async fn requests_are_counted_that_are_no_longer_remembered() {
    let airbyte = Api::start(Seed::Empty).await;
    airbyte.get("/sources").await.expect(200);
    for _ in 0..1_005 {
        assert_eq!(airbyte.get("/health").await.status, 200);
    }
    assert_eq!(airbyte.sandbox.requests().len(), 1_000);
    assert!(airbyte.sandbox.requests_for("listSources").is_empty());
    airbyte.sandbox.assert_asked("listSources", 1);
    airbyte.sandbox.assert_asked("getHealthCheck", 1_005);
    airbyte.sandbox.forget_requests();
    airbyte.sandbox.assert_asked("getHealthCheck", 0);
}
