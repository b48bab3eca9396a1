//! How scans of datasets travel between Ballista's processes.

use std::sync::Arc;

use airbyte_datafusion::{AirbyteScan, Destinations, Warehouses};
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{TableReference, internal_err, not_impl_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::LocalLimitExec;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{
    ComposedPhysicalExtensionCodec, PhysicalExtensionCodec, PhysicalProtoConverterExtension,
};

use crate::parts::left;
use crate::stand_in::StandIn;

/// Ballista's codec of physical plans and that of datasets: for schedulers, which need no destination
/// (`Destinations::new()`), and for executors, which read from theirs.
pub fn physical_codec(warehouses: Arc<dyn Warehouses>) -> Arc<dyn PhysicalExtensionCodec> {
    Arc::new(ComposedPhysicalExtensionCodec::new(vec![
        Arc::new(ScanCodec { warehouses }),
        Arc::new(BallistaPhysicalExtensionCodec::default()),
    ]))
}

/// Ballista's codec of logical plans and that of datasets, for schedulers and clients. Sessions of [`remote`](crate::remote)
/// have it.
pub fn logical_codec() -> Arc<dyn LogicalExtensionCodec> {
    Arc::new(TableCodec { others: BallistaLogicalExtensionCodec::default() })
}

/// How a scan without a limit is sent.
const NO_LIMIT: usize = usize::MAX;

#[derive(Debug)]
struct ScanCodec {
    warehouses: Arc<dyn Warehouses>,
}

impl PhysicalExtensionCodec for ScanCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        _: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some((limit, scan)) = buf.split_first_chunk() else {
            return internal_err!("these bytes are no scan of a dataset: they end too early");
        };
        let scan: Arc<dyn ExecutionPlan> = Arc::new(AirbyteScan::from_bytes(scan, self.warehouses.clone())?);
        Ok(match usize::try_from(u64::from_le_bytes(*limit)) {
            Ok(limit) if limit != NO_LIMIT => Arc::new(LocalLimitExec::new(scan, limit)),
            _ => scan,
        })
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let scan = left(node.as_ref()).or_else(|| node.downcast_ref::<AirbyteScan>().cloned());
        let Some(scan) = scan else { return not_impl_err!("{} is no scan of a dataset", node.name()) };
        // The scheduler has files keep a limit, and leaves nothing else in its plan that does.
        buf.extend((node.fetch().unwrap_or(NO_LIMIT) as u64).to_le_bytes());
        buf.extend(scan.to_bytes()?);
        Ok(())
    }
}

#[derive(Debug)]
struct TableCodec {
    others: BallistaLogicalExtensionCodec,
}

impl LogicalExtensionCodec for TableCodec {
    fn try_decode(&self, buf: &[u8], inputs: &[LogicalPlan], ctx: &TaskContext) -> Result<Extension> {
        self.others.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.others.try_encode(node, buf)
    }

    /// No other kind of table of its own goes over Ballista's wire, so all that come are stand-ins.
    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        _: &TableReference,
        _: SchemaRef,
        _: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        // It is handed out and not read here.
        Ok(Arc::new(StandIn { scan: AirbyteScan::from_bytes(buf, Arc::new(Destinations::new()))? }))
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(planned) = node.downcast_ref::<StandIn>() else {
            return not_impl_err!("{table} is neither a file nor a dataset, so executors cannot read it");
        };
        buf.extend(planned.scan.to_bytes()?);
        Ok(())
    }

    fn try_decode_file_format(&self, buf: &[u8], ctx: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.others.try_decode_file_format(buf, ctx)
    }

    fn try_encode_file_format(&self, buf: &mut Vec<u8>, node: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.others.try_encode_file_format(buf, node)
    }
}
