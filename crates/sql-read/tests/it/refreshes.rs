//! That rows of an unfinished refresh lie beside older ones is told by every way of reading.

use airbyte_sql_read::{Dataset, Filter, Format, StreamSpec, write_to};
use arrow_array::RecordBatch;
use futures::TryStreamExt;
use serde::Deserialize;
use serde_json::json;

use crate::support::{Schema, destination, shown};

const GENERATION: &str = "_airbyte_generation_id";

#[derive(Debug, Deserialize)]
struct Row {
    name: String,
}

fn names(batches: &[RecordBatch]) -> Vec<String> {
    let mut names: Vec<String> = batches.iter().flat_map(|batch| shown(batch, "name")).collect();
    names.sort();
    names
}

/// Reads a table with two rows of refresh 3 and one of refresh 4, called a, b and c. `generation` is the column that says
/// so.
async fn check(generation: &str, of: impl AsyncFn(StreamSpec) -> Dataset) {
    let stream = || StreamSpec::new("users");
    let whole = of(stream()).await;
    let tally = whole.tally().await.unwrap();
    assert_eq!((tally.rows, tally.generations), (3, Some(3..=4)));
    assert!(tally.warnings[0].contains("3 to 4"), "{:?}", tally.warnings);
    assert_eq!(whole.clone().limit(2).tally().await.unwrap().rows, 2);

    for dataset in
        [whole.clone(), whole.clone().columns(["name"]).unwrap(), whole.clone().without_meta_columns()]
    {
        let batches = dataset.batches().await.unwrap();
        let refreshes = batches.refreshes();
        assert_eq!(refreshes.generations(), None);
        assert_eq!(batches.schema(), dataset.schema());
        let batches: Vec<_> = batches.try_collect().await.unwrap();
        assert!(batches.iter().all(|batch| batch.schema() == dataset.schema()));
        assert_eq!(names(&batches), ["a", "b", "c"]);
        assert_eq!(refreshes.generations(), Some(3..=4));
        assert!(refreshes.warning().is_some());
    }

    let names_alone = whole.clone().columns(["name"]).unwrap();
    let batches = names_alone.batches().await.unwrap();
    let refreshes = batches.refreshes();
    let rows: Vec<Row> = batches.into_rows().try_collect().await.unwrap();
    assert_eq!((rows.len(), rows[0].name.len(), refreshes.generations()), (3, 1, Some(3..=4)));

    let folder = tempfile::tempdir().unwrap();
    let exported = names_alone.export(folder.path().join("n.csv"), Format::Csv).await.unwrap();
    assert_eq!((exported.generations, exported.warnings.len()), (Some(3..=4), 1));
    assert!(std::fs::read_to_string(exported.file).unwrap().starts_with("name\n"));
    let exported = names_alone.export_folder(folder.path().join("n"), Format::Parquet).await.unwrap();
    assert_eq!((exported.rows, exported.generations, exported.warnings.len()), (3, Some(3..=4), 1));
    let written = names_alone.write(&mut Vec::new(), Format::JsonLines).await.unwrap();
    assert_eq!((written.rows, written.warnings.len()), (3, 1));
    let written = write_to(&names_alone, Vec::new(), Format::Arrow).await.unwrap();
    assert_eq!((written.rows, written.warnings.len()), (3, 1));

    let parallel = names_alone.read_parallel(3).await.unwrap();
    let refreshes = parallel.refreshes();
    assert_eq!(names(&parallel.try_collect::<Vec<_>>().await.unwrap()), ["a", "b", "c"]);
    assert_eq!(refreshes.generations(), Some(3..=4));

    // What is not read is not told of, and one refresh is as it should be.
    let newest = names_alone.filter(Filter::equal(generation, 4)).unwrap();
    let tally = newest.tally().await.unwrap();
    assert_eq!((tally.rows, tally.generations, tally.warnings.len()), (1, Some(4..=4), 0));
    let exported = newest.export(folder.path().join("c.csv"), Format::Csv).await.unwrap();
    assert_eq!((exported.generations, exported.warnings.len()), (Some(4..=4), 0));

    // Of a stream that keeps older rows there is nothing to tell; of one that does not, the same as of an unknown one.
    let keeping = of(stream().overwrites(false)).await.tally().await.unwrap();
    assert_eq!((keeping.rows, keeping.generations, keeping.warnings.len()), (3, None, 0));
    let overwriting = of(stream().overwrites(true)).await.columns(["name"]).unwrap();
    let batches = overwriting.batches().await.unwrap();
    let refreshes = batches.refreshes();
    drop(batches.try_collect::<Vec<_>>().await.unwrap());
    assert!(refreshes.warning().is_some());
}

