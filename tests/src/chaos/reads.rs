//! Schedules over a database: reads and exports in every way there is, while the way to the server is bad.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use airbyte_sql_read::{Batches, Dataset, Destination, Error, ErrorKind, Format, StreamSpec, Warehouse};
use anyhow::{Context, Result, bail, ensure};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_postgres::{Config, NoTls};

use super::proxy::{Proxy, Weather};
use super::{Clumsiness, Story, files};

/// The rows of the table, and how many of them are in a batch: enough that most cuts are in the middle.
const ROWS: i64 = 2_500;
const BATCH_ROWS: usize = 200;

/// No read of this table takes so long, whatever lies on the way: the configuration's limit of silence is a second.
const NEVER: Duration = Duration::from_mins(2);

/// Makes the table that is read.
///
/// # Errors
/// The server cannot be reached.
pub(super) async fn prepare(url: &str) -> Result<()> {
    let (client, connection) = url.parse::<Config>()?.connect(NoTls).await?;
    let driving = tokio::spawn(connection);
    client
        .batch_execute(&format!(
            "drop schema if exists chaos cascade; create schema chaos;
             create table chaos.many as
                 select n, repeat('x', 60) || n as filler, n * 1.25 as amount,
                        case when n % 3 = 0 then null else now() end as seen
                 from generate_series(1::bigint, {ROWS}) as n;
             analyze chaos.many"
        ))
        .await?;
    drop(client);
    driving.await??;
    Ok(())
}

