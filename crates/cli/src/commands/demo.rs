//! The whole loop on this machine: a local Airbyte, a sync, the rows read back.

use std::path::{Path, PathBuf};

use airbyte_cloud::{
    ApiRequest, Client, ConnectionId, Error, ErrorKind, JobInfo, SecretString, SyncResult, WorkspaceId,
};
use airbyte_sandbox::Sandbox;
use airbyte_sql_read::{ConnectionExt, Dataset, EnvSecrets, Exported, Format};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::dataset::{check_writable, format_of};
use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::interrupt::unless_interrupted;
use crate::output::{Output, bytes, count, duration, table_of_rows};
use crate::progress::View;

/// The stream of the faker source that is shown.
const FAKER_STREAM: &str = "users";
const FILE_HINT: &str = "give a file with a header line and as many cells in every row, in UTF-8";
/// Rows that are shown.
const SHOWN: u64 = 6;

/// Watch the whole loop on this machine: a local Airbyte, a sync, the rows read back
///
/// It needs no account and no network, and leaves nothing behind but the file with the rows.
///
/// Examples:
///   airbyte demo
///   airbyte demo --file people.csv
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct DemoArgs {
    /// A CSV, JSON Lines or Parquet file of your own, in place of made-up people
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where to write the rows: FILE.parquet, .csv, .jsonl or .arrow [default: STREAM.parquet in the current folder]
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep the local Airbyte's data, in the folder airbyte-demo
    #[arg(long)]
    keep: bool,
}

pub(crate) async fn run(args: DemoArgs, context: &Context) -> Result<u8, Failure> {
    let plan = Plan::new(&args)?;
    let home = Home::new(args.keep)?;
    let sandbox = Sandbox::builder().data_dir(home.path()).files_root(&plan.files_root).start().await?;
    let shown = unless_interrupted(plan.show(&sandbox, &home, context)).await;
    sandbox.shutdown().await;
    let left = if args.keep { "the data is kept" } else { "nothing is left behind" };
    shown.unwrap_or_else(|| Err(Failure::new(Kind::Interrupted, format!("interrupted; {left}"))))?;
    home.next_steps(context);
    Ok(exit::OK)
}

/// What is to be done. Making one refuses whatever can be refused beforehand.
struct Plan {
    source: Value,
    source_name: String,
    stream: String,
    files_root: PathBuf,
    out: PathBuf,
    format: Format,
    /// The name that was not taken because a file has it.
    spared: Option<PathBuf>,
}

impl Plan {
    fn new(args: &DemoArgs) -> Result<Self, Failure> {
        let (source_name, stream, source, files_root) = match &args.file {
            None => {
                let faker = json!({"sourceType": "faker", "count": 1000, "seed": 1});
                ("Made-up people".to_owned(), FAKER_STREAM.to_owned(), faker, PathBuf::from("."))
            }
            Some(file) => of_file(file)?,
        };
        let (out, spared) = match &args.out {
            Some(out) => (out.clone(), None),
            None => free_name(&stream),
        };
        check_writable(&out)?;
        let format = format_of(None, &out)
            .map_err(|why| why.with_hint("name a file that ends in .parquet, .csv, .jsonl or .arrow"))?;
        Ok(Self { source, source_name, stream, files_root, out, format, spared })
    }

