//! Reads one stream of a destination in several parts side by side, into an Arrow file or to nowhere:
//! `cargo run --release -p airbyte-sql-read --example read_parallel -- pg.json users 2 users.arrow`

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::fs::File;
use std::io::BufWriter;

use airbyte_sql_read::{Destination, EnvSecrets, StreamSpec};
use arrow_ipc::writer::FileWriter;
use futures::TryStreamExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (destination, stream, parts, file) = match arguments.as_slice() {
        [destination, stream, parts] => (destination, stream, parts, None),
        [destination, stream, parts, file] => (destination, stream, parts, Some(file)),
        _ => return Err("usage: read_parallel DESTINATION_FILE STREAM PARTS [ARROW_FILE]".into()),
    };
    let destination = Destination::from_file(destination)?.with_secrets(&EnvSecrets)?;
    let dataset = destination.connect().await?.dataset(&StreamSpec::new(stream)).await?;
    let mut batches = dataset.read_parallel(parts.parse()?).await?;
    let mut writer = match file {
        Some(file) => Some(FileWriter::try_new(BufWriter::new(File::create(file)?), &batches.schema())?),
        None => None,
    };
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    if let Some(writer) = writer {
        // As an export does: what is told to be there has to outlive the machine.
        writer.into_inner()?.into_inner()?.sync_all()?;
    }
    println!("{rows} rows");
    Ok(())
}
