//! Names and texts of any kind, through statements that are made of them: nothing gets out of its quotes, and what is
//! looked for is found. Tried on real databases.

use airbyte_sql_read::{Dataset, Filter, Order, StreamSpec};
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Builder;
use tokio_postgres::types::ToSql;

use crate::support::{Schema, destination, shown};

/// Texts with what ends quotes, begins comments and escapes in it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "'",
            "''",
            "\"",
            "\"\"",
            "\\",
            "\\'",
            "--",
            "/*",
            "*/",
            ";",
            "$$",
            "$1",
            "?",
            "%",
            "_",
            "`",
            "\n",
            "\r",
            "\t",
            " ",
            "E'",
            "x' or 1=1 --",
            "U&'\\0041'",
            "é",
            "日本",
            "\u{202e}",
            "\u{feff}",
            "😀",
            "NULL",
            ":a",
            "{d '1'}",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,6}",
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Names that can be ones: not empty, and short enough for PostgreSQL.
fn name() -> impl Strategy<Value = String> {
    text().prop_filter("a name", |name| !name.is_empty() && name.len() < 60 && !name.contains('\0'))
}

/// Looks for each of these texts, alone, in parts and in order.
async fn find(dataset: Dataset, column: &str, texts: &[String]) -> Result<(), TestCaseError> {
    for text in texts {
        let same = texts.iter().filter(|other| *other == text).count();
        let found = dataset.clone().filter(Filter::equal(column, text.as_str())).unwrap();
        let batch = found.head(100).await.unwrap();
        prop_assert_eq!(shown(&batch, column), vec![text.clone(); same]);
        prop_assert_eq!(found.count().await.unwrap(), same as u64);
        let others = dataset.clone().filter(Filter::not_equal(column, text.as_str())).unwrap();
        prop_assert_eq!(others.count().await.unwrap(), (texts.len() - same) as u64);
    }
    let ordered = dataset.order_by(column, Order::Ascending).unwrap().head(100).await.unwrap();
    prop_assert_eq!(ordered.num_rows(), texts.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    #[test]
    fn sqlite_finds_what_is_looked_for(column in name(), texts in prop::collection::vec(text(), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.db");
        let file = rusqlite::Connection::open(&path).unwrap();
        let quoted = column.replace('"', "\"\"");
        file.execute_batch(&format!("create table t (\"{quoted}\" text)")).unwrap();
        for text in &texts {
            file.execute("insert into t values (?)", [text]).unwrap();
        }
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let warehouse = destination("sqlite", &json!({"destination_path": path})).connect().await.unwrap();
            find(warehouse.dataset(&StreamSpec::new("t")).await.unwrap(), &column, &texts).await
        })?;
    }

    #[test]
    fn postgresql_finds_what_is_looked_for(column in name(), texts in prop::collection::vec(text(), 1..4)) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let schema = Schema::new("quoting").await;
            let quoted = column.replace('"', "\"\"");
            schema.run(&format!("create table t (\"{quoted}\" text)")).await;
            for text in &texts {
                let values: [&(dyn ToSql + Sync); 1] = [text];
                schema.client.execute("insert into t values ($1)", &values).await.unwrap();
            }
            for kind in ["postgres", "redshift"] {
                let warehouse = destination(kind, &schema.configuration()).connect().await.unwrap();
                find(warehouse.dataset(&StreamSpec::new("t")).await.unwrap(), &column, &texts).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

/// As many as `PROPTEST_CASES` says, or these few: each takes a dozen statements.
pub(crate) fn cases(few: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}
