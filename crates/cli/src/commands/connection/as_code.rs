//! Sources, destinations and connections as a file: written, and put into effect.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::change::{Confirm, Plan};
use crate::code::{self, Allowed, Code, Step};
use crate::context::Context;
use crate::error::{Failure, Kind, exit};
use crate::{input, names};

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Only these connections, by name or id, with what belongs to them [default: the whole workspace]
    #[arg(value_name = "CONNECTION")]
    names: Vec<String>,
    /// The file, or - for standard output [default: -]
    #[arg(short = 'o', long = "file", value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ApplyArgs {
    /// The file, or - for standard input
    file: String,
    /// Delete connections, sources and destinations of the workspace that the file does not have
    #[arg(long, help_heading = "Changes")]
    prune: bool,
    /// Send secrets that are there already, too: whether they differ cannot be seen
    #[arg(long, help_heading = "Changes")]
    update_secrets: bool,
    #[command(flatten)]
    confirm: Confirm,
}

pub(crate) async fn export(args: ExportArgs, context: &Context) -> Result<(), Failure> {
    let file = args.file.as_deref().filter(|file| *file != Path::new("-"));
    if let Some(file) = file {
        crate::commands::dataset::check_writable(file)?;
    }
    let client = context.client()?;
    let workspace = context.workspace(&client).await?;
    let there = code::read_workspace(&workspace).await?;
    let ids = names::connections(context, &client, &args.names).await?;
    // None would be all of them, and fewer than were asked for are not what was asked for.
    if let Some(id) = ids.iter().find(|id| !there.connections.values().any(|there| there == *id)) {
        return Err(Failure::new(
            Kind::NotFound,
            format!("connection {id} is not among those of workspace {}", workspace.id()),
        )
        .with_hint("name its workspace with --workspace; a deleted one cannot be exported"));
    }
    let named = there.connections.iter().filter(|(_, id)| ids.contains(id)).map(|(name, _)| name.clone());
    let named: Vec<String> = named.collect();
    let yaml = serde_yaml_ng::to_string(&code::export(&there, &named))
        .map_err(|error| Failure::new(Kind::Io, format!("the file cannot be written: {error}")))?;
    match file {
        None => context.output().text(&yaml),
        Some(file) => {
            write(file, &yaml)?;
            context.output().note(&format!("written to {}", file.display()));
            Ok(())
        }
    }
}

/// Writes a file whole or not at all; there are no secrets in it, so others may read it as they may others.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    // A device or a pipe has its name for what it is, and a file must not take it.
    if file.exists() && !file.is_file() {
        return Ok(std::fs::write(file, text)?);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = ordinary_files().tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// Makes files as programs make them, where temporary ones are for their owner alone.
fn ordinary_files() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), allow(unused_mut, reason = "only there are files for somebody"))]
    let mut files = tempfile::Builder::new();
    #[cfg(unix)]
    files.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    files
}

/// What was done, or would be, as scripts see it.
#[derive(Serialize)]
struct Applied<'a> {
    dry_run: bool,
    steps: &'a [Step],
    /// Objects of the file that are as it says.
    unchanged: usize,
}

impl Applied<'_> {
    fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for step in self.steps {
            let sign = match step.action {
                "create" => '+',
                "delete" => '-',
                _ => '~',
            };
            let name = crate::output::one_line(&step.name);
            let _ = writeln!(text, "{sign} {} {} `{name}`", step.action, step.kind);
            for change in &step.changes {
                let _ = writeln!(text, "    {}", crate::output::one_line(&change.to_string()));
            }
        }
        let count = |action: &str| self.steps.iter().filter(|step| step.action == action).count();
        let (create, update, delete) = (count("create"), count("update"), count("delete"));
        let done = if self.dry_run { "to create" } else { "created" };
        let (changed, deleted) =
            if self.dry_run { ("to change", "to delete") } else { ("changed", "deleted") };
        text + &format!(
            "{create} {done}, {update} {changed}, {delete} {deleted}, {} unchanged",
            self.unchanged
        )
    }
}

pub(crate) async fn apply(args: ApplyArgs, context: &Context) -> Result<u8, Failure> {
    let text = input::read(&args.file)?;
    let file =
        Code::parse(&text).map_err(|why| Failure::usage(format!("{} is not valid: {why}", args.file)))?;
    let client = context.client()?;
    let workspace = context.workspace(&client).await?;
    let mut there = code::read_workspace(&workspace).await?;
    let allowed = Allowed { prune: args.prune, update_secrets: args.update_secrets };
    let steps = code::plan(&file, &there, allowed)?;
    let objects = file.tags.len() + file.sources.len() + file.destinations.len() + file.connections.len();
    let touched = steps.iter().filter(|step| step.action != "delete").count();
    let mut applied =
        Applied { dry_run: args.confirm.dry.dry_run, steps: &steps, unchanged: objects - touched };
    if applied.dry_run {
        context.output().object(&applied, || applied.text())?;
        return Ok(exit::OK);
    }
    let deleted = steps.iter().filter(|step| step.action == "delete");
    let plan = deleted.fold(Plan::new("apply", "file").name(&args.file), |plan, step| {
        plan.effect(format!("{} `{}` is deleted", step.kind, step.name))
    });
    if plan.has_effects() && !context.confirms(args.confirm, &plan)? {
        return Ok(exit::OK);
    }
    let mut done = 0;
    let outcome = code::apply(&workspace, &file, &mut there, &steps, |_| done += 1).await;
    applied.steps = &steps[..done];
    let shown = context.output().object(&applied, || applied.text());
    outcome?;
    shown.map(|()| exit::OK)
}
