//! Copies one stream of a destination into a file, of Arrow unless its name says something else:
//! `cargo run --release -p airbyte-sql-read --example pg_to_arrow -- pg.json users users.arrow`

#![allow(clippy::print_stdout, reason = "an example prints")]

use airbyte_sql_read::{Destination, EnvSecrets, Format, StreamSpec};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [destination, stream, file] = arguments.as_slice() else {
        return Err("usage: pg_to_arrow DESTINATION_FILE STREAM ARROW_FILE".into());
    };
    let destination = Destination::from_file(destination)?.with_secrets(&EnvSecrets)?;
    let dataset = destination.connect().await?.dataset(&StreamSpec::new(stream)).await?;
    let exported = dataset.export(file, Format::of_path(file.as_ref()).unwrap_or(Format::Arrow)).await?;
    println!("{}: {} bytes, {} rows", exported.file.display(), exported.bytes, exported.rows);
    Ok(())
}
