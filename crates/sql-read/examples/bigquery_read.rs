//! Reads one table of BigQuery to its end, by this crate or by Google's alone, and says how many rows there were:
//! `cargo run --release -p airbyte-sql-read --features bigquery --example bigquery_read -- ours bigquery.json users`
//!
//! `google` is the other way: the bare client of the Storage Read API and Arrow's own reader of streams, with the
//! addresses of `endpoint` and `storage_endpoint` and without credentials, as emulators take it.

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_sql_read::{Destination, EnvSecrets, StreamSpec};
use arrow_ipc::reader::StreamReader;
use futures::TryStreamExt;
use google_cloud_auth::credentials::anonymous;
use google_cloud_bigquery::client::Read;
use google_cloud_bigquery::model::{DataFormat, ReadSession};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rows = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ours", destination, stream] => ours(destination, stream).await?,
        ["google", destination, stream] => google(destination, stream).await?,
        _ => return Err("usage: bigquery_read ours|google DESTINATION_FILE STREAM".into()),
    };
    println!("{rows} rows");
    Ok(())
}

async fn ours(destination: &str, stream: &str) -> Result<usize, Failure> {
    let destination = Destination::from_file(destination)?.with_secrets(&EnvSecrets)?;
    let dataset = destination.connect().await?.dataset(&StreamSpec::new(stream)).await?;
    let mut batches = dataset.batches().await?;
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
    }
    Ok(rows)
}

async fn google(destination: &str, table: &str) -> Result<usize, Failure> {
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(destination)?)?;
    let text = |name: &str| file["configuration"][name].as_str().unwrap_or_default().to_owned();
    let (project, dataset) = (text("project_id"), text("dataset_id"));
    let client = Read::builder()
        .with_endpoint(text("storage_endpoint"))
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await?;
    let wanted = ReadSession::new()
        .set_table(format!("projects/{project}/datasets/{dataset}/tables/{table}"))
        .set_data_format(DataFormat::Arrow);
    let session = client
        .create_read_session()
        .set_parent(format!("projects/{project}"))
        .set_read_session(wanted)
        .set_max_stream_count(4)
        .send()
        .await?;
    let schema = session.arrow_schema().ok_or("no schema")?.serialized_schema.clone();
    // Emulators end the schema as if it were a stream of its own.
    let end: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let schema = schema.strip_suffix(&end[..]).unwrap_or(&schema).to_vec();
    let mut readers = JoinSet::new();
    for stream in session.streams {
        let mut responses = client.read_rows().set_read_stream(stream.name).into_reader();
        let schema = schema.clone();
        readers.spawn(async move {
            let mut rows = 0;
            while let Some(response) = responses.next().await {
                let response = response?;
                let batch = response.arrow_record_batch().ok_or("no rows")?;
                let bytes = [schema.as_slice(), &batch.serialized_record_batch].concat();
                for batch in StreamReader::try_new(bytes.as_slice(), None)? {
                    rows += batch?.num_rows();
                }
            }
            Ok::<_, Failure>(rows)
        });
    }
    let mut rows = 0;
    while let Some(read) = readers.join_next().await {
        rows += read??;
    }
    Ok(rows)
}
