//! The lives of workspaces, sources, destinations and connections, in a local Airbyte.

use airbyte_cloud::{
    Blocker, Client, Connection, ConnectionStatus, ErrorKind, RefreshMode, Schedule, ScheduleInfo, StreamId,
    StreamSelection, SyncMode, Workspace,
};
use airbyte_sandbox::{Edition, Sandbox};
use serde_json::json;

use crate::sandbox::{asked, demo, fault, start};
use crate::support::broken::{BrokenServer, Reply};
use crate::support::{TestClock, builder};

pub(crate) fn workspace(client: &Client) -> Workspace {
    client.default_workspace().unwrap()
}

/// A connection of one's own: faker to nothing.
pub(crate) async fn connect(client: &Client, name: &str) -> Connection {
    let workspace = workspace(client);
    let source = workspace
        .create_source(format!("{name} source"), json!({ "sourceType": "faker", "count": 20, "seed": 1 }))
        .await
        .unwrap();
    let destination = workspace
        .create_destination(
            format!("{name} destination"),
            json!({ "destinationType": "dev-null", "test_destination": { "test_destination_type": "SILENT" } }),
        )
        .await
        .unwrap();
    workspace
        .create_connection(name, source.id(), destination.id())
        .stream("users")
        .stream(StreamSelection::new("purchases").sync_mode(SyncMode::IncrementalAppend))
        .prefix("p_")
        .schedule(Schedule::cron("0 0 6 * * ?").unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_connection_is_created_edited_and_deleted() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "mine delete-me").await;
    let info = connection.info().await.unwrap();
    assert_eq!((info.name.as_str(), info.prefix.as_deref()), ("mine delete-me", Some("p_")));
    assert_eq!(info.schedule, ScheduleInfo::Cron { expression: "0 0 6 * * ? UTC".to_owned() });
    let streams: Vec<_> =
        info.streams.iter().map(|it| (it.name.as_str(), it.sync_mode.clone().unwrap())).collect();
    assert_eq!(
        streams,
        [("users", SyncMode::FullRefreshOverwrite), ("purchases", SyncMode::IncrementalAppend)]
    );

    let edited = connection
        .edit()
        .schedule(Schedule::Manual)
        .enabled(false)
        .stream(
            StreamSelection::new("users").sync_mode(SyncMode::IncrementalAppend).fields(["id", "updated_at"]),
        )
        .await
        .unwrap();
    assert_eq!((edited.schedule, edited.status), (ScheduleInfo::Manual, ConnectionStatus::Inactive));
    assert_eq!(edited.streams[0].selected_fields, [["id"], ["updated_at"]]);
    assert_eq!(
        edited.streams[1].sync_mode,
        Some(SyncMode::IncrementalAppend),
        "the other stream keeps its mode"
    );
    let all = connection.edit().stream(StreamSelection::new("users").all_fields()).await.unwrap();
    assert!(all.streams[0].selected_fields.is_empty());
    assert_eq!(connection.enable().await.unwrap().status, ConnectionStatus::Active);

    connection.delete().await.unwrap();
    assert_eq!(connection.info().await.unwrap().status, ConnectionStatus::Deprecated);
    let left = workspace(&client).connections().name("mine delete-me").await.unwrap();
    assert!(left.is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn names_are_unique_unless_allowed_and_nothing_is_made_twice() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = workspace(&client);
    let faker = json!({ "sourceType": "faker", "count": 1 });
    workspace.create_source("twin", &faker).await.unwrap();
    let error = workspace.create_source("twin", &faker).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    workspace.create_source("twin", &faker).allow_same_name().await.unwrap();
    let random = workspace.create_source("twin", &faker).random_suffix().await.unwrap().info().await.unwrap();
    assert!(random.name.starts_with("twin (ID: ") && random.name.len() == "twin (ID: 123456789)".len());
    assert_eq!(workspace.sources().name("twin").await.unwrap().len(), 2);
    assert_eq!(workspace.sources().filter(|source| source.name.contains("twin")).await.unwrap().len(), 3);
    sandbox.shutdown().await;

    for fault_text in ["lose-reply,op=createSource,times=1", "truncate,op=createSource,times=1"] {
        let (sandbox, client) = start(Sandbox::builder().fault(fault(fault_text))).await;
        let workspace = client.default_workspace().unwrap();
        let source = workspace.create_source("only one", &faker).await.unwrap();
        let all = workspace.sources().name("only one").await.unwrap();
        assert_eq!(all.iter().map(|it| it.source_id).collect::<Vec<_>>(), [source.id()], "{fault_text}");
        let error = workspace.create_source("only one", &faker).allow_same_name().await;
        assert!(error.is_ok(), "the fault is over");
        sandbox.shutdown().await;
    }
    let lost = Sandbox::builder().fault(fault("lose-reply,op=createConnection,times=1"));
    let (sandbox, client) = start(lost).await;
    let connection = connect(&client, "only one").await;
    let all = client.default_workspace().unwrap().connections().name("only one").await.unwrap();
    assert_eq!(all.iter().map(|it| it.connection_id).collect::<Vec<_>>(), [connection.id()]);
    sandbox.shutdown().await;
}

/// A server that loses the answer to a creation and shows the new source from some look on, or cannot list any more.
async fn slow_creation(shown_from: Option<usize>) -> (BrokenServer, Client) {
    let looks = std::sync::Mutex::new(None);
    let server = BrokenServer::start(move |request| {
        let mut looks = looks.lock().unwrap();
        let sources = |sources: &[serde_json::Value]| {
            Reply::Json(200, json!({ "data": sources, "next": "", "previous": "" }))
        };
        if request.path.starts_with("/workspaces/") {
            let id = "11111111-0000-4000-8000-000000000002";
            let shown = json!({ "workspaceId": id, "name": "w", "dataResidency": "auto", "notifications": {} });
            return Reply::Json(200, shown);
        }
        match (request.method.as_str(), &mut *looks) {
            ("POST", _) => {
                *looks = Some(0);
                Reply::Drop
            }
            (_, None) => sources(&[]),
            (_, Some(seen)) => {
                *seen += 1;
                match shown_from {
                    None => Reply::Json(403, json!({})),
                    Some(from) if *seen >= from => sources(&[json!({
                        "sourceId": "11111111-0000-4000-8000-000000000001", "name": "slow", "sourceType": "faker",
                        "definitionId": "11111111-0000-4000-8000-000000000003", "configuration": {},
                        "workspaceId": "11111111-0000-4000-8000-000000000002", "createdAt": 0,
                    })]),
                    Some(_) => sources(&[]),
                }
            }
        }
    })
    .await;
    let client = builder(&server.root, &TestClock::new()).build().unwrap();
    (server, client)
}

#[tokio::test]
async fn a_creation_without_an_answer_is_found_though_the_server_is_slow() {
    let create = |client: &Client| {
        let workspace = client.workspace("11111111-0000-4000-8000-000000000002".parse().unwrap());
        workspace.create_source("slow", json!({ "sourceType": "faker" }))
    };
    let (server, client) = slow_creation(Some(3)).await;
    create(&client).await.unwrap();
    assert_eq!(server.count("POST /sources"), 1);
    // Never seen, or not to be looked for: who calls again would make a second one.
    for (shown_from, told) in [(Some(100), "does not exist (yet)"), (None, "not known")] {
        let (server, client) = slow_creation(shown_from).await;
        let error = create(&client).await.unwrap_err();
        assert!(error.to_string().contains(told) && !error.is_retryable(), "{error:?}");
        assert_eq!(server.count("POST /sources"), 1);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_without_a_request() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = workspace(&client);
    let before = asked(&sandbox).len();
    let some: airbyte_cloud::SourceId = "11111111-0000-4000-8000-000000000001".parse().unwrap();
    let other: airbyte_cloud::DestinationId = "11111111-0000-4000-8000-000000000002".parse().unwrap();
    let errors = [
        workspace.create_source("x", json!({ "count": 1 })).await.err(),
        workspace.create_source("", json!({ "sourceType": "faker" })).await.err(),
        workspace.create_source("x", "faker").await.err(),
        workspace.create_source("x", json!({ "destinationType": "postgres" })).await.err(),
        workspace.create_source("x", json!({ "sourceType": "pg", "password": "**********" })).await.err(),
        workspace
            .create_source("x", json!({ "sourceType": "faker" }))
            .without_credentials()
            .allow_same_name()
            .await
            .err(),
        workspace.create_connection("x", some, other).await.err(),
        workspace.create_connection("x", some, other).stream("a").stream("a").await.err(),
        workspace.create_connection(" ", some, other).stream("a").await.err(),
        client.source(some).update_configuration(json!({ "a": { "b": "**********" } })).await.err(),
        client.source(some).update_configuration("text").await.err(),
        client.source(some).rename("").await.err(),
        workspace.rename(" ").await.err(),
        client.create_workspace("").await.err(),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::InvalidInput), "{number}");
    }
    assert_eq!(asked(&sandbox).len(), before);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn configurations_are_merged_or_replaced_and_keep_their_secrets() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let configuration = json!({
        "destinationType": "postgres", "host": "127.0.0.1", "port": 1, "database": "d", "schema": "s",
        "username": "u", "password": "s3cr3t",
    });
    let destination = workspace(&client).create_destination("pg", configuration).await.unwrap();
    let info = destination.update_configuration(json!({ "port": 2 })).await.unwrap();
    assert_eq!(
        (&info.configuration["port"], &info.configuration["password"]),
        (&json!(2), &json!("**********"))
    );

    // What was read can be written back whole: masks stand for the secrets that are there.
    let mut read = info.configuration;
    read.as_object_mut().unwrap().remove("schema");
    read["port"] = json!(3);
    let replaced = destination.replace_configuration(&read).await;
    // The connector demands its schema, so nothing was replaced.
    assert_eq!(replaced.unwrap_err().kind(), ErrorKind::InvalidInput);
    read["schema"] = json!("t");
    let info = destination.replace_configuration(&read).await.unwrap();
    assert_eq!((&info.configuration["schema"], &info.configuration["port"]), (&json!("t"), &json!(3)));
    assert_eq!(destination.rename("other").await.unwrap().name, "other");

    let check = destination.check().await.unwrap();
    assert!(!check.is_success());
    let error = check.into_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CheckFailed);
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    let source =
        workspace(&client).create_source("f", json!({ "sourceType": "faker", "count": 1 })).await.unwrap();
    source.check().await.unwrap().into_result().unwrap();
    sandbox.shutdown().await;
}

