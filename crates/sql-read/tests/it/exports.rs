//! Files, read back.

use std::fs::File;
use std::path::Path;

use airbyte_sql_read::{
    Batches, Dataset, Document, Error, ErrorKind, Format, MetaColumns, Order, StreamSpec, write_to,
};
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use futures::TryStreamExt;

use crate::support::{Schema, destination};

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
    assert_eq!(lines[1], r#"1,"","[1,null]",1.50,2026-01-01T00:00:01Z"#);
    assert_eq!(lines[2], r#"2,"a ""b"", 2","[2,null]",3.00,2026-01-01T00:00:02Z"#);
    assert_eq!(lines[3], r#"3,,"[3,null]",4.50,2026-01-01T00:00:03Z"#);
}

#[tokio::test]
async fn numbers_that_json_does_not_have_are_texts() {
    let schema = Schema::new("export_floats").await;
    schema
        .run(
            "create table rows as
             select n, v::float8 as wide, v::real as narrow, array[v::float8, 0.25, null] as list
             from unnest(array['NaN', 'Infinity', '-Infinity', '1.5', null]) with ordinality as t(v, n)",
        )
        .await;
    let dataset = schema.dataset("rows").await.order_by("n", Order::Ascending).unwrap();
    let text = async |format: Format| {
        let mut bytes = Vec::new();
        dataset.write(&mut bytes, format).await.unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(
        text(Format::JsonLines).await.lines().collect::<Vec<_>>(),
        [
            r#"{"n":1,"wide":"NaN","narrow":"NaN","list":["NaN",0.25,null]}"#,
            r#"{"n":2,"wide":"Infinity","narrow":"Infinity","list":["Infinity",0.25,null]}"#,
            r#"{"n":3,"wide":"-Infinity","narrow":"-Infinity","list":["-Infinity",0.25,null]}"#,
            r#"{"n":4,"wide":1.5,"narrow":1.5,"list":[1.5,0.25,null]}"#,
            r#"{"n":5,"wide":null,"narrow":null,"list":[null,0.25,null]}"#,
        ]
    );
    assert_eq!(
        text(Format::Csv).await.lines().collect::<Vec<_>>(),
        [
            "n,wide,narrow,list",
            r#"1,NaN,NaN,"[""NaN"",0.25,null]""#,
            r#"2,inf,inf,"[""Infinity"",0.25,null]""#,
            r#"3,-inf,-inf,"[""-Infinity"",0.25,null]""#,
            r#"4,1.5,1.5,"[1.5,0.25,null]""#,
            r#"5,,,"[null,0.25,null]""#,
        ]
    );
    let documents: Vec<Document> = dataset
        .documents()
        .content(["narrow"])
        .metadata(["wide", "list"])
        .stream()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(documents[0].content, "NaN");
    assert_eq!(
        serde_json::to_string(&documents[2].metadata).unwrap(),
        r#"{"wide":"-Infinity","list":["-Infinity",0.25,null]}"#
    );
    assert_eq!(documents[4].content, "");
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

/// A table of ten thousand rows in SQLite.
async fn numbers(folder: &Path) -> Dataset {
    let path = folder.join("numbers.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "create table numbers (id integer, label text); insert into numbers
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) select i, 'label ' || i from n",
        )
        .unwrap();
    let destination = destination("sqlite", &serde_json::json!({"destination_path": path}));
    destination.connect().await.unwrap().dataset(&StreamSpec::new("numbers")).await.unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_ordinary_file_is_left_what_it_is() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let dataset = numbers(folder.path()).await;
    let path = folder.path().join("socket.csv");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let error = dataset.export(&path, Format::Csv).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.hint().unwrap().contains("standard output"), "{error:?}");
    assert!(std::fs::metadata(&path).unwrap().file_type().is_socket());
}

#[tokio::test]
async fn a_folder_holds_files_that_end_at_a_size_and_all_rows() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = numbers(folder.path()).await.batch_rows(100);
    let out = folder.path().join("out");
    let exported = dataset.export_folder(&out, Format::Csv).file_bytes(20_000).await.unwrap();
    assert_eq!(exported.rows, 10_000);
    assert!(exported.files.len() > 5, "{exported:?}");
    let mut lines = Vec::new();
    for file in &exported.files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.len() < 30_000);
        let (header, rows) = text.split_once('\n').unwrap();
        assert_eq!(header, "id,label");
        lines.extend(rows.lines().map(str::to_owned));
    }
    assert_eq!(lines.len(), 10_000);
    assert_eq!(lines[9_999], "10000,label 10000");
    // What is there is not touched.
    let error = dataset.export_folder(&out, Format::Csv).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    // An empty folder may be there already, and of no rows there is a file with the columns.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let exported = dataset.limit(0).export_folder(&empty, Format::Csv).await.unwrap();
    assert_eq!((exported.rows, exported.files.len()), (0, 1));
    assert_eq!(std::fs::read_to_string(&exported.files[0]).unwrap(), "id,label\n");
}

