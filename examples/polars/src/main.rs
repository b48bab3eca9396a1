//! A stream's rows as a Polars data frame: `cargo run` in this folder.
//!
//! The two do not share their Arrow types, so rows go through Arrow's own form of bytes: in memory, or by a file, which Polars'
//! lazy scans read without copying it.

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use airbyte_sql_read::{Dataset, Destination, Format, Order, StreamSpec};
use polars::prelude::{ChunkAgg, DataFrame, IpcReader, SerReader};

type Error = Box<dyn std::error::Error>;

/// All rows of a dataset as a data frame.
async fn frame(dataset: &Dataset) -> Result<DataFrame, Error> {
    let mut bytes = Vec::new();
    dataset.write(&mut bytes, Format::Arrow).await?;
    let users = IpcReader::new(Cursor::new(bytes)).finish()?;
    Ok(users)
}

/// The same by a file.
async fn frame_of_file(dataset: &Dataset, file: &Path) -> Result<DataFrame, Error> {
    dataset.export(file, Format::Arrow).await?;
    let users = IpcReader::new(File::open(file)?).finish()?;
    Ok(users)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A small destination of its own, so that the program runs as it is. Yours is a file of the API's form:
    // Destination::from_file("warehouse.json")?
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path)?.execute_batch(
        "create table users (id integer, name text, score real);
         insert into users values (1, 'Ada', 0.5), (2, null, 1.5), (3, 'Žofie 🐎', null)",
    )?;
    let destination = Destination::from_json(&serde_json::json!({
        "destinationType": "sqlite", "configuration": {"destination_path": path}
    }))?;

    let users = destination.connect().await?.dataset(&StreamSpec::new("users")).await?;
    let users = users.order_by("id", Order::Ascending)?;
    let frame = frame(&users).await?;
    println!("{frame}");
    assert!(frame.equals_missing(&frame_of_file(&users, &folder.path().join("users.arrow")).await?));

    assert_eq!(frame.shape(), (3, 3));
    assert_eq!(frame.column("id")?.i64()?.sum(), Some(6));
    assert_eq!(frame.column("name")?.str()?.get(2), Some("Žofie 🐎"));
    assert_eq!((frame.column("name")?.null_count(), frame.column("score")?.null_count()), (1, 1));
    Ok(())
}
