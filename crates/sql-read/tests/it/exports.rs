//! Files, read back.

use std::fs::File;
use std::path::Path;

use airbyte_sql_read::{ErrorKind, Format, Order};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::support::Schema;

async fn table(name: &str) -> Schema {
    let schema = Schema::new(name).await;
    schema
        .run(
            "create table rows as
             select n, case n % 3 when 0 then null when 1 then '' else 'a \"b\", ' || n end as t,
                    array[n, null] as list, (n * 1.5)::numeric(20, 2) as amount,
                    timestamptz '2026-01-01 00:00+00' + n * interval '1 second' as at
             from generate_series(1, 20000) as n",
        )
        .await;
    schema
}

fn whole(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&batches[0].schema(), batches).unwrap()
}

async fn export(schema: &Schema, path: &Path, format: Format) -> RecordBatch {
    let dataset = schema.dataset("rows").await.order_by("n", Order::Ascending).unwrap();
    let exported = dataset.export(path, format).await.unwrap();
    assert_eq!(exported.rows, 20_000);
    assert_eq!(exported.bytes, std::fs::metadata(path).unwrap().len());
    dataset.head(u64::MAX).await.unwrap()
}

#[tokio::test]
async fn arrow_and_parquet_files_hold_the_same_rows() {
    let schema = table("export_binary").await;
    let folder = tempfile::tempdir().unwrap();
    let arrow = folder.path().join("rows.arrow");
    let expected = export(&schema, &arrow, Format::Arrow).await;
    let reader = arrow_ipc::reader::FileReader::try_new(File::open(&arrow).unwrap(), None).unwrap();
    assert_eq!(whole(&reader.map(Result::unwrap).collect::<Vec<_>>()), expected);
    let parquet = folder.path().join("rows.parquet");
    export(&schema, &parquet, Format::Parquet).await;
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(File::open(&parquet).unwrap(), 1024);
    let read = whole(&reader.unwrap().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!(read.columns(), expected.columns());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn csv_and_json_lines_tell_null_from_empty() {
    let schema = table("export_text").await;
    let folder = tempfile::tempdir().unwrap();
    let jsonl = folder.path().join("rows.jsonl");
    export(&schema, &jsonl, Format::JsonLines).await;
    let text = std::fs::read_to_string(&jsonl).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 20_000);
    assert_eq!(rows[0]["t"], "");
    assert_eq!(rows[1]["t"], "a \"b\", 2");
    assert!(rows[2].get("t").is_none_or(serde_json::Value::is_null));
    assert_eq!(rows[1]["list"], serde_json::json!([2, null]));
    assert!(text.lines().next().unwrap().contains(":1.50,"), "{:?}", text.lines().next());
    let csv = folder.path().join("rows.csv");
    export(&schema, &csv, Format::Csv).await;
    let text = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 20_001);
    assert_eq!(lines[0], "n,t,list,amount,at");
    assert_eq!(lines[2], r#"2,"a ""b"", 2","[2,null]",3.00,2026-01-01T00:00:02Z"#);
}

#[tokio::test]
async fn a_folder_that_cannot_take_the_file_is_refused() {
    let schema = table("export_refused").await;
    let folder = tempfile::tempdir().unwrap();
    let dataset = schema.dataset("rows").await;
    for path in [folder.path().join("none/rows.csv"), folder.path().to_owned()] {
        let error = dataset.export(&path, Format::Csv).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    }
}
