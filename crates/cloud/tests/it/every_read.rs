//! Whatever this client reads, read from a server whose answers are as hostile as the API documents allow.

use std::future::IntoFuture as _;

use airbyte_cloud::{CustomSourceKind, Error, WorkspaceScope};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use crate::document::{Document, ID, Shape};
use crate::support::{Airbyte, CONFIG, PUBLIC, post, token};

/// Answers every operation of both documents with a sample of its answer.
struct Samples {
    apis: [(&'static str, Document); 2],
    shape: Shape,
}

impl Respond for Samples {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let found = self.apis.iter().find_map(|(root, document)| {
            let path = request.url.path().strip_prefix(root)?;
            let asked = format!("{} {path}", request.method);
            let operations = document.operations();
            let operation = operations.into_iter().find(|operation| operation.sent == asked)?;
            Some(operation.answer.map_or(Value::Null, |schema| document.sample(schema, self.shape)))
        });
        match found {
            Some(answer) => ResponseTemplate::new(200).set_body_json(answer),
            None => ResponseTemplate::new(418).set_body_json(json!({ "message": request.url.path() })),
        }
    }
}

macro_rules! calls {
    ($($call:expr),* $(,)?) => {
        vec![$((stringify!($call), async { $call.into_future().await.map(drop) }.boxed())),*]
    };
}

/// Makes each call; only those named have to fail, because without what is not there they have no answer.
async fn every_read(shape: Shape, but: &[&str]) {
    let airbyte = Airbyte::without_tokens().await;
    post("/applications/token")
        .respond_with(ResponseTemplate::new(200).set_body_json(token("t", 900)))
        .with_priority(1)
        .mount(&airbyte.server)
        .await;
    let apis = [(PUBLIC, Document::read("public")), (CONFIG, Document::read("config"))];
    Mock::given(any()).respond_with(Samples { apis, shape }).mount(&airbyte.server).await;
    let id = || ID.parse::<uuid::Uuid>().unwrap();

    let client = airbyte.client();
    let workspace = client.workspace(id().into());
    let organization = client.organization(id().into());
    let source = client.source(id().into());
    let destination = client.destination(id().into());
    let connection = client.connection(id().into());
    let job = client.job(7.into());
    let group = client.group(id().into());
    let custom = |kind| workspace.custom_source_definition(id().into(), kind);
    let calls: Vec<(&str, BoxFuture<'_, Result<(), Error>>)> = calls![
        client.workspaces(),
        client.workspaces_in(WorkspaceScope::Any),
        client.organizations(),
        client.applications(),
        client.permissions(),
        client.current_user(),
        client.default_context(),
        client.connections_health([id().into()]),
        client.tag(id().into()).info(),
        client.region(id().into()).info(),
        client.dataplane(id().into()).info(),
        client.permission(id().into()).info(),
        workspace.info(),
        workspace.sources(),
        workspace.destinations(),
        workspace.connections(),
        workspace.jobs(),
        workspace.tags(),
        workspace.organization(),
        workspace.organization_details(),
        workspace.custom_source_definitions(CustomSourceKind::Yaml),
        workspace.custom_source_definitions(CustomSourceKind::Docker),
        custom(CustomSourceKind::Yaml).info(),
        custom(CustomSourceKind::Docker).info(),
        custom(CustomSourceKind::Yaml).builder_project(),
        organization.info(),
        organization.details(),
        organization.billing(),
        organization.users(),
        organization.permissions_of(id().into()),
        organization.workspaces(),
        organization.groups(),
        organization.regions(),
        client.region(id().into()).dataplanes(),
        group.info(),
        group.members(),
        group.permissions(),
        source.info(),
        source.check(),
        source.streams(None),
        destination.info(),
        destination.check(),
        connection.info(),
        connection.jobs(),
        connection.latest_sync(),
        connection.catalog(),
        connection.state(),
        connection.stream_state("users"),
        connection.health(),
        connection.stream_statuses(),
        connection.last_job_per_stream(),
        connection.sync_progress(),
        connection.refresh_schema(),
        connection.preflight(None),
        connection.url(),
        job.info(),
        job.attempts(),
        job.stream_stats(),
        job.failures(),
        job.logs(),
        job.ticket(),
    ];
    let mut faults = Vec::new();
    for (call, outcome) in calls {
        let outcome = outcome.await;
        if outcome.is_err() != but.contains(&call) {
            faults.push(format!("{call}: {outcome:?}"));
        }
    }
    assert!(faults.is_empty(), "{shape:?}\n{}", faults.join("\n"));
}

/// What needs the name of a stream.
const CATALOGS: [&str; 2] = ["connection.catalog()", "connection.refresh_schema()"];

/// What looks for one thing in a list.
const ONE_OF_A_LIST: [&str; 5] = [
    "client.current_user()",
    "client.default_context()",
    "organization.info()",
    "organization.workspaces()",
    "connection.health()",
];

#[tokio::test]
async fn from_answers_that_are_full() {
    every_read(Shape::Full, &[]).await;
}

#[tokio::test]
async fn from_answers_with_nothing_optional_in_them() {
    every_read(Shape::Sparse, &CATALOGS).await;
}

#[tokio::test]
async fn from_answers_full_of_null() {
    every_read(Shape::Nulls, &CATALOGS).await;
}

#[tokio::test]
async fn from_answers_with_words_and_members_of_a_newer_server() {
    every_read(Shape::NewWords, &[]).await;
    every_read(Shape::NewMembers, &[]).await;
}

#[tokio::test]
async fn from_answers_whose_lists_are_empty_or_null() {
    every_read(Shape::EmptyLists, &ONE_OF_A_LIST).await;
    // Catalogs and states are given back as they came, so what is odd in them is refused.
    let states = ["connection.state()", "connection.stream_state(\"users\")"];
    every_read(Shape::NullLists, &[&ONE_OF_A_LIST[..], &CATALOGS, &states].concat()).await;
}
