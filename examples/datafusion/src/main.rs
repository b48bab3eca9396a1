//! A stream's rows in DataFusion, which speaks the same Arrow: `cargo run` in this folder.
//!
//! The table is read part by part, each by a task of DataFusion's own, in bounded memory. Every query reads it anew; rows that
//! are asked for often are kept in memory, or as a folder of Parquet files.

use std::sync::Arc;

use airbyte_sql_read::{Dataset, Destination, Format, Split, Splits, StreamSpec, Warehouse};
use datafusion::arrow::array::{Float64Array, Int64Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::{TryFutureExt, TryStreamExt};

type Error = Box<dyn std::error::Error>;

/// A part of a dataset, as DataFusion reads it.
#[derive(Debug)]
struct Part {
    warehouse: Warehouse,
    split: Split,
    schema: SchemaRef,
    /// The snapshot that all parts see.
    _splits: Arc<Splits>,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (warehouse, split) = (self.warehouse.clone(), self.split.clone());
        let batches = async move { warehouse.read_split(&split).await }.try_flatten_stream();
        let batches = batches.map_err(|error| DataFusionError::External(error.into()));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches))
    }
}

/// A table of DataFusion's that reads a dataset in about so many parts.
async fn table(warehouse: &Warehouse, dataset: &Dataset, parts: usize) -> Result<StreamingTable, Error> {
    let splits = Arc::new(dataset.splits(parts).await?);
    let schema = dataset.schema();
    let parts = splits.splits().iter().map(|split| -> Arc<dyn PartitionStream> {
        Arc::new(Part {
            warehouse: warehouse.clone(),
            split: split.clone(),
            schema: schema.clone(),
            _splits: splits.clone(),
        })
    });
    Ok(StreamingTable::try_new(schema.clone(), parts.collect())?)
}

/// Keeps the rows in memory.
async fn keep(dataset: &Dataset, context: &SessionContext) -> Result<(), Error> {
    let batches = dataset.batches().await?;
    let schema = batches.schema();
    let rows = batches.try_collect().await?;
    context.register_table("kept", Arc::new(MemTable::try_new(schema, vec![rows])?))?;
    context.sql("select count(*) from kept").await?.show().await?;
    Ok(())
}

/// Keeps the rows in files, which are read side by side. Returns how many rows there are.
async fn keep_in_files(dataset: &Dataset, context: &SessionContext, folder: &str) -> Result<u64, Error> {
    let exported = dataset.export_folder(folder, Format::Parquet).await?;
    context.register_parquet("files", folder, ParquetReadOptions::default()).await?;
    Ok(exported.rows)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A small destination of its own, so that the program runs as it is. Yours is a file of the API's form:
    // Destination::from_file("warehouse.json")?
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path)?.execute_batch(
        "create table purchases (id integer, user_id integer, price real);
         insert into purchases
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
         select i, i % 3, i / 4.0 from n",
    )?;
    let destination = Destination::from_json(&serde_json::json!({
        "destinationType": "sqlite", "configuration": {"destination_path": path}
    }))?;

    let warehouse = destination.connect().await?;
    let purchases = warehouse.dataset(&StreamSpec::new("purchases")).await?;
    let context = SessionContext::new();
    context.register_table("purchases", Arc::new(table(&warehouse, &purchases, 4).await?))?;
    let totals = context
        .sql("select user_id, count(*) as purchases, sum(price) as total from purchases group by user_id order by user_id")
        .await?;
    totals.clone().show().await?;

    let batches = totals.collect().await?;
    let (counts, sums) = (batches[0].column(1).as_any(), batches[0].column(2).as_any());
    let counts = counts.downcast_ref::<Int64Array>().ok_or("counts are whole numbers")?;
    let sums = sums.downcast_ref::<Float64Array>().ok_or("sums are doubles")?;
    assert_eq!(counts.values(), &[33_333, 33_334, 33_333]);
    assert_eq!(sums.values().iter().sum::<f64>(), 1_250_012_500.0);

    keep(&purchases, &context).await?;
    let files = folder.path().join("files");
    let rows = keep_in_files(&purchases, &context, files.to_str().ok_or("a path that is text")?).await?;
    assert_eq!(rows, 100_000);
    for table in ["kept", "files"] {
        assert_eq!(context.table(table).await?.count().await?, 100_000, "{table}");
    }
    Ok(())
}
