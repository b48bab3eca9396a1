//! Raw tables of every generation, the newest rows of a key, deleted rows, Airbyte's own columns.

use airbyte_sql_read::{
    Dataset, Document, ErrorKind, Filter, Freshness, Layout, MetaColumns, Order, StreamSpec,
};
use futures::TryStreamExt;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Schema, destination, shown};

fn users() -> StreamSpec {
    StreamSpec::new("users").primary_key(["id"]).cursor("version").json_schema(json!({"properties": {
        "id": {"type": "integer"},
        "version": {"type": "integer"},
        "name": {"type": "string"},
        "_ab_cdc_deleted_at": {"type": "string"},
    }}))
}

/// Two versions of 1 and 3, the later one of 3 says that it is deleted.
const RECORDS: [&str; 5] = [
    r#"{"id": 1, "version": 9, "name": "old"}"#,
    r#"{"id": 1, "version": 10, "name": "new"}"#,
    r#"{"id": 2, "version": null, "name": "only"}"#,
    r#"{"id": 3, "version": 2, "name": "gone", "_ab_cdc_deleted_at": "2026-01-01"}"#,
    r#"{"id": 3, "version": 1, "name": "here"}"#,
];

/// A raw table with the records in the columns that a generation of connectors gives it.
async fn raw(schema: &Schema, table: &str, columns: &str, row: impl Fn(usize) -> String) {
    schema.run(&format!("drop table if exists {table}; create table {table} ({columns})")).await;
    for (n, record) in RECORDS.iter().enumerate() {
        schema.run(&format!("insert into {table} values ({}, $r${record}$r$)", row(n))).await;
    }
}

async fn names(dataset: &Dataset) -> Vec<String> {
    let ordered = dataset.clone().order_by("id", Order::Ascending).unwrap();
    let ordered = ordered.order_by("name", Order::Ascending).unwrap();
    shown(&ordered.head(100).await.unwrap(), "name")
}

async fn check_raw_rows(dataset: &Dataset) {
    assert_eq!(names(dataset).await, ["new", "old", "only", "gone", "here"]);
    let latest = dataset.clone().deduplicated().unwrap();
    assert_eq!(names(&latest).await, ["new", "only", "gone"]);
    assert_eq!(latest.count().await.unwrap(), 3);
    // A row that is deleted hides the older ones of its key.
    assert_eq!(names(&latest.clone().without_deleted_rows()).await, ["new", "only"]);
    assert_eq!(names(&latest.clone().limit(1)).await, ["new"]);
    let filtered = latest.filter(Filter::equal("name", "old")).unwrap();
    assert_eq!(filtered.count().await.unwrap(), 0);
    assert_eq!(names(&dataset.clone().without_deleted_rows()).await, ["new", "old", "only", "here"]);
    // The order of extraction alone.
    let latest = dataset.clone().latest(["id"], None).unwrap();
    assert_eq!(names(&latest).await, ["new", "only", "here"]);
}

#[tokio::test]
async fn raw_tables_of_every_generation_are_expanded() {
    let schema = Schema::new("raw_layouts").await;
    let configuration = |raw_only: bool| {
        let mut configuration = schema.configuration();
        configuration["raw_data_schema"] = json!("raw_layouts");
        configuration["disable_type_dedupe"] = json!(raw_only);
        destination("postgres", &configuration)
    };
    let id = |n: usize| format!("'00000000-0000-0000-0000-00000000000{n}', '2026-01-01T00:00:0{n}Z'");
    raw(
        &schema,
        "raw_layouts_raw__stream_users",
        "_airbyte_raw_id varchar, _airbyte_extracted_at timestamptz, _airbyte_loaded_at timestamptz, _airbyte_meta jsonb, \
         _airbyte_generation_id bigint, _airbyte_data jsonb",
        |n| format!("{}, null, '{{}}', 0", id(n)),
    )
    .await;
    for raw_only in [true, false] {
        let dataset = configuration(raw_only).connect().await.unwrap().dataset(&users()).await.unwrap();
        assert_eq!(dataset.layout(), Layout::Raw);
        check_raw_rows(&dataset).await;
    }
    schema.run("drop table raw_layouts_raw__stream_users").await;
    raw(
        &schema,
        "_airbyte_raw_users",
        "_airbyte_ab_id varchar, _airbyte_emitted_at timestamptz, _airbyte_data jsonb",
        id,
    )
    .await;
    let dataset = configuration(false).connect().await.unwrap().dataset(&users()).await.unwrap();
    assert_eq!(dataset.layout(), Layout::RawV1);
    check_raw_rows(&dataset).await;
}

struct File {
    path: std::path::PathBuf,
    _folder: TempDir,
}

/// The SQLite connector's raw table, with names in the case that is asked for.
fn sqlite(upper: bool) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raw.db");
    let connection = Connection::open(&path).unwrap();
    let columns = "_airbyte_ab_id text primary key, _airbyte_emitted_at text, _airbyte_data text";
    let columns = if upper { columns.to_uppercase() } else { columns.to_owned() };
    connection.execute_batch(&format!("create table _airbyte_raw_users ({columns})")).unwrap();
    for (n, record) in RECORDS.iter().enumerate() {
        let row = (n.to_string(), format!("2026-01-01T00:00:0{n}"), record);
        connection.execute("insert into _airbyte_raw_users values (?, ?, ?)", row).unwrap();
    }
    File { path, _folder: folder }
}

async fn open(file: &File, stream: &StreamSpec) -> Dataset {
    let destination = destination("sqlite", &json!({"destination_path": file.path}));
    destination.connect().await.unwrap().dataset(stream).await.unwrap()
}

