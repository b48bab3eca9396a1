//! What one read of a dataset consists of.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::engine::RecordBatchStream;
use crate::json_columns::JsonColumns;
use crate::reading::Batches;
use crate::refreshes::Refreshes;
use crate::scan::Scan;

/// What the database is asked for, and what is made of its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub scan: Scan,
    /// Expands records kept as JSON.
    pub json: Option<JsonColumns>,
    /// The columns by their names in the table or in the record.
    pub stored: SchemaRef,
    /// The same by the names that they are to have.
    pub schema: SchemaRef,
    /// The columns that number the refreshes, where somebody wants to know. They are among those of the scan.
    pub generations: Vec<String>,
}

impl Plan {
    /// The rows in the form that is wanted. `refreshes` hears which ones they are of.
    pub(crate) fn finish(&self, rows: RecordBatchStream, refreshes: &Refreshes) -> Batches {
        let batches =
            Batches::new(self.stored.clone(), self.watched(rows, refreshes)).told_by(refreshes.clone());
        let batches = match &self.json {
            // What is read for the refreshes alone comes last.
            None if self.scan.columns.len() > self.stored.fields().len() => {
                let wanted: Vec<usize> = (0..self.stored.fields().len()).collect();
                batches.changed(self.stored.clone(), move |batch| Ok(batch.project(&wanted)?))
            }
            None => batches,
            Some(json) => {
                let (json, stored) = (json.clone(), self.stored.clone());
                batches.changed(self.stored.clone(), move |batch| json.expand(&batch, &stored))
            }
        };
        if self.stored == self.schema {
            return batches;
        }
        let schema = self.schema.clone();
        batches.changed(self.schema.clone(), move |batch| {
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &rows)?)
        })
    }

    fn watched(&self, rows: RecordBatchStream, refreshes: &Refreshes) -> RecordBatchStream {
        if self.generations.is_empty() {
            return rows;
        }
        let (names, refreshes) = (self.generations.clone(), refreshes.clone());
        rows.inspect(move |batch| {
            let Ok(batch) = batch else { return };
            names
                .iter()
                .filter_map(|name| batch.column_by_name(name))
                .for_each(|column| refreshes.look(column));
        })
        .boxed()
    }
}
