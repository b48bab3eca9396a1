//! Pages of the web application.

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::error::{Failure, Kind};

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OpenArgs {
    /// Print the address and open nothing
    #[arg(long)]
    print: bool,
}

/// Opens an address in the browser; for programs, and where there is no browser, it is printed.
pub(crate) fn open(url: Option<String>, how: OpenArgs, context: &Context) -> Result<(), Failure> {
    let url = url.ok_or_else(|| {
        Failure::new(Kind::NotFound, "the address of the web application is not known")
            .with_hint("it is known for Airbyte Cloud and for API roots that end in /api/public/v1")
    })?;
    let output = context.output();
    if !how.print && !output.is_for_programs() && crate::output::Output::has_terminal() {
        match open::that_detached(&url) {
            Ok(()) => output.note("opened in the browser:"),
            Err(error) => output.warn(&format!("no browser could be started ({error}); the address is")),
        }
    }
    output.object(&json!({ "url": url }), || url.clone())
}
