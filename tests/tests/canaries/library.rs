//! The libraries themselves: what a program sees that prints everything, and that logs everything, what is below them too.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex};

use airbyte_cloud::{
    ApiRequest, Client, DestinationId, JobId, Manifest, SecretString, SourceId, StreamSelection, WorkspaceId,
};
use airbyte_sql_read::{CommandSecrets, Destination, FileSecrets, SecretChain, StreamSpec};
use serde_json::json;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::canary::Canaries;
use crate::{NOWHERE, assert_none, files, hostile};

/// Everything that is logged in this process, by whomever.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What has been shown, each with a word on what it is.
#[derive(Default)]
struct Shown(Vec<(String, String)>);

impl Shown {
    fn add(&mut self, what: &str, value: &dyn Debug) {
        self.0.push((what.to_owned(), format!("{value:?}\n{value:#?}")));
    }

    /// An error in all of its ways to be told, with its causes.
    fn error(&mut self, what: &str, error: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let text: Vec<String> = causes.map(|cause| format!("{cause}\n{cause:?}\n{cause:#?}")).collect();
        self.0.push((what.to_owned(), text.join("\n")));
    }

    fn leaks(&self, canaries: &Canaries) -> Vec<String> {
        let search = |(what, text): &(String, String)| {
            let leaks = canaries.search(text.as_bytes()).into_iter();
            leaks.map(|leak| format!("{what}: {leak}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(search).collect()
    }
}

#[test]
fn what_a_program_prints_and_logs_holds_no_secret() {
    let log = Log::default();
    let into = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(move || into.clone())
        .finish();
    let mut canaries = Canaries::new(files::PLACES);
    canaries.add("access token", "kanarie7accesstoken9vogel");
    let mut shown = Shown::default();
    tracing::subscriber::with_default(lines, || {
        // On one thread, where this subscriber is.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for way in 0..hostile::WAYS {
                client(way, &canaries, &mut shown).await;
            }
            reader(&canaries, &mut shown).await;
        });
    });
    shown.add(
        "the sandbox's builder",
        &airbyte_sandbox::Sandbox::builder()
            .postgres(format!("postgres://u:{}@127.0.0.1/d", canaries.plain("database password"))),
    );
    let mut leaks = shown.leaks(&canaries);
    let log = log.0.lock().unwrap();
    assert!(log.len() > 100_000, "next to nothing was logged: {} bytes", log.len());
    leaks.extend(canaries.search(&log).into_iter().map(|leak| format!("the log: {leak}")));
    assert_none(&leaks);
}

