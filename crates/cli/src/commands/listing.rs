//! How much of a list is wanted.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// So many at the most [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct NamedListArgs {
    /// Only those with exactly this name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// So many at the most [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}
