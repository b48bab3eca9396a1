//! All rows of a stream, into a file or a folder of files.

use clap::{ArgGroup, Args};

use super::rows::RowArgs;
use super::target::{self, Rows, TargetArgs};
use super::{StreamArgs, open, stream_name};
use crate::context::Context;
use crate::error::Failure;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("place").required(true).args(["file", "folder"]))]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    rows: RowArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// So many rows at the most [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(crate) async fn run(args: ExportArgs, context: &Context) -> Result<u8, Failure> {
    let name = stream_name(&args.stream)?.to_owned();
    let Some(target) = args.target.checked()? else {
        return Err(Failure::usage("it is not said where the rows should go")
            .with_hint("add -o FILE, -o - or --folder FOLDER"));
    };
    let mut dataset = args.rows.apply(open(&args.stream, context).await?)?;
    if let Some(limit) = args.limit {
        dataset = dataset.limit(limit);
    }
    target::write(&Rows::Stream { name, dataset: Box::new(dataset) }, target, context).await
}
