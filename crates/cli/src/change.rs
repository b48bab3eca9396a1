//! Changes: shown before they are made where that is asked for, and confirmed where something would be lost.

use std::io::IsTerminal;

use airbyte_cloud::FieldChange;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Failure, Kind};

/// For whatever changes something.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct DryRun {
    /// Show what would be done, and do nothing
    #[arg(long, help_heading = "Changes")]
    pub(crate) dry_run: bool,
}

/// For whatever cannot be undone.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Confirm {
    #[command(flatten)]
    pub(crate) dry: DryRun,
    /// Do it without asking
    #[arg(long, short = 'y', help_heading = "Changes")]
    pub(crate) yes: bool,
}

/// What is about to be done, as scripts see it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Plan {
    dry_run: bool,
    /// A verb: create, update, delete, ...
    action: &'static str,
    /// What kind of object: source, connection, ...
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What will differ; empty where the object comes or goes as a whole.
    changes: Vec<FieldChange>,
    /// What else will be there or gone, in words.
    effects: Vec<String>,
}

impl Plan {
    pub(crate) fn new(action: &'static str, kind: &'static str) -> Self {
        Self { dry_run: true, action, kind, ..Self::default() }
    }

    #[allow(clippy::needless_pass_by_value, reason = "ids are small")]
    pub(crate) fn id(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }

    pub(crate) fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(crate) fn changes(mut self, changes: &[FieldChange]) -> Self {
        self.changes = changes.to_vec();
        self
    }

    pub(crate) fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effects.push(effect.into());
        self
    }

    pub(crate) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// `delete source "Shop"`.
    fn headline(&self) -> String {
        let named = match (&self.name, &self.id) {
            (Some(name), _) => format!(" `{}`", crate::output::one_line(name)),
            (None, Some(id)) => format!(" {id}"),
            (None, None) => String::new(),
        };
        format!("{} {}{named}", self.action, self.kind)
    }

    /// What follows the headline, a line each.
    fn lines(&self) -> Vec<String> {
        let changes = self.changes.iter().map(ToString::to_string);
        changes.chain(self.effects.iter().cloned()).map(|line| crate::output::one_line(&line)).collect()
    }
}

impl Context {
    /// Whether the change shall be made. If it is only to be shown, it is shown.
    pub(crate) fn goes_on(&self, dry: DryRun, plan: &Plan) -> Result<bool, Failure> {
        if dry.dry_run {
            self.output().object(plan, || {
                let mut text = format!("would {}", plan.headline());
                for line in plan.lines() {
                    text.push_str("\n  ");
                    text.push_str(&line);
                }
                text
            })?;
        }
        Ok(!dry.dry_run)
    }

    /// The same for what cannot be undone: people are asked, and scripts have to say so beforehand.
    pub(crate) fn confirms(&self, confirm: Confirm, plan: &Plan) -> Result<bool, Failure> {
        if !self.goes_on(confirm.dry, plan)? {
            return Ok(false);
        }
        if confirm.yes {
            return Ok(true);
        }
        let headline = plan.headline();
        let asked = !self.output().is_for_programs()
            && std::io::stdin().is_terminal()
            && std::io::stderr().is_terminal();
        if !asked {
            let mut failure = Failure::usage(format!("this would {headline}, and cannot be undone"))
                .with_hint("say --yes to do it, or --dry-run to see what would be done");
            failure.details = plan.lines();
            return Err(failure);
        }
        crate::output::say(&format!("This will {headline}:"));
        for line in plan.lines() {
            crate::output::say(&format!("  {line}"));
        }
        if crate::prompt::confirm("Go on?")? {
            return Ok(true);
        }
        Err(Failure::new(Kind::Declined, "nothing was done"))
    }
}
