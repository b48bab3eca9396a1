//! Counts the rows of a stream in a destination, batch by batch, and writes them as Parquet.

use airbyte_sql_read::{Destination, EnvSecrets, Format, Result, StreamSpec};
use futures::TryStreamExt;

/// Reads a stream of the destination that a file describes; returns how many rows there are.
async fn copy(destination: &str, stream: &str, to: &str) -> Result<usize> {
    let warehouse = Destination::from_file(destination)?.with_secrets(&EnvSecrets)?.connect().await?;
    let dataset = warehouse.dataset(&StreamSpec::new(stream)).await?;
    let mut batches = dataset.batches().await?;
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows();
    }
    dataset.export(to, Format::Parquet).await?;
    Ok(rows)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [destination, stream, to] = arguments.as_slice() else {
        return Err("usage: downstream-sql DESTINATION_FILE STREAM PARQUET_FILE".into());
    };
    println!("{} rows", copy(destination, stream, to).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_copies_every_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let database = rusqlite::Connection::open(path("d.db")).unwrap();
        database
            .execute_batch(
                "create table users (_airbyte_raw_id text, _airbyte_extracted_at text, _airbyte_meta text,
                                     _airbyte_generation_id integer, id integer, name text);
                 insert into users values ('a', '2026-01-02T03:04:05Z', '{}', 0, 1, 'Ann'),
                                          ('b', '2026-01-02T03:04:05Z', '{}', 0, 2, 'Ben');",
            )
            .unwrap();
        let file = path("sqlite.json");
        let destination = serde_json::json!({
            "destinationType": "sqlite", "configuration": { "destination_path": path("d.db") },
        });
        std::fs::write(&file, destination.to_string()).unwrap();
        assert_eq!(copy(&file, "users", &path("users.parquet")).await.unwrap(), 2);
        assert!(std::fs::metadata(path("users.parquet")).unwrap().len() > 0);
    }
}
