//! What one read of a dataset consists of.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::engine::RecordBatchStream;
use crate::json_columns::JsonColumns;
use crate::reading::Batches;
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
}

impl Plan {
    /// The rows in the form that is wanted.
    pub(crate) fn finish(&self, rows: RecordBatchStream) -> Batches {
        let batches = Batches::new(self.stored.clone(), rows);
        let batches = match &self.json {
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
}