    async fn show(&self, sandbox: &Sandbox, home: &Home, context: &Context) -> Result<(), Failure> {
        let output = context.output();
        let ready = sandbox.ready();
        let workspace: WorkspaceId = ready.workspace_id.parse()?;
        let client = Client::builder()
            .ignore_environment()
            .api_root(&ready.public_api_root)
            .config_api_root(&ready.config_api_root)
            .client_credentials(ready.client_id.clone(), SecretString::from(ready.client_secret.clone()))
            .workspace_id(workspace)
            .build()?;
        output.step("A local Airbyte is running", &ready.public_api_root);

        let database = home.path().join("local").join("demo.sqlite");
        let Some(database_path) = database.to_str() else {
            return Err(Failure::usage(format!("{} is a path that is not UTF-8", home.path().display()))
                .with_hint("run it in another folder"));
        };
        let source = self
            .create(
                &client,
                "sources",
                &json!({
                    "name": self.source_name, "workspaceId": workspace, "configuration": self.source,
                }),
            )
            .await?;
        check(&client, &source).await?;
        output.step(&format!("Source: {}", self.source_name), "POST /sources");
        let destination = self
            .create(
                &client,
                "destinations",
                &json!({
                    "name": "SQLite", "workspaceId": workspace,
                    "configuration": {"destinationType": "sqlite", "destination_path": database_path},
                }),
            )
            .await?;
        output.step("Destination: an embedded SQLite database", "POST /destinations");
        let connection = self.create(&client, "connections", &json!({
            "name": "Demo", "sourceId": source["sourceId"], "destinationId": destination["destinationId"],
            "configurations": {"streams": [{"name": self.stream, "syncMode": "full_refresh_overwrite"}]},
        })).await?;
        output.step("Connection from one to the other", "POST /connections");

        let id: ConnectionId = connection["connectionId"].as_str().unwrap_or_default().parse()?;
        let connection = client.connection(id);
        let sync = connection.sync().await?;
        output.step(&format!("Sync started as job {}", sync.job_id()), "POST /jobs");
        let job = self.watch(&sync, context).await?;
        let what = format!(
            "Job {} {}: {} records, {}, {}",
            job.job_id,
            job.status,
            count(job.records_synced),
            bytes(job.bytes_synced),
            duration(job.duration)
        );
        output.step(&what, &format!("GET /jobs/{}", job.job_id));

        let dataset = connection.datasets(&EnvSecrets).await?.dataset(&self.stream, None).await?;
        let dataset = dataset.without_meta_columns();
        let exported = self.read(&dataset, context).await?;
        self.result(&dataset, &job, &exported, context)
    }

    async fn create(&self, client: &Client, what: &str, body: &Value) -> Result<Value, Failure> {
        let request = ApiRequest::post(format!("/{what}")).body(body.clone());
        Ok(client.request(request).await.map_err(|error| self.explained(error))?.body)
    }

    async fn watch(&self, sync: &SyncResult, context: &Context) -> Result<JobInfo, Failure> {
        let label = format!("  job {}", sync.job_id());
        let view = std::sync::Arc::new(std::sync::Mutex::new(View::new(context.output(), &label)));
        let shown = view.clone();
        let waiting = sync.wait().on_update(move |update| {
            if let Ok(mut view) = shown.lock() {
                view.update(update);
            }
        });
        let ended = waiting.await;
        if let Ok(mut view) = view.lock() {
            view.finish();
        }
        ended.map_err(|error| self.explained(error))
    }

    /// A file that is no table is the likely cause of what the sandbox refuses, and its user's to repair.
    fn explained(&self, error: Error) -> Failure {
        let of_file = self.source["url"].as_str();
        let reason = match error.kind() {
            ErrorKind::JobFailed => error.failures().first().map(|failure| failure.message.clone()),
            ErrorKind::InvalidInput => {
                error.problem().and_then(airbyte_cloud::Problem::summary).map(str::to_owned)
            }
            _ => None,
        };
        match (of_file, reason) {
            (Some(_), Some(reason)) => Failure::usage(reason).with_hint(FILE_HINT),
            _ => error.into(),
        }
    }

    async fn read(&self, dataset: &Dataset, context: &Context) -> Result<Exported, Failure> {
        let output = context.output();
        let first = dataset.head(SHOWN).await?;
        if !output.is_for_programs() {
            output.step(&format!("The first rows of `{}`, read from the database:", self.stream), "");
            output.note("");
            output.text(&table_of_rows(&first, Output::width())?)?;
            output.note("");
        }
        if let Some(spared) = &self.spared {
            output.warn(&format!("{} is there already and stays as it is", spared.display()));
        } else if self.out.exists() {
            output.warn(&format!("{} is replaced", self.out.display()));
        }
        Ok(dataset.export(&self.out, self.format).await?)
    }

    fn result(
        &self,
        dataset: &Dataset,
        job: &JobInfo,
        exported: &Exported,
        context: &Context,
    ) -> Result<(), Failure> {
        let object = DemoObject {
            job_id: job.job_id.get(),
            status: job.status.to_string(),
            records_synced: job.records_synced,
            stream: &self.stream,
            schema: dataset.schema_name(),
            table: dataset.table_name(),
            rows: exported.rows,
            bytes: exported.bytes,
            file: exported.file.display().to_string(),
        };
        let output = context.output();
        if output.is_for_programs() {
            return output.object(&object, String::new);
        }
        let rows = count(i64::try_from(object.rows).ok());
        let size = bytes(i64::try_from(object.bytes).ok());
        output.step(&format!("{rows} rows written, {size}"), &object.file);
        Ok(())
    }
}

