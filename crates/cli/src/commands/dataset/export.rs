//! All rows of a stream, into a file or a folder of files.

use clap::{ArgGroup, Args};

use super::rows::RowArgs;
use super::target::{self, Origin, Rows, TargetArgs};
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
    /// Read about so many parts side by side, each over a connection of its own; rows come in no order
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: Option<u16>,
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
    let rows = match args.parallel {
        None | Some(1) => Rows::Stream { name, dataset: Box::new(dataset) },
        Some(parts) => {
            let batches = dataset.read_parallel(usize::from(parts)).await?;
            Rows::Begun { of: Some(Origin::of(name, &dataset)), batches, told: Vec::new() }
        }
    };
    target::write(rows, target, context).await
}