const ROWS: &str = "create table users (id integer, name text, _airbyte_generation_id bigint);
                    insert into users values (1, 'a', 3), (2, 'b', 3), (3, 'c', 4)";

#[tokio::test]
async fn sqlite_tells() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(ROWS).unwrap();
    let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
    check(GENERATION, async |stream| warehouse.dataset(&stream).await.unwrap()).await;
}

#[tokio::test]
async fn postgresql_and_redshift_tell() {
    let schema = Schema::new("refreshes_told").await;
    schema.run(ROWS).await;
    for kind in ["postgres", "redshift"] {
        let warehouse = destination(kind, &schema.configuration()).connect().await.unwrap();
        check(GENERATION, async |stream| warehouse.dataset(&stream).await.unwrap()).await;
    }
}

#[cfg(feature = "duckdb")]
#[tokio::test]
async fn duckdb_tells() {
    let Some(file) = crate::duckdb::File::new(ROWS) else { return };
    check(GENERATION, async |stream| file.dataset(&stream).await).await;
}

#[tokio::test]
async fn raw_tables_tell() {
    let schema = Schema::new("refreshes_raw").await;
    schema
        .run(
            r#"create table refreshes_raw_raw__stream_users (_airbyte_raw_id varchar, _airbyte_extracted_at timestamptz,
                   _airbyte_loaded_at timestamptz, _airbyte_meta jsonb, _airbyte_generation_id int, _airbyte_data jsonb);
               insert into refreshes_raw_raw__stream_users values
                   ('x', now(), null, '{}', 3, '{"id": 1, "name": "a"}'), ('y', now(), null, '{}', 3, '{"id": 2, "name": "b"}'),
                   ('z', now(), null, '{}', 4, '{"id": 3, "name": "c"}')"#,
        )
        .await;
    let changes = json!({"raw_data_schema": "refreshes_raw"});
    let warehouse = destination("postgres", &schema.configuration_with(&changes)).connect().await.unwrap();
    let typed = json!({"properties": {"id": {"type": "integer"}, "name": {"type": "string"}}});
    check(GENERATION, async |stream| warehouse.dataset(&stream.json_schema(typed.clone())).await.unwrap())
        .await;
}

#[cfg(feature = "snowflake")]
#[tokio::test]
async fn snowflake_tells() {
    let Some(lake) = crate::snowflake::Lake::new("refreshes", crate::snowflake::in_parts()).await else {
        return;
    };
    lake.write(
        r#"create table "PUBLIC"."USERS" as select cast(column1 as number(38, 0)) as "id", column2 as "name",
           cast(column3 as number(38, 0)) as "_AIRBYTE_GENERATION_ID" from values (1, 'a', 3), (2, 'b', 3), (3, 'c', 4)"#,
    )
    .await;
    let warehouse = lake.destination().connect().await.unwrap();
    check("_AIRBYTE_GENERATION_ID", async |stream| warehouse.dataset(&stream).await.unwrap()).await;
}

#[cfg(feature = "bigquery")]
#[tokio::test]
async fn bigquery_tells() {
    use crate::bigquery_emulator::{Place, is_skipped};
    if is_skipped() {
        return;
    }
    let place = Place::new("refreshes");
    let columns = [("id", "INTEGER"), ("name", "STRING"), (GENERATION, "INTEGER")];
    place.table("users", &columns.map(|(name, of)| (name, json!(of))));
    place.insert(
        "users",
        &[(1, "a", 3), (2, "b", 3), (3, "c", 4)]
            .map(|(id, name, refresh)| json!({"id": id, "name": name, GENERATION: refresh})),
    );
    let warehouse = place.warehouse().await;
    check(GENERATION, async |stream| warehouse.dataset(&stream).await.unwrap()).await;
}