#[tokio::test]
async fn a_folder_that_cannot_be_whole_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = numbers(folder.path()).await;
    let connection = rusqlite::Connection::open(folder.path().join("numbers.db")).unwrap();
    connection.execute_batch("update numbers set id = 'no number' where id = 9999").unwrap();
    let out = folder.path().join("out");
    let error = dataset.export_folder(&out, Format::Parquet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["numbers.db"]);
}

#[tokio::test]
async fn rows_go_into_anything_that_takes_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = numbers(folder.path()).await;
    for format in [Format::Parquet, Format::Csv, Format::JsonLines, Format::Arrow] {
        let file = folder.path().join(format!("whole.{}", format.name()));
        dataset.export(&file, format).await.unwrap();
        let mut bytes = Vec::new();
        assert_eq!(dataset.write(&mut bytes, format).await.unwrap().rows, 10_000);
        assert_eq!(bytes, std::fs::read(&file).unwrap(), "{format:?}");
    }
    // A reader that goes away is an error of the output.
    let (mut near, far) = tokio::io::duplex(1_000);
    drop(far);
    assert_eq!(dataset.write(&mut near, Format::Csv).await.unwrap_err().kind(), ErrorKind::Io);
}

/// A device that is always full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_output_that_takes_nothing_is_an_error_of_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = numbers(folder.path()).await;
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for format in [Format::Parquet, Format::Csv, Format::JsonLines, Format::Arrow] {
        for error in [
            write_to(&dataset, full(), format).await.unwrap_err(),
            dataset.write(&mut tokio::fs::File::from_std(full()), format).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io, "{format:?}: {error:?}");
            assert!(format!("{error:?}").contains("No space left"), "{format:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn rows_are_documents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("articles.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "create table articles (_airbyte_raw_id text, id integer, part integer, head text, body text, more text);
             insert into articles values ('r', 7, 1, 'Bees', 'They hum.', 'And fly.'), ('s', 8, null, null, 'Ants', null)",
        )
        .unwrap();
    let destination = destination("sqlite", &serde_json::json!({"destination_path": path}));
    let stream = StreamSpec::new("articles").primary_key(["id", "part"]);
    let dataset = destination.connect().await.unwrap().dataset(&stream).await.unwrap();
    let dataset = dataset.order_by("id", Order::Ascending).unwrap();
    let all: Vec<Document> = dataset
        .documents()
        .title("head")
        .content(["body", "more"])
        .metadata(["id", "head"])
        .stream()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all[0].id.as_deref(), Some("7:1"));
    assert_eq!(all[0].title.as_deref(), Some("Bees"));
    assert_eq!(all[0].content, "body: They hum.\nmore: And fly.");
    assert_eq!(serde_json::to_string(&all[0].metadata).unwrap(), r#"{"id":7,"head":"Bees"}"#);
    assert_eq!((all[1].id.as_deref(), all[1].title.as_deref()), (None, None));
    assert_eq!(all[1].content, "body: Ants");

    // Unless it is said otherwise, everything but Airbyte's own columns is text.
    let plain: Vec<Document> = dataset.documents().stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(plain[1].content, "id: 8\nbody: Ants");
    let one: Vec<Document> =
        dataset.documents().content(["body"]).stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(one[1].content, "Ants");
    // Columns are named as in the table, and shown as the dataset calls them.
    let renamed = dataset.clone().rename("body", "text").unwrap().rename("id", "number").unwrap();
    let renamed = renamed.meta_columns(MetaColumns::Prefix("from_".into())).unwrap();
    let all: Vec<Document> = renamed
        .documents()
        .title("head")
        .metadata(["id"])
        .stream()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all[0].content, "part: 1\ntext: They hum.\nmore: And fly.");
    assert_eq!(serde_json::to_string(&all[0].metadata).unwrap(), r#"{"number":7}"#);
    assert_eq!((all[0].id.as_deref(), all[0].title.as_deref()), (Some("7:1"), Some("Bees")));
    let error = dataset.documents().title("nothing").stream().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn row_groups_end_where_it_is_said() {
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let groups = |file: &Path| -> Vec<i64> {
        let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
        reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let dataset = numbers(folder.path()).await.batch_rows(100);
    let plain = dataset.export(folder.path().join("plain.parquet"), Format::Parquet).await.unwrap();
    assert_eq!(groups(&plain.file), [10_000]);
    let by_rows = dataset.export(folder.path().join("r.parquet"), Format::Parquet).row_groups(4_000, 1 << 30);
    assert_eq!(groups(&by_rows.await.unwrap().file), [4_000, 4_000, 2_000]);
    let by_bytes = dataset.export(folder.path().join("b.parquet"), Format::Parquet).row_groups(usize::MAX, 1);
    assert_eq!(groups(&by_bytes.await.unwrap().file), [100; 100]);
    let files = dataset.export_folder(folder.path().join("f"), Format::Parquet).row_groups(2_500, 1 << 30);
    assert_eq!(groups(&files.await.unwrap().files[0]), [2_500; 4]);
}

/// A read in parts, and rows of one's own, are written like any dataset.
#[tokio::test]
async fn rows_of_any_origin_are_written_into_files() {
    let schema = table("export_batches").await;
    let folder = tempfile::tempdir().unwrap();
    let dataset = schema.dataset("rows").await.columns(["n"]).unwrap();
    let file = folder.path().join("rows.csv");
    let exported = dataset.read_parallel(4).await.unwrap().export(&file, Format::Csv).await.unwrap();
    assert_eq!(exported.rows, 20_000);
    let text = std::fs::read_to_string(&file).unwrap();
    let numbers: std::collections::BTreeSet<i32> =
        text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert!(numbers.into_iter().eq(1..=20_000));

    let parts = folder.path().join("parts");
    let batches = dataset.read_parallel(2).await.unwrap();
    let exported = batches.export_folder(&parts, Format::JsonLines).file_bytes(10_000).await.unwrap();
    assert_eq!(exported.rows, 20_000);
    assert!(exported.files.len() > 2, "{exported:?}");

    let one = dataset.head(3).await.unwrap();
    let failing = || {
        let cause = std::io::Error::other("the cause");
        let rows = [Ok(one.clone()), Err(Error::of(ErrorKind::BrokenConnection, "it broke", cause))];
        Batches::of(one.schema(), futures::stream::iter(rows))
    };
    let broken = folder.path().join("broken.parquet");
    let error = failing().export(&broken, Format::Parquet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenConnection);
    assert!(!broken.exists());
    let mut written = Vec::new();
    failing().write(&mut written, Format::JsonLines).await.unwrap_err();
    assert_eq!(String::from_utf8(written).unwrap().lines().count(), 3, "what came before is there");
}