#[tokio::test]
async fn sqlite_s_raw_tables_are_expanded_whatever_the_case_of_their_columns() {
    for upper in [false, true] {
        let file = sqlite(upper);
        check_raw_rows(&open(&file, &users()).await).await;
    }
}

/// The connection names fields as the source does, and the table has columns of other names for them.
#[tokio::test]
async fn a_key_is_found_under_the_names_that_the_connector_gives_its_columns() {
    let schema = Schema::new("renamed_keys").await;
    schema
        .run(
            r#"create table orders (_airbyte_extracted_at timestamptz, order_no int, _2nd_key int, "VERSION" int, name text);
               insert into orders values ('2026-01-01', 1, 1, 2, 'new'), ('2026-01-02', 1, 1, 1, 'old'), ('2026-01-01', 1, 2, 1, 'other');
               create table doubts ("ID" int, id_ int, "Id" int)"#,
        )
        .await;
    let warehouse = schema.destination().connect().await.unwrap();
    let stream = StreamSpec::new("orders").primary_key(["Order No", "2nd key"]).cursor("version");
    let orders = warehouse.dataset(&stream).await.unwrap();
    let latest = orders.clone().deduplicated().unwrap().order_by("name", Order::Ascending).unwrap();
    assert_eq!(shown(&latest.head(9).await.unwrap(), "name"), ["new", "other"]);
    let documents = latest.documents().content(["name"]).stream().await.unwrap();
    let documents: Vec<Document> = documents.try_collect().await.unwrap();
    assert_eq!(documents[1].id.as_deref(), Some("1:2"));
    // Where several columns may be meant, none is.
    let doubts = warehouse.dataset(&StreamSpec::new("doubts").primary_key(["id"])).await.unwrap();
    let error = doubts.deduplicated().unwrap_err();
    assert!(error.to_string().contains("`id`"), "{error}");
}

#[tokio::test]
async fn without_a_key_there_are_no_newest_rows() {
    let file = sqlite(false);
    let dataset = open(&file, &StreamSpec::new("users")).await;
    assert_eq!(dataset.clone().deduplicated().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(
        dataset.clone().latest(Vec::<String>::new(), None).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(dataset.clone().latest(["nothing"], None).unwrap_err().kind(), ErrorKind::InvalidInput);
    // A cursor that the records do not have is no reason to fail.
    let keyed = open(&file, &users().cursor("updated")).await.deduplicated().unwrap();
    assert_eq!(names(&keyed).await, ["new", "only", "here"]);
}

#[tokio::test]
async fn airbyte_s_own_columns_are_kept_dropped_or_renamed() {
    let file = sqlite(true);
    let dataset = open(&file, &users()).await;
    let columns = |dataset: &Dataset| -> Vec<String> {
        dataset.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    let own = ["id", "version", "name", "_ab_cdc_deleted_at"];
    assert_eq!(columns(&dataset.clone().without_meta_columns()), own);
    let renamed = dataset.clone().meta_columns(MetaColumns::Prefix("ab_".into())).unwrap();
    assert_eq!(columns(&renamed)[..2], ["ab_AB_ID", "ab_EMITTED_AT"]);
    let read = renamed.order_by("_AIRBYTE_AB_ID", Order::Ascending).unwrap().head(1).await.unwrap();
    assert_eq!(shown(&read, "ab_AB_ID"), ["0"]);

    let renamed = dataset.clone().rename("name", "label").unwrap();
    let read = renamed.filter(Filter::equal("name", "only")).unwrap().head(5).await.unwrap();
    assert_eq!(shown(&read, "label"), ["only"]);
    for error in [
        dataset.clone().rename("name", "id").unwrap_err(),
        dataset.clone().rename("nothing", "x").unwrap_err(),
        dataset.rename("name", "x").unwrap().rename("id", "x").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    // Without a schema the records are one column, and the only one with data.
    let records = open(&file, &StreamSpec::new("users")).await.without_meta_columns();
    assert_eq!(columns(&records), ["_AIRBYTE_DATA"]);
}

#[tokio::test]
async fn several_refreshes_in_a_table_are_told() {
    let schema = Schema::new("generations").await;
    schema
        .run(
            "create table users (id int, _airbyte_raw_id varchar, _airbyte_extracted_at timestamptz, _airbyte_meta jsonb, \
             _airbyte_generation_id bigint)",
        )
        .await;
    let warehouse = schema.destination().connect().await.unwrap();
    let open = async |stream: StreamSpec| warehouse.dataset(&stream).await.unwrap();
    let overwriting = StreamSpec::new("users").overwrites(true);
    let dataset = open(overwriting.clone()).await;
    assert_eq!(dataset.generations().await.unwrap(), None);
    assert_eq!(dataset.freshness().await.unwrap(), Freshness::Complete);
    schema.run("insert into users values (1, 'a', now(), '{}', null), (2, 'b', now(), '{}', 4)").await;
    assert_eq!(dataset.generations().await.unwrap(), Some(4..=4));
    assert_eq!(dataset.freshness().await.unwrap(), Freshness::Complete);
    schema.run("insert into users values (3, 'c', now(), '{}', 6), (4, 'd', now(), '{}', 5)").await;
    // Choices do not change what the table holds.
    let chosen = dataset.columns(["id"]).unwrap().filter(Filter::equal("id", 2)).unwrap();
    assert_eq!(chosen.generations().await.unwrap(), Some(4..=6));
    assert_eq!(chosen.freshness().await.unwrap(), Freshness::Partial);
    assert_eq!(open(StreamSpec::new("users")).await.freshness().await.unwrap(), Freshness::Partial);
    let growing = open(StreamSpec::new("users").overwrites(false)).await;
    assert_eq!(growing.freshness().await.unwrap(), Freshness::Complete);
}
