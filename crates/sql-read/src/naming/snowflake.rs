//! The `snowflake` connector, versions 1 to 5. Names are quoted and keep almost every character.

use super::sanitise::{alphanumeric_and_underscore, raw_table, raw_table_v1};
use super::{Candidate, Layout, Naming};

/// Names that the newest versions write with `_` in front, alone among all reserved words.
const RESERVED: [&str; 6] =
    ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "LOCALTIME", "LOCALTIMESTAMP"];

pub(super) fn places(of: &Naming<'_>) -> Vec<Candidate> {
    let raw_name = raw_table(of.namespace, of.name);
    let unquoted = |name: &str| alphanumeric_and_underscore(name).to_uppercase();
    vec![
        Candidate::new(newest(of.namespace), newest(of.name), Layout::Typed),
        Candidate::new(upper(of.namespace), upper(of.name), Layout::Typed),
        Candidate::new(upper(of.namespace), doubled_quotes(&upper(of.name)), Layout::Typed),
        // 3.0.x alone.
        Candidate::new(of.namespace, of.name, Layout::Typed),
        Candidate::new(of.raw_schema(), &raw_name, Layout::Raw),
        Candidate::new(of.raw_schema(), doubled_quotes(&raw_name), Layout::Raw),
        Candidate::new(unquoted(of.namespace), unquoted(&raw_table_v1(of.name)), Layout::RawV1),
        // So say the connector's own pages, and no version of its code that is known.
        Candidate::new(of.raw_schema(), format!("raw_{}__{}", of.namespace, of.name), Layout::Raw),
    ]
}

fn newest(name: &str) -> String {
    let name = upper(name);
    if RESERVED.contains(&name.as_str()) { format!("_{name}") } else { name }
}

fn upper(name: &str) -> String {
    // A template's signs would be taken for one in the scripts that the connector sends.
    let plain = if name.contains("${") { name.replace(['$', '{', '}'], "_") } else { name.to_owned() };
    plain.to_uppercase()
}

/// The connector doubles quotes, which may be how SQL writes them or part of the name.
fn doubled_quotes(name: &str) -> String {
    name.replace('"', "\"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_all_that_changes() {
        assert_eq!(upper("Order Items.é-ß"), "ORDER ITEMS.É-SS");
        assert_eq!(upper("a${b}$"), "A__B__");
        assert_eq!(upper("a$b"), "A$B");
        assert_eq!(newest("current_date"), "_CURRENT_DATE");
        assert_eq!(newest("current_dates"), "CURRENT_DATES");
    }
}
