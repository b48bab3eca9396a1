//! The normaliser: small named rules that turn an upstream document into one the generator takes, holding
//! structure only.
//!
//! No rule knows a name that occurs in an Airbyte document: each repairs a kind of defect wherever it occurs,
//! so that the next version of a document passes as well. What is true of one place only is an overlay.
//! Running the rules on their own result changes nothing.

mod enums;
mod names;
mod operations;
mod parameters;
mod prose;
mod references;
mod schemas;
mod shape;
mod unions;

use serde_json::{Value, json};

/// One rule.
pub struct Rule {
    /// How RULES.md and messages call it.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    /// Why that is needed.
    pub why: &'static str,
    /// Applies it, and says in how many places it found something to do.
    pub apply: fn(&mut Value) -> usize,
}

/// How often a rule found something to do.
pub struct Fired {
    pub rule: &'static str,
    pub times: usize,
}

/// All rules, in the order in which they run: what is no OpenAPI at all and references to shared parts first, as the others look at the
/// parts themselves; then what is not structure; then operations, and schemas from the outside in.
pub fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    rules.extend(shape::RULES);
    rules.extend(references::INLINING);
    rules.extend(prose::RULES);
    rules.extend(operations::RULES);
    rules.extend(parameters::RULES);
    rules.extend(schemas::READING);
    rules.extend(references::REPAIRS);
    rules.extend(unions::RULES);
    rules.extend(enums::RULES);
    rules.extend(schemas::TYPING);
    rules.extend(names::RULES);
    rules.extend(references::PRUNING);
    rules
}

/// Drops the schemas that no operation reaches.
pub fn prune(document: &mut Value) {
    references::prune_schemas(document);
}

/// Applies every rule, until none finds anything to do: what one rule leaves behind may be another's work.
pub fn normalise(document: &mut Value) -> anyhow::Result<Vec<Fired>> {
    const ROUNDS: usize = 8;
    anyhow::ensure!(document["paths"].is_object(), "it is no OpenAPI document: it has no paths");
    if !document["components"].is_object() {
        document["components"] = json!({});
    }
    let rules = rules();
    let mut fired: Vec<Fired> = rules.iter().map(|rule| Fired { rule: rule.name, times: 0 }).collect();
    for _ in 0..ROUNDS {
        let mut quiet = true;
        for (rule, fired) in rules.iter().zip(&mut fired) {
            let times = (rule.apply)(document);
            fired.times += times;
            quiet &= times == 0;
        }
        if quiet {
            return Ok(fired);
        }
    }
    let restless: Vec<&str> =
        rules.iter().filter(|rule| (rule.apply)(document) > 0).map(|rule| rule.name).collect();
    anyhow::bail!("the rules {} undo each other's work without end", restless.join(", "))
}