#[tokio::test]
async fn safe_mode_looks_at_everything_before_anything_goes() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "delete-me").await;
    let info = connection.info().await.unwrap();
    let (source, destination) = (client.source(info.source_id), client.destination(info.destination_id));
    let status = async || connection.info().await.unwrap().status;

    // The names of source and destination have the mark by their prefix.
    destination.rename("keep").await.unwrap();
    let error = connection.delete().with_source().with_destination().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("destination") && error.to_string().contains("`keep`"), "{error}");
    assert_eq!(status().await, ConnectionStatus::Active, "nothing was deleted");

    // Another connection of the source would go with it.
    destination.rename("DeleteMe").await.unwrap();
    let workspace = workspace(&client);
    let other =
        workspace.create_connection("precious", source.id(), destination.id()).stream("users").await.unwrap();
    for error in [
        connection.delete().with_source().await.unwrap_err(),
        source.delete().await.unwrap_err(),
        destination.delete().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("precious"), "{error}");
    }
    assert_eq!(status().await, ConnectionStatus::Active);
    assert_eq!(other.delete().await.unwrap_err().kind(), ErrorKind::Conflict);
    other.delete().safe_mode(false).await.unwrap();

    connection.delete().with_source().with_destination().await.unwrap();
    assert_eq!(status().await, ConnectionStatus::Deprecated);
    assert!(workspace.sources().name("delete-me source").await.unwrap().is_empty());
    assert!(workspace.destinations().name("DeleteMe").await.unwrap().is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_lost_answer_does_not_make_a_deletion_fail() {
    let (sandbox, client) =
        start(Sandbox::builder().fault(fault("lose-reply,op=deleteSource,times=1"))).await;
    let workspace = workspace(&client);
    let source =
        workspace.create_source("x delete-me", json!({ "sourceType": "faker", "count": 1 })).await.unwrap();
    source.delete().await.unwrap();
    assert!(workspace.sources().name("x delete-me").await.unwrap().is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_workspace_is_created_renamed_and_deleted_when_it_is_empty() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let workspace = client.create_workspace("delete-me").await.unwrap();
    assert_eq!(workspace.info().await.unwrap().name, "delete-me");
    let source =
        workspace.create_source("s delete-me", json!({ "sourceType": "faker", "count": 1 })).await.unwrap();
    let error = workspace.delete().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("s delete-me"), "{error}");
    source.delete().await.unwrap();
    assert_eq!(workspace.rename("production").await.unwrap().name, "production");
    assert_eq!(workspace.delete().await.unwrap_err().kind(), ErrorKind::Conflict);
    workspace.delete().safe_mode(false).await.unwrap();
    assert!(workspace.info().await.unwrap_err().is_not_found());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn clearing_asks_before_it_cancels() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("slow-job=20s,times=1"))).await;
    let connection = demo(&client).await;
    let running = connection.sync().await.unwrap();
    for request in [connection.clear(), connection.reset(), connection.clear().streams(["users"])] {
        let error = request.await.unwrap_err();
        assert_eq!((error.kind(), error.job_id()), (ErrorKind::AlreadyRunning, Some(running.job_id())));
    }
    assert_eq!(connection.refresh(RefreshMode::Merge).await.unwrap_err().kind(), ErrorKind::AlreadyRunning);
    assert!(!running.job().info().await.unwrap().status.is_final(), "it still runs");

    let clear = connection.clear().cancel_running().await.unwrap();
    assert_eq!(clear.job_type(), &airbyte_cloud::JobType::Reset);
    clear.wait().await.unwrap();
    assert_eq!(running.job().info().await.unwrap().status, airbyte_cloud::JobStatus::Cancelled);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn clearing_is_never_sent_twice() {
    for fault_text in
        ["lose-reply,op=createJob,times=1", "truncate,op=createJob,times=1", "html=502,op=createJob,times=1"]
    {
        let (sandbox, client) = start(Sandbox::builder().fault(fault(fault_text))).await;
        let connection = demo(&client).await;
        let outcome = connection.reset().await;
        let jobs = connection.jobs().await.unwrap();
        match outcome {
            Ok(clear) => assert_eq!(jobs.iter().map(|job| job.job_id).collect::<Vec<_>>(), [clear.job_id()]),
            Err(error) => {
                // The request never arrived, and the caller is told so.
                assert!(
                    jobs.is_empty() && error.hint().unwrap().contains("no job has appeared"),
                    "{error:?}"
                );
            }
        }
        let sent = asked(&sandbox);
        assert_eq!(sent.iter().filter(|it| **it == "createJob").count(), 1, "{fault_text}");
        sandbox.shutdown().await;
    }
}

