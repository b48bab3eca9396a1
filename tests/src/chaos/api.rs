//! Schedules over the API: several connections, each with somebody who starts, waits, cancels, lists, edits, reads and
//! exports, while the sandbox and the way to it fail. Time is virtual.

use std::sync::Arc;
use std::time::Duration;

use airbyte_cloud::{ApiRequest, Client, ConnectionId, ErrorKind, SecretString};
use airbyte_sandbox::{Ready, Sandbox, Seed};
use anyhow::{Context, Result, bail, ensure};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use super::actor::{Actor, Place};
use super::ledger::{Ledger, said, truth};
use super::proxy::{Proxy, Weather};
use super::{Clumsiness, Story, faults};

/// More than any chain of time limits and pauses can take; virtual.
const NEVER: Duration = Duration::from_hours(240);

/// How far the sandbox's own calendar is moved with the virtual time, so that tokens end.
const TICK: Duration = Duration::from_mins(1);

/// Runs one schedule. Needs a runtime of one thread whose time stands still.
///
/// # Errors
/// What was broken.
pub(super) async fn run(seed: u64, clumsiness: Clumsiness) -> Result<Story> {
    let mut dice = StdRng::seed_from_u64(seed);
    let sandbox = Sandbox::builder().seed(Seed::Demo).fault_seed(dice.random()).start().await?;
    let ready = sandbox.ready();
    let direct = Url::parse(&ready.public_api_root)?;
    let target = direct.socket_addrs(|| None)?.first().context("an address")?.to_string();
    let weather =
        Weather { trouble: dice.random_range(0.0..1.0), furthest: 20_000, pause: Duration::from_secs(2) };
    let proxy = Proxy::start(target, dice.random(), weather).await?;
    let calm = client(ready, direct.as_str(), None)?;
    let stormy_root = format!("http://{}{}", proxy.address, direct.path());
    let stormy = client(ready, &stormy_root, Some(&mut dice))?;

    let rows = dice.random_range(1..40);
    let folder = tempfile::tempdir()?;
    let mut ledgers = Vec::new();
    let mut actors = Vec::new();
    for (number, id) in
        connections(&calm, ready, rows, dice.random_range(1..4)).await?.into_iter().enumerate()
    {
        let is_shared = dice.random_bool(0.2);
        let name = format!("number {number}");
        let ledger = Ledger { is_shared, names: [name].into(), ..Ledger::default() };
        let ledger = Arc::new(Mutex::new(ledger));
        for actor in 0..=u8::from(is_shared) {
            let place = Place {
                connection: stormy.connection(id),
                rows,
                folder: folder.path().join(format!("{number}-{actor}")),
                clumsiness,
            };
            std::fs::create_dir(&place.folder)?;
            actors.push(Actor::new(place, ledger.clone(), StdRng::seed_from_u64(dice.random())).run());
        }
        ledgers.push((id, ledger));
    }
    let watches = dice.random_bool(0.3);
    let chosen = faults::roll(&mut dice);
    let outage = faults::outage(&mut dice);
    let mut story = Story::default();
    for fault in &chosen {
        let fault = fault.parse().map_err(anyhow::Error::msg)?;
        sandbox.add_fault(fault).with_context(|| format!("{chosen:?}"))?;
    }

    let night = async {
        for done in join_all(actors).await {
            story.add(done?);
        }
        if watches {
            watch(&stormy, ready, &ledgers).await?;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        done = night => done.with_context(|| format!("{chosen:?}, then {outage:?}"))?,
        refused = begin(&sandbox, outage.as_ref()) => bail!("{outage:?}: {refused}"),
        () = calendar(&sandbox) => bail!("the sandbox's time cannot be moved"),
        () = tokio::time::sleep(NEVER) => bail!("a start or a wait that never ends, with {chosen:?}, then {outage:?}"),
    }
    story.troubles = proxy.troubles.load(std::sync::atomic::Ordering::Relaxed);
    story.faults = chosen.len() + usize::from(outage.is_some());

    sandbox.clear_faults();
    for (id, ledger) in &ledgers {
        let ledger = ledger.lock().await;
        let jobs = truth(&calm, &id.to_string()).await?;
        story.jobs += jobs.len();
        ledger.check(&jobs).with_context(|| format!("connection {id} with {chosen:?}, then {outage:?}"))?;
        let name = calm.connection(*id).info().await?.name;
        ensure!(ledger.names.contains(&name), "the name is {name:?}, not one of {:?}", ledger.names);
    }
    sandbox.shutdown().await;
    Ok(story)
}

/// Begins the outage at its time; ends only if it is refused.
async fn begin(sandbox: &Sandbox, outage: Option<&(Duration, String)>) -> String {
    if let Some((begin, fault)) = outage {
        tokio::time::sleep(*begin).await;
        match fault.parse() {
            Ok(fault) => {
                if let Err(error) = sandbox.add_fault(fault) {
                    return error.to_string();
                }
            }
            Err(error) => return error,
        }
    }
    std::future::pending().await
}

/// Moves the sandbox's calendar along.
async fn calendar(sandbox: &Sandbox) {
    loop {
        tokio::time::sleep(TICK).await;
        if sandbox.advance(TICK).is_err() {
            return;
        }
    }
}

fn client(ready: &Ready, root: &str, dice: Option<&mut StdRng>) -> Result<Client> {
    let mut builder = Client::builder()
        .ignore_environment()
        .api_root(root)
        .client_credentials(&ready.client_id, SecretString::from(ready.client_secret.clone()));
    if let Some(dice) = dice {
        builder = builder.timeout(Duration::from_secs(dice.random_range(3..60)));
    }
    Ok(builder.build()?)
}

/// Connections from a few rows into the embedded database, each with tables of its own.
async fn connections(calm: &Client, ready: &Ready, rows: usize, count: usize) -> Result<Vec<ConnectionId>> {
    let workspace = &ready.workspace_id;
    let source = json!({
        "name": "A few people", "workspaceId": workspace,
        "configuration": { "sourceType": "faker", "count": rows, "seed": 1 },
    });
    let source = made(calm, "/sources", "sourceId", source).await?;
    let destinations = calm.request(ApiRequest::get("/destinations")).await?.body;
    let mut destinations = destinations["data"].as_array().into_iter().flatten();
    let sqlite = destinations
        .find(|destination| destination["destinationType"] == "sqlite")
        .context("the demo's embedded database")?;
    let mut ids = Vec::new();
    for number in 0..count {
        let body = json!({
            "name": format!("number {number}"), "sourceId": source,
            "destinationId": sqlite["destinationId"], "prefix": format!("p{number}_"),
            "configurations": { "streams": [{ "name": "users", "syncMode": "full_refresh_overwrite" }] },
        });
        ids.push(made(calm, "/connections", "connectionId", body).await?.parse()?);
    }
    Ok(ids)
}

async fn made(calm: &Client, path: &str, id: &str, body: Value) -> Result<String> {
    let answer = calm.request(ApiRequest::post(path).body(body)).await?.body;
    Ok(answer[id].as_str().context("an id")?.to_owned())
}

/// All jobs that were started, waited for by one who looks at lists.
async fn watch(stormy: &Client, ready: &Ready, ledgers: &[(ConnectionId, Arc<Mutex<Ledger>>)]) -> Result<()> {
    let mut jobs = std::collections::BTreeMap::new();
    for (number, (_, ledger)) in ledgers.iter().enumerate() {
        jobs.extend(ledger.lock().await.started.iter().map(|job| (*job, number)));
    }
    let ends = stormy.watch_jobs(ready.workspace_id.parse()?, jobs.keys().copied()).await;
    ensure!(ends.keys().eq(jobs.keys()), "{:?} were watched, and {:?} told", jobs.keys(), ends.keys());
    for (job, end) in ends {
        if let Err(error) = &end {
            ensure!(error.kind() != ErrorKind::NotFound, "job {job} is said not to be there: {error}");
        }
        ledgers[jobs[&job]].1.lock().await.said.extend(said(&end).map(|said| (job, said)));
    }
    Ok(())
}