/// A client of a server that says whatever it knows.
async fn client(way: usize, canaries: &Canaries, shown: &mut Shown) {
    let root = hostile::start(way, canaries.plain("access token"));
    let builder = Client::builder().ignore_environment().api_root(&root);
    let builder = if way.is_multiple_of(2) {
        builder.client_credentials("an-application", canaries.odd("profile secret").into())
    } else {
        builder.bearer_token(canaries.plain("bearer token").into())
    };
    let proxy = format!("http://u:{}@127.0.0.1:9", canaries.plain("proxy password"));
    let builder = builder.proxy(SecretString::from(proxy));
    shown.add("the client's builder", &builder);
    let client = builder.build().unwrap();
    shown.add("the client", &client);
    shown.add("its settings", client.settings());
    shown.add("its bindings", &client.raw());
    let workspace = client.workspace(NOWHERE.parse::<WorkspaceId>().unwrap());
    let mapper = json!({ "type": "encryption", "mapperConfiguration": {
        "algorithm": "AES", "key": canaries.odd("mapper key"), "targetField": "name",
    } });
    let stream = || StreamSelection::new("users").mappers(vec![mapper.clone()]);
    let source = json!({
        "sourceType": "postgres", "password": canaries.odd("source password"),
        "tunnel_method": { "ssh_key": canaries.odd("source ssh key") },
        "notify": { "webhookUrl": format!("https://hooks.example/{}", canaries.plain("webhook")) },
        "clientSecret": canaries.odd("hmac secret"), "privateKey": canaries.odd("private key"),
    });
    let (from, to) = (NOWHERE.parse::<SourceId>().unwrap(), NOWHERE.parse::<DestinationId>().unwrap());
    let create = workspace.create_source("s", source.clone());
    shown.add("a source to create", &create);
    if let Err(error) = create.allow_same_name().await {
        shown.error("a source that was not created", &error);
    }
    let create = workspace.create_connection("c", from, to).stream(stream());
    shown.add("a connection to create", &create);
    if let Err(error) = create.allow_same_name().await {
        shown.error("a connection that was not created", &error);
    }
    let edit = client.connection(NOWHERE.parse().unwrap()).edit().stream(stream());
    shown.add("a change of a connection", &edit);
    if let Err(error) = edit.await {
        shown.error("a change that was not made", &error);
    }
    let publish = workspace
        .publish_custom_source("p", Manifest::from(json!({})))
        .testing_values(json!({ "api_key": canaries.odd("account password") }));
    shown.add("a connector to publish", &publish);
    if let Err(error) = publish.await {
        shown.error("a connector that was not published", &error);
    }
    let oauth = workspace
        .start_oauth("x", "https://a.example")
        .input(json!({ "client_secret": canaries.odd("service account") }));
    shown.add("a consent to ask for", &oauth);
    if let Err(error) = oauth.await {
        shown.error("a consent that was not asked for", &error);
    }
    let request = ApiRequest::post("/sources").body(source);
    shown.add("a request", &request);
    match client.request(request).await {
        Ok(answer) => shown.add("an answer", &answer),
        Err(error) => shown.error("a request that was refused", &error),
    }
    if let Err(error) = client.job(JobId::from(7)).info().await {
        shown.error("a job that was not told", &error);
    }
    if let Err(error) = client.job(JobId::from(7)).cancel().await {
        shown.error("a job that was not cancelled", &error);
    }
    let call = client.raw().public().list_connections().send().await;
    if let Err(error) = call {
        let error = client.raw().explain(error).await;
        shown.error("a call of the bindings", &error);
    }
}

/// A reader of destinations that cannot be reached, or that tell what they are told.
async fn reader(canaries: &Canaries, shown: &mut Shown) {
    let folder = tempfile::tempdir().unwrap();
    files::write(folder.path(), canaries);
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let destination = match Destination::from_file(entry.path()) {
            Ok(destination) => destination,
            Err(error) => {
                shown.error(&format!("{name} as a destination"), &error);
                continue;
            }
        };
        shown.add(&name, &destination);
        match destination.connect().await {
            Err(error) => shown.error(&format!("{name}, connecting"), &error),
            Ok(warehouse) => {
                shown.add(&format!("{name}, connected"), &warehouse);
                match warehouse.dataset(&StreamSpec::new("users")).await {
                    Err(error) => shown.error(&format!("{name}, looking for a table"), &error),
                    Ok(dataset) => shown.add(&format!("{name}, a dataset"), &dataset),
                }
            }
        }
    }
    let known =
        HashMap::from([("password".to_owned(), SecretString::from(canaries.odd("database password")))]);
    let masked = json!({ "destinationType": "postgres", "configuration": {
        "host": "127.0.0.1", "port": 1, "database": "d", "username": "u", "schema": "s", "password": "**********",
    } });
    let masked = Destination::from_json(&masked).unwrap();
    let filled = masked.with_secrets(&known).unwrap();
    shown.add("a destination with its secrets", &filled);
    shown.add("secrets of a program", &CommandSecrets::new("echo", ["a"]));
    let secrets = FileSecrets::open(folder.path().join("source.json")).unwrap();
    shown.add("secrets in a file", &secrets);
    if let Err(error) = FileSecrets::open(folder.path().join("broken.json")) {
        shown.error("a file of secrets that is none", &error);
    }
    shown.add("several places", &SecretChain::new().then(secrets).then(known));
}
