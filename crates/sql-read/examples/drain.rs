//! Reads one stream of a destination and throws it away, to measure how fast that is:
//! `cargo run --release -p airbyte-sql-read --features duckdb --example drain -- duckdb.json users`

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_sql_read::{Destination, EnvSecrets, StreamSpec};
use futures::TryStreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [destination, stream] = arguments.as_slice() else {
        return Err("usage: drain DESTINATION_FILE STREAM".into());
    };
    let destination = Destination::from_file(destination)?.with_secrets(&EnvSecrets)?;
    let dataset = destination.connect().await?.dataset(&StreamSpec::new(stream)).await?;
    let mut batches = dataset.batches().await?;
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
    }
    println!("{rows}");
    Ok(())
}
