//! `cargo xtask regen`: upstream documents -> normaliser -> overlay -> `openapi/` -> snapshots of the surface.

mod document;
mod normalise;
mod overlay;
mod source;

use std::path::PathBuf;

use anyhow::Result;

use crate::step::workspace_root;
use overlay::Overlay;
use source::Upstream;

/// The two APIs, as their files are called.
pub const APIS: [&str; 2] = ["public", "config"];

/// Makes `openapi/` and the snapshots anew.
#[derive(clap::Args)]
pub struct Regen {
    /// Read airbyte-public.yaml and airbyte-config.yaml from this folder instead of downloading them
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Write nothing, and fail with the differences if there are any
    #[arg(long)]
    check: bool,
}

fn openapi() -> PathBuf {
    workspace_root().join("openapi")
}

/// Runs the command.
pub fn regen(options: &Regen) -> Result<()> {
    let upstream = Upstream::read(&openapi())?;
    for api in APIS {
        let source = if api == "public" { &upstream.public } else { &upstream.config };
        let (mut document, differs) = source.load(api, options.from.as_deref())?;
        if differs {
            eprintln!("warning: the {api} document is not the pinned one");
        }
        for unused in source.select(&mut document) {
            eprintln!("warning: the {api} document has no path {unused}");
        }
        normalise::normalise(&mut document)?;
        for overlay in [format!("{api}-repairs.yaml"), format!("{api}.yaml")] {
            let overlay = Overlay::read(&openapi().join("overlays").join(overlay))?;
            for target in overlay.apply(&mut document)? {
                eprintln!("warning: nothing in the {api} document for the overlay's target {target}");
            }
            normalise::normalise(&mut document)?;
        }
        let text = serde_json::to_string_pretty(&document)? + "\n";
        std::fs::write(openapi().join(api).with_extension("json"), text)?;
    }
    Ok(())
}