#[tokio::test]
async fn streams_are_cleared_and_refreshed_alone() {
    let (sandbox, client) = start(Sandbox::builder()).await;
    let connection = connect(&client, "some streams").await;
    connection.sync().await.unwrap().wait().await.unwrap();
    assert!(connection.stream_state("purchases").await.unwrap().is_some());

    let none: [StreamId; 0] = [];
    for (request, told) in
        [(connection.clear().streams(["carts"]), "carts"), (connection.clear().streams(none), "empty")]
    {
        let error = request.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(told), "{error}");
    }
    let synced = connection.latest_sync().await.unwrap().unwrap().job_id();
    connection.clear().streams(["purchases"]).await.unwrap().wait().await.unwrap();
    assert!(connection.stream_state("purchases").await.unwrap().is_none());
    let latest = connection.latest_sync().await.unwrap().unwrap();
    assert_eq!(latest.job_id(), synced, "a clearing is no sync, though it is the latest job");

    let refresh = connection.refresh(RefreshMode::Truncate).streams(["purchases"]).await.unwrap();
    assert_eq!(refresh.job_type(), &airbyte_cloud::JobType::Refresh);
    let done = refresh.wait().await.unwrap();
    assert!(done.records_synced.unwrap() > 0, "{done:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_preflight_names_what_is_in_the_way() {
    let (sandbox, client) = start(Sandbox::builder().fault(fault("slow-job=20s"))).await;
    let connection = demo(&client).await;
    let workspace = workspace(&client).id();
    assert!(connection.preflight(Some(workspace)).await.unwrap().is_clear());
    assert!(connection.cancel_running().await.unwrap().is_none());

    let sync = connection.sync().await.unwrap();
    connection.disable().await.unwrap();
    let elsewhere = "6c3d5d0e-0000-4000-8000-00000000dead".parse().unwrap();
    let preflight = connection.preflight(Some(elsewhere)).await.unwrap();
    assert!(
        matches!(
            preflight.blockers.as_slice(),
            [Blocker::Disabled, Blocker::OtherWorkspace { .. }, Blocker::Running(job)] if job.job_id == sync.job_id()
        ),
        "{:?}",
        preflight.blockers
    );
    let error = preflight.into_result().unwrap_err();
    assert_eq!((error.kind(), error.job_id()), (ErrorKind::ConnectionNotActive, Some(sync.job_id())));
    let cancelled = connection.cancel_running().await.unwrap().unwrap();
    assert_eq!(cancelled.job_id, sync.job_id());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_foreign_object_is_not_found_on_cloud_whatever_is_done_to_it() {
    let (sandbox, client) = start(Sandbox::builder().edition(Edition::Cloud)).await;
    let nowhere = "6c3d5d0e-0000-4000-8000-00000000dead";
    let connection = client.connection(nowhere.parse().unwrap());
    let errors = [
        connection.rename("x").await.err(),
        connection.delete().await.err(),
        connection.clear().await.err(),
        connection.preflight(None).await.err(),
        connection.state().await.err(),
        connection.catalog().await.err(),
        client.source(nowhere.parse().unwrap()).delete().await.err(),
        client.workspace(nowhere.parse().unwrap()).delete().await.err(),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::NotFound), "{number}");
    }
    sandbox.shutdown().await;
}
