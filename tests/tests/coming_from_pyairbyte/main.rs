//! The table of `docs/coming-from-pyairbyte.md`: each right-hand side is compiled, run against a local Airbyte,
//! and its value looked at. The document is made of what ran.
//!
//! With `AIRBYTE_UPDATE_DOCS` set, the document is written anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod clients;
mod connections;
mod connectors;
mod people;
mod results;
mod table;
mod workspaces;

use std::path::PathBuf;

use airbyte_cloud::{Client, SecretString};
use airbyte_sandbox::{Edition, Sandbox, Seed};

use table::{Table, names_of};

/// A client of a local Airbyte whose jobs take no time.
async fn sandbox(edition: Edition) -> (Sandbox, Client) {
    let sandbox =
        Sandbox::builder().seed(Seed::Demo).edition(edition).time_scale(0.05).start().await.unwrap();
    let client = client(&sandbox);
    (sandbox, client)
}

fn client(sandbox: &Sandbox) -> Client {
    let ready = sandbox.ready();
    Client::builder()
        .ignore_environment()
        .api_root(&ready.public_api_root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()))
        .workspace_id(ready.workspace_id.parse().unwrap())
        .organization_id(ready.organization_id.parse().unwrap())
        .build()
        .unwrap()
}

async fn whole() -> Table {
    let mut table = Table::default();
    clients::rows(&mut table).await.unwrap();
    workspaces::rows(&mut table).await.unwrap();
    connections::rows(&mut table).await.unwrap();
    connectors::rows(&mut table).await.unwrap();
    results::rows(&mut table).await.unwrap();
    people::rows(&mut table).await.unwrap();
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_what_ran() {
    let document = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/coming-from-pyairbyte.md"));
    let made = whole().await.document();
    if std::env::var_os("AIRBYTE_UPDATE_DOCS").is_some() {
        std::fs::write(&document, &made).unwrap();
    }
    let there = std::fs::read_to_string(&document).unwrap_or_default();
    assert!(
        there == made,
        "{} is out of date: run this test with AIRBYTE_UPDATE_DOCS=1 and look at the difference",
        document.display()
    );
    // The original's names, each of which a user may look for.
    let missing: Vec<_> =
        include_str!("names.txt").lines().filter(|name| !names_of(&made).contains(*name)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}

/// Where the reference of the original is at hand, the list of its names is checked, too.
#[test]
fn the_names_are_those_of_the_original() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/seeds"));
    let Ok(mut files) = std::fs::read_dir(folder) else { return };
    let reference = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
    let names: Vec<_> = include_str!("names.txt").lines().map(str::to_owned).collect();
    assert_eq!(table::names_in_reference(&reference), names);
}
