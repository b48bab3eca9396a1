//! The sandbox as a part of other people's tests.

use std::time::Duration;

use airbyte_sandbox::{Error, Sandbox, Seed};
use reqwest::Method;

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
