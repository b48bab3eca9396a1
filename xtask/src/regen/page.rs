//! `openapi/RULES.md`: the normaliser's rules, and how often each found something to do.

use super::normalise::{Fired, Rule};

/// The page, for the rules and what they did to each of the documents.
pub fn rules_page(rules: &[Rule], fired: &[(&str, Vec<Fired>)]) -> String {
    let apis: Vec<&str> = fired.iter().map(|(api, _)| *api).collect();
    let mut page = format!(
        "# Rules of the normaliser\n\n\
         Written by `cargo xtask regen`. An upstream document becomes `public.json` or `config.json` by these\n\
         rules, in this order, and by the overlays in `overlays/`. Each rule repairs one kind of defect wherever\n\
         it occurs; the last columns say in how many places it did in the pinned documents. They are in\n\
         `xtask/src/regen/normalise`.\n\n\
         | rule | what it does | why | {} |\n|---|---|---|{}\n",
        apis.join(" | "),
        "---|".repeat(apis.len())
    );
    for rule in rules {
        page.push_str(&row(rule));
        for (_, fired) in fired {
            let times: usize = fired.iter().filter(|one| one.rule == rule.name).map(|one| one.times).sum();
            page.extend([" ", &times.to_string(), " |"]);
        }
        page.push('\n');
    }
    page
}

/// The row of a rule, without the counts.
pub fn row(rule: &Rule) -> String {
    format!("| {} | {} | {} |", rule.name, rule.what, rule.why)
}