/// Has the source checked before anything depends on it (Config API operation `checkConnectionToSource`).
async fn check(client: &Client, source: &Value) -> Result<(), Failure> {
    let request = ApiRequest::post("/sources/check_connection").config_api();
    let answer = client.request(request.body(json!({"sourceId": source["sourceId"]}))).await?.body;
    match (answer["status"].as_str(), answer["message"].as_str()) {
        (Some("failed"), why) => {
            Err(Failure::usage(why.unwrap_or("the file cannot be read")).with_hint(FILE_HINT))
        }
        _ => Ok(()),
    }
}

/// The demo's result, as scripts see it.
#[derive(Serialize)]
struct DemoObject<'a> {
    job_id: i64,
    status: String,
    records_synced: Option<i64>,
    stream: &'a str,
    schema: &'a str,
    table: &'a str,
    rows: u64,
    bytes: u64,
    file: String,
}

/// A source's name, its stream, its configuration and the folder it reads from.
fn of_file(file: &Path) -> Result<(String, String, Value, PathBuf), Failure> {
    let shown = file.display();
    let refused = |why: &str| {
        Failure::usage(format!("{shown} {why}")).with_hint("name a CSV, JSON Lines or Parquet file")
    };
    let whole = file.canonicalize().map_err(|error| refused(&format!("cannot be read: {error}")))?;
    if !whole.is_file() {
        return Err(refused("is not a file"));
    }
    let ending =
        whole.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let format = match ending.as_str() {
        "csv" => "csv",
        "jsonl" | "ndjson" => "jsonl",
        "parquet" => "parquet",
        _ => return Err(refused("does not end in .csv, .jsonl, .ndjson or .parquet")),
    };
    let stem = whole.file_stem().and_then(|stem| stem.to_str());
    let (Some(folder), Some(stem), Some(url)) = (whole.parent(), stem, whole.to_str()) else {
        return Err(refused("has a name that is not UTF-8, or is in a folder that has one"));
    };
    let configuration = json!({
        "sourceType": "file", "dataset_name": stem, "format": format, "url": url, "provider": {"storage": "local"},
    });
    Ok((file.display().to_string(), stem.to_owned(), configuration, folder.to_owned()))
}

/// A name in the current folder that no file has, and the first choice if that was taken.
fn free_name(stream: &str) -> (PathBuf, Option<PathBuf>) {
    let first = PathBuf::from(format!("{stream}.parquet"));
    if !first.exists() {
        return (first, None);
    }
    let numbered = (2_u32..).map(|number| PathBuf::from(format!("{stream}-{number}.parquet")));
    let free = numbered.into_iter().find(|name| !name.exists()).unwrap_or_else(|| first.clone());
    (free, Some(first))
}

/// The folder that the local Airbyte keeps its data in.
enum Home {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Home {
    fn new(keep: bool) -> Result<Self, Failure> {
        if !keep {
            let mut builder = tempfile::Builder::new();
            builder.prefix("airbyte-demo-");
            // Rows of the user's own are in it.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            return Ok(Self::Temporary(builder.tempdir()?));
        }
        let folder = std::env::current_dir()?.join("airbyte-demo");
        if folder.exists() {
            return Err(Failure::new(Kind::Io, format!("{} is there already", folder.display()))
                .with_hint("remove it, or go on with it: airbyte sandbox --data-dir airbyte-demo"));
        }
        Ok(Self::Kept(folder))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }

    fn next_steps(&self, context: &Context) {
        let again = match self {
            Self::Temporary(_) => {
                "airbyte sandbox --seed demo         a local Airbyte to try everything else on"
            }
            Self::Kept(_) => {
                "airbyte sandbox --data-dir airbyte-demo   the same Airbyte again, with the rows"
            }
        };
        context.output().note(&format!(
            "\nNext\n  airbyte demo --file YOUR.csv        the same with your own rows\n  {again}\n  \
             airbyte auth login                  your own Airbyte\n  airbyte --help"
        ));
    }
}
