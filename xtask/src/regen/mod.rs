//! `cargo xtask regen`: upstream documents -> normaliser -> overlays -> `openapi/` -> snapshots of the surface, and
//! a table of all calls for the tests of the bindings.

mod changes;
mod document;
mod normalise;
mod overlay;
mod page;
mod probe;
mod source;
mod surface;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::step::workspace_root;
use changes::Wanted;
use normalise::Fired;
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

/// Runs the command.
pub fn regen(options: &Regen) -> Result<()> {
    let files = from_upstream(options.from.as_deref())?;
    if options.check {
        changes::check(workspace_root(), &files)?;
        eprintln!("openapi/ and the snapshots are what regen makes");
        return Ok(());
    }
    let written = changes::write(workspace_root(), &files)?;
    for path in &written {
        eprintln!("wrote {}", path.display());
    }
    if written.is_empty() {
        eprintln!("nothing changed");
    }
    Ok(())
}

/// What CI checks: with the upstream documents at hand, that they give what is checked in; else that what is
/// checked in is a fixed point.
pub fn check_checked_in() -> Result<()> {
    if let Some(folder) = crate::upstream_documents()? {
        return regen(&Regen { from: Some(folder), check: true });
    }
    changes::check(workspace_root(), &from_checked_in()?)?;
    eprintln!("no upstream documents here: checked that openapi/ is a fixed point of the normaliser");
    Ok(())
}

/// The files that the upstream documents give.
fn from_upstream(folder: Option<&Path>) -> Result<Vec<Wanted>> {
    let upstream = Upstream::read(&openapi())?;
    let mut files = Vec::new();
    let mut all_fired = Vec::new();
    for api in APIS {
        let source = if api == "public" { &upstream.public } else { &upstream.config };
        let (mut document, is_pinned) = source.load(api, folder)?;
        if !is_pinned {
            warn(&format!("the {api} document is not the one that openapi/upstream.toml pins"));
        }
        for unused in source.select(&mut document) {
            warn(&format!("the {api} document has no path {unused}, which openapi/upstream.toml selects"));
        }
        all_fired.push((api, make(api, &mut document)?));
        files.extend(files_of(api, &document)?);
    }
    let text = page::rules_page(&normalise::rules(), &all_fired);
    files.push(Wanted { path: PathBuf::from("openapi/RULES.md"), text });
    Ok(files)
}

/// The files that the checked-in documents give: themselves, if they are what `regen` made.
pub fn from_checked_in() -> Result<Vec<Wanted>> {
    let mut files = Vec::new();
    for api in APIS {
        let mut document = checked_in(api)?;
        // Takes our own descriptions off, which the overlay puts back.
        normalise::normalise(&mut document)?;
        describe(api, &mut document)?;
        files.extend(files_of(api, &document)?);
    }
    Ok(files)
}

/// The checked-in document of an API.
pub fn checked_in(api: &str) -> Result<Value> {
    let file = openapi().join(api).with_extension("json");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// Every sentence of our overlays.
pub fn our_sentences() -> Result<Vec<String>> {
    let mut sentences = Vec::new();
    for api in APIS {
        for file in overlays(api) {
            sentences.extend(Overlay::read(&file)?.sentences().into_iter().map(str::to_owned));
        }
    }
    Ok(sentences)
}

/// Every rule's row in RULES.md that is missing there.
pub fn missing_from_rules_page() -> Result<Vec<String>> {
    let page =
        std::fs::read_to_string(openapi().join("RULES.md")).context("openapi/RULES.md cannot be read")?;
    let rules = normalise::rules();
    Ok(rules
        .iter()
        .filter(|rule| !page.contains(&page::row(rule)))
        .map(|rule| rule.name.to_owned())
        .collect())
}

/// From an upstream document to ours.
fn make(api: &str, document: &mut Value) -> Result<Vec<Fired>> {
    let fired = normalise::normalise(document).with_context(|| format!("the {api} document"))?;
    let [repairs, _] = overlays(api);
    overlay(api, document, &repairs)?;
    // A repaired field may need what the rules do for an optional one.
    normalise::normalise(document)?;
    describe(api, document)?;
    Ok(fired)
}

fn describe(api: &str, document: &mut Value) -> Result<()> {
    let [_, descriptions] = overlays(api);
    overlay(api, document, &descriptions)?;
    document::each_operation(document, |operation| {
        if !operation.body.contains_key("summary") {
            warn(&format!("{} has no summary in {}", operation.name(), descriptions.display()));
        }
        0
    });
    Ok(())
}

fn overlay(api: &str, document: &mut Value, file: &Path) -> Result<()> {
    for target in Overlay::read(file)?.apply(document).with_context(|| format!("{}", file.display()))? {
        warn(&format!("the {api} document has nothing at {target}, which {} changes", file.display()));
    }
    Ok(())
}

/// Repairs, then descriptions.
fn overlays(api: &str) -> [PathBuf; 2] {
    let folder = openapi().join("overlays");
    [folder.join(format!("{api}-repairs.yaml")), folder.join(format!("{api}.yaml"))]
}

fn files_of(api: &str, document: &Value) -> Result<Vec<Wanted>> {
    ensure!(
        document["paths"].as_object().is_some_and(|paths| !paths.is_empty()),
        "the {api} document has no paths"
    );
    let source = probe::generate(document).with_context(|| format!("the {api} document"))?;
    let snapshot = |name: &str, text: &str| Wanted {
        path: PathBuf::from(format!("crates/api-raw/snapshots/{api}_{name}.snap")),
        text: format!("---\nsource: xtask/src/regen/tests/checked_in.rs\nexpression: {name}\n---\n{text}"),
    };
    Ok(vec![
        Wanted {
            path: PathBuf::from(format!("openapi/{api}.json")),
            text: serde_json::to_string_pretty(document)? + "\n",
        },
        snapshot("operations", &surface::operations(&source)?),
        snapshot("types", &surface::types(&source)?),
        Wanted {
            path: PathBuf::from(format!("crates/api-raw/tests/it/calls/{api}.rs")),
            text: surface::calls(api, &source)?,
        },
    ])
}

fn openapi() -> PathBuf {
    workspace_root().join("openapi")
}

fn warn(message: &str) {
    eprintln!("warning: {message}");
}
