//! The `postgres` connector, versions 1 to 3.

use super::sanitise::{alphanumeric_and_underscore, collision_suffix, java_hash_code, raw_table};
use super::{Candidate, Layout, NameSettings};
use crate::stream_spec::StreamSpec;

/// The longest identifier, in bytes.
const LIMIT: usize = 63;
const DEFAULT_SCHEMA: &str = "public";
const DEFAULT_RAW_SCHEMA: &str = "airbyte_internal";

pub(super) fn candidates(settings: &NameSettings, stream: &StreamSpec) -> Vec<Candidate> {
    let default_schema = settings.default_schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
    let namespace = stream.handed_namespace().unwrap_or_else(|| default_schema.to_owned());
    let name = stream.handed_name();
    let raw_schema = settings.raw_schema.as_deref().unwrap_or(DEFAULT_RAW_SCHEMA);

    let schema = version_3(&namespace);
    let collided = format!("{name}{}", collision_suffix(&schema, &name));
    if stream.name_is_taken {
        // Whatever else is there belongs to the other stream.
        return vec![Candidate::new(&schema, version_3(&collided), Layout::Typed)];
    }
    let typed = [
        Candidate::new(&schema, version_3(&name), Layout::Typed),
        Candidate::new(&schema, version_3(&collided), Layout::Typed),
        Candidate::new(version_2(&namespace), version_2(&name), Layout::Typed),
        Candidate::new(version_2(&namespace), version_2(&name).to_lowercase(), Layout::Typed),
    ];
    let raw_name = raw_table(&namespace, &name);
    let raw = [
        Candidate::new(version_3(&raw_schema.to_lowercase()), version_3(&raw_name), Layout::Raw),
        Candidate::new(raw_schema.to_lowercase(), version_2(&raw_name).to_lowercase(), Layout::Raw),
        Candidate::new(&schema, version_2(&format!("_airbyte_raw_{}", name.to_lowercase())), Layout::RawV1),
    ];
    if settings.raw_only {
        raw.into_iter().chain(typed).collect()
    } else {
        typed.into_iter().chain(raw).collect()
    }
}

/// Since 3.0: a leading digit gets `_`, a long name is cut and ends in the last digits of its hash.
fn version_3(name: &str) -> String {
    let mut clean = alphanumeric_and_underscore(name);
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert(0, '_');
    }
    if clean.len() > LIMIT {
        let digits = java_hash_code(&clean).to_string();
        let tail = &digits[digits.len().saturating_sub(8)..];
        clean = format!("{}_{tail}", &clean[..LIMIT - 9]);
    }
    clean
}

/// 2.x: a long name is cut, nothing else.
fn version_2(name: &str) -> String {
    let mut clean = alphanumeric_and_underscore(name);
    clean.truncate(LIMIT);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(name: &str) -> Vec<(String, Layout)> {
        candidates(&NameSettings::default(), &StreamSpec::new(name))
            .into_iter()
            .map(|candidate| (format!("{}.{}", candidate.schema, candidate.table), candidate.layout))
            .collect()
    }

    #[test]
    fn newer_layouts_come_first() {
        let tables = tables("1 Foo");
        assert_eq!(tables[0], ("public._1_Foo".to_owned(), Layout::Typed));
        assert!(tables.contains(&("public.1_Foo".to_owned(), Layout::Typed)));
        assert!(tables.contains(&("airbyte_internal.public_raw__stream_1_Foo".to_owned(), Layout::Raw)));
        assert!(tables.contains(&("public._airbyte_raw_1_foo".to_owned(), Layout::RawV1)));
    }

    #[test]
    fn a_stream_whose_name_is_taken_is_looked_for_under_its_other_name_alone() {
        let mut second = StreamSpec::new("my-table");
        second.name_is_taken = true;
        let found = candidates(&NameSettings::default(), &second);
        assert_eq!(found.len(), 1);
        assert!(found[0].table.starts_with("my_table_") && found[0].table.len() == 12, "{found:?}");
    }

    #[test]
    fn raw_tables_come_first_where_only_they_are_written() {
        let settings = NameSettings { raw_only: true, ..NameSettings::default() };
        assert_eq!(candidates(&settings, &StreamSpec::new("users"))[0].layout, Layout::Raw);
    }
}