/// Runs one schedule. Time is real here, since the server's is.
///
/// # Errors
/// What was broken.
pub(super) async fn run(seed: u64, url: &str, clumsiness: Clumsiness) -> Result<Story> {
    let mut dice = StdRng::seed_from_u64(seed);
    let config: Config = url.parse()?;
    let Some(tokio_postgres::config::Host::Tcp(host)) = config.get_hosts().first() else {
        bail!("the server is reached over TCP")
    };
    let target = format!("{host}:{}", config.get_ports().first().context("a port")?);
    // The start of a session and of a read takes about 20 kB, a whole read about 400.
    let furthest = if dice.random_bool(0.5) { 30_000 } else { 400_000 };
    let trouble = dice.random_range(0.2..1.0);
    let weather = Weather { trouble, furthest, pause: Duration::from_millis(20) };
    // Half of the schedules begin well, so that there is something to break.
    let first = if dice.random_bool(0.5) { Weather { trouble: 0.0, ..weather } } else { weather };
    let proxy = Proxy::start(target, dice.random(), first).await?;
    let port: u16 = proxy.address.rsplit(':').next().context("a port")?.parse()?;
    let kind = if dice.random_bool(0.7) { "postgres" } else { "redshift" };
    let destination = Destination::from_json(&json!({
        "destinationType": kind,
        "configuration": {
            "host": "127.0.0.1", "port": port, "database": config.get_dbname(), "schema": "chaos",
            "username": config.get_user(),
            "password": String::from_utf8_lossy(config.get_password().unwrap_or_default()),
            "ssl_mode": { "mode": "disable" }, "jdbc_url_params": "socketTimeout=1&connectTimeout=1",
        },
    }))?;
    let folder = tempfile::tempdir()?;
    let mut story = Story::default();
    let doing = Cell::new("signing in");
    let reading = async {
        let warehouse = match destination.connect().await {
            Ok(warehouse) => warehouse,
            Err(error) => return expected(&error),
        };
        doing.set("looking for the table");
        let dataset = match warehouse.dataset(&StreamSpec::new("many")).await {
            Ok(dataset) => dataset.batch_rows(BATCH_ROWS).idle_timeout(Duration::from_secs(2)),
            Err(error) => return expected(&error),
        };
        proxy.set_weather(weather);
        let mut known = Vec::new();
        for number in 0..dice.random_range(1..5) {
            let name = format!("{number}");
            let step = one(&warehouse, &dataset, folder.path(), &name, &mut dice, clumsiness, &doing);
            match step.await? {
                Outcome::Whole => story.reads += 1,
                Outcome::File(name) => {
                    story.reads += 1;
                    known.push(name);
                }
                Outcome::Failed => story.failed_reads += 1,
            }
            // What failed leaves nothing, and what writes on after it has been given up is soon done.
            for patience in 0.. {
                let left = files::others(folder.path(), &known)?;
                if left.is_empty() {
                    break;
                }
                let whole = left.iter().find(|name| !name.starts_with(".airbyte-export-"));
                ensure!(whole.is_none(), "{whole:?} looks whole, and nobody has said so");
                ensure!(patience < 2_000, "{left:?} were left");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    };
    tokio::select! {
        read = reading => read?,
        () = for_ever() => bail!("{kind}: {} never ends", doing.get()),
    }
    story.troubles = proxy.troubles.load(std::sync::atomic::Ordering::Relaxed);
    Ok(story)
}

/// Waits that long, in seconds that this process has seen: one that was stopped for a while has not waited.
async fn for_ever() {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..NEVER.as_secs() {
        seconds.tick().await;
    }
}

const STEPS: [&str; 9] = [
    "a count",
    "a read side by side",
    "a read of parts",
    "an export",
    "an export",
    "an export",
    "an export that is given up",
    "an export into a folder",
    "a read",
];

enum Outcome {
    Whole,
    File(String),
    Failed,
}

/// An error that bad weather explains.
fn expected(error: &Error) -> Result<()> {
    let weather = matches!(
        error.kind(),
        ErrorKind::Connect
            | ErrorKind::BrokenConnection
            | ErrorKind::Timeout
            | ErrorKind::Query
            | ErrorKind::Value
    );
    ensure!(weather, "no word about the weather: {error:?}");
    Ok(())
}

async fn one(
    warehouse: &Warehouse,
    dataset: &Dataset,
    folder: &Path,
    name: &str,
    dice: &mut StdRng,
    clumsiness: Clumsiness,
    doing: &Cell<&str>,
) -> Result<Outcome> {
    let format = [Format::Parquet, Format::JsonLines][usize::from(dice.random_bool(0.5))];
    let name = format!("{name}.{}", format.name());
    let path = folder.join(&name);
    let step = dice.random_range(0..STEPS.len());
    doing.set(STEPS[step]);
    let outcome: Result<Outcome, Error> = match step {
        0 => match dataset.count().await {
            Ok(counted) => {
                ensure!(counted == ROWS.unsigned_abs(), "{counted} rows are counted, not {ROWS}");
                Ok(Outcome::Whole)
            }
            Err(error) => Err(error),
        },
        1 => match dataset.read_parallel(3).await {
            Ok(batches) => whole(batches, clumsiness).await?,
            Err(error) => Err(error),
        },
        2 => match split(warehouse, dataset, clumsiness).await? {
            Ok(()) => Ok(Outcome::Whole),
            Err(error) => Err(error),
        },
        3 if clumsiness == Clumsiness::WritesInPlace => in_place(dataset, &path).await,
        3..6 => match dataset.export(&path, format).await {
            Ok(exported) => {
                ensure!(
                    exported.rows == ROWS.unsigned_abs(),
                    "{} rows are exported, not {ROWS}",
                    exported.rows
                );
                whole_file(&path)?;
                Ok(Outcome::File(name))
            }
            Err(error) => Err(error),
        },
        // Given up in the middle.
        6 => match timeout(Duration::from_millis(dice.random_range(0..15)), dataset.export(&path, format))
            .await
        {
            Ok(Ok(_)) => Ok(Outcome::File(name)),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(Outcome::Failed),
        },
        7 => match dataset.export_folder(&path, format).file_bytes(40_000).await {
            Ok(exported) => {
                let mut found = BTreeSet::new();
                for file in &exported.files {
                    found.extend(files::lines(file)?);
                }
                ensure!(
                    found.len() == usize::try_from(ROWS)?,
                    "{} rows are in the files, not {ROWS}",
                    found.len()
                );
                Ok(Outcome::File(name))
            }
            Err(error) => Err(error),
        },
        _ => match dataset.batches().await {
            Ok(batches) => whole(batches, clumsiness).await?,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(error) => expected(&error).map(|()| Outcome::Failed),
    }
}

/// What a writer does that does not care for names.
async fn in_place(dataset: &Dataset, path: &Path) -> Result<Outcome, Error> {
    let mut batches = dataset.batches().await?;
    let mut text = String::new();
    while let Some(batch) = batches.next().await {
        for row in 0..batch?.num_rows() {
            text.push_str(&json!({ "row": row }).to_string());
            text.push('\n');
        }
        let _ = std::fs::write(path, &text);
    }
    Ok(Outcome::File(path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

fn whole_file(path: &Path) -> Result<()> {
    let rows: BTreeSet<String> = files::lines(path)?.into_iter().collect();
    ensure!(rows.len() == usize::try_from(ROWS)?, "{} rows are in the file, not {ROWS}", rows.len());
    Ok(())
}

/// The numbers of the rows in batches.
fn numbers(batches: &[RecordBatch]) -> Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for batch in batches {
        let column = batch.column_by_name("n").context("the column n")?;
        numbers.extend(column.as_primitive::<Int64Type>().values());
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Takes all batches: what came without an error is whole.
async fn whole(batches: Batches, clumsiness: Clumsiness) -> Result<Result<Outcome, Error>> {
    let taken = match taken(batches, clumsiness).await? {
        Ok(taken) => taken,
        Err(error) => return Ok(Err(error)),
    };
    ensure!(numbers(&taken)?.iter().copied().eq(1..=ROWS), "a read without an error was short or doubled");
    Ok(Ok(Outcome::Whole))
}

async fn taken(mut batches: Batches, clumsiness: Clumsiness) -> Result<Result<Vec<RecordBatch>, Error>> {
    let mut taken = Vec::new();
    while let Some(batch) = batches.next().await {
        match batch {
            Ok(batch) => taken.push(batch),
            Err(_) if clumsiness == Clumsiness::SwallowsErrors => break,
            Err(error) => {
                ensure!(batches.next().await.is_none_or(|next| next.is_err()), "rows after an error");
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(taken))
}

/// Reads all parts, one after the other, each as another process would.
async fn split(
    warehouse: &Warehouse,
    dataset: &Dataset,
    clumsiness: Clumsiness,
) -> Result<Result<(), Error>> {
    let splits = match dataset.splits(4).await {
        Ok(splits) => splits,
        Err(error) => return Ok(Err(error)),
    };
    let mut all = Vec::new();
    for split in splits.splits() {
        let batches = match warehouse.read_split(split).await {
            Ok(batches) => batches,
            Err(error) => return Ok(Err(error)),
        };
        match taken(batches, clumsiness).await? {
            Ok(batches) => all.extend(batches),
            Err(error) => return Ok(Err(error)),
        }
    }
    ensure!(numbers(&all)?.iter().copied().eq(1..=ROWS), "parts without an error were short or doubled");
    Ok(Ok(()))
}
