//! How the platform and the connectors name what they write.

use std::fmt::Write as _;

use sha1::{Digest, Sha1};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest identifier of PostgreSQL, in bytes.
const POSTGRES_LIMIT: usize = 63;

/// The namespace that the platform hands to the destination: `None` is the destination's own default.
pub(crate) fn namespace(definition: &str, format: Option<&str>, source: Option<&str>) -> Option<String> {
    match definition {
        "destination" => None,
        "custom_format" => {
            let filled = format?.replace("${SOURCE_NAMESPACE}", source.unwrap_or_default());
            (!filled.trim().is_empty()).then_some(filled)
        }
        _ => source.map(str::to_owned),
    }
}

/// The stream's name as the platform hands it to the destination. A blank prefix counts as none.
pub(crate) fn prefixed(prefix: Option<&str>, stream: &str) -> String {
    match prefix {
        Some(prefix) if !prefix.trim().is_empty() => format!("{prefix}{stream}"),
        _ => stream.to_owned(),
    }
}

/// The sanitiser of the JVM connectors: accents go, runs of blanks and every other foreign character become `_`.
fn alphanumeric_and_underscore(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut in_blanks = false;
    for c in name.nfkd().filter(|c| !is_combining_mark(*c)) {
        let blank = matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
        if !(blank && in_blanks) {
            clean.push(if c.is_ascii_alphanumeric() { c } else { '_' });
        }
        in_blanks = blank;
    }
    clean
}

/// A schema, table or column of the PostgreSQL connector, version 3.
pub(crate) fn postgres(name: &str) -> String {
    let mut clean = alphanumeric_and_underscore(name);
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert(0, '_');
    }
    if clean.is_empty() {
        return format!("default_name_{}", uuid::Uuid::new_v4());
    }
    if clean.len() > POSTGRES_LIMIT {
        // Java's `String.hashCode()`; the name is ASCII by now, so bytes are UTF-16 units.
        let hash =
            clean.bytes().fold(0_i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte)));
        let digits = hash.to_string();
        let tail = &digits[digits.len().saturating_sub(8)..];
        clean = format!("{}_{tail}", &clean[..POSTGRES_LIMIT - 9]);
    }
    clean
}

/// The PostgreSQL tables of the streams of one sync, in catalog order. A name that is taken gets a suffix.
pub(crate) fn postgres_tables(streams: &[(String, String)]) -> Vec<(String, String)> {
    distinct(streams, |namespace, stream| (postgres(namespace), postgres(stream)))
}

/// The same where there are raw tables only, all of them in one schema.
pub(crate) fn postgres_raw_tables(schema: &str, streams: &[(String, String)]) -> Vec<(String, String)> {
    distinct(streams, |namespace, stream| {
        (postgres(&schema.to_lowercase()), postgres(&raw(namespace, stream).to_lowercase()))
    })
}

/// The tables by a rule, no two of them the same.
fn distinct(
    streams: &[(String, String)],
    rule: impl Fn(&str, &str) -> (String, String),
) -> Vec<(String, String)> {
    let mut tables: Vec<(String, String)> = Vec::new();
    for (namespace, stream) in streams {
        let mut table = rule(namespace, stream);
        if tables.contains(&table) {
            let hash = hex(&Sha1::digest(format!("{}&airbyte&{stream}", table.0)));
            table = rule(namespace, &format!("{stream}_{}", &hash[..3]));
        }
        tables.push(table);
    }
    tables
}

/// The name of a raw table: with more underscores in its middle than there are in a row elsewhere.
fn raw(namespace: &str, stream: &str) -> String {
    let joined = format!("{namespace}{stream}");
    let longest = joined.split(|c| c != '_').map(str::len).max().unwrap_or_default().max(1);
    format!("{namespace}_raw{}stream_{stream}", "_".repeat(longest + 1))
}

/// The PostgreSQL columns of a stream's fields, in order. Names that differ in case alone collide.
pub(crate) fn postgres_columns<'a>(fields: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for field in fields {
        let mut column = postgres(field);
        let mut number = 0;
        while columns.iter().any(|taken| taken.eq_ignore_ascii_case(&column)) {
            number += 1;
            column = postgres(&format!("{field}_{number}"));
        }
        columns.push(column);
    }
    columns
}

/// The temporary table beside a final one, recognisable by its 32 hexadecimal digits. Behind the longest names PostgreSQL
/// cuts off the last one, and so does this: whoever asks the catalogue for the table has to know its real name.
pub(crate) fn postgres_temporary(schema: &str, table: &str) -> String {
    let short = |name: &str| match name.len() {
        0..=16 => name.to_owned(),
        length => format!("{}{}", &name[..8], &name[length - 8..]),
    };
    let raw = raw(schema, &format!("{table}_airbyte_tmp"));
    let mut name = format!("{}{}{}", short(schema), short(table), &hex(&Sha256::digest(raw))[..32]);
    name.truncate(POSTGRES_LIMIT);
    name
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_connectors_rule() {
        for (name, expected) in [
            ("users", "users"),
            ("café", "cafe"),
            ("my---t", "my___t"),
            ("a   b", "a_b"),
            ("北京", "__"),
            ("1foo", "_1foo"),
            ("Mixed Case", "Mixed_Case"),
        ] {
            assert_eq!(postgres(name), expected, "{name}");
        }
        let long = postgres(&"a".repeat(80));
        assert!(long.len() <= 63 && long.starts_with(&"a".repeat(54)), "{long}");
    }

    #[test]
    fn tables_are_named_as_the_connector_names_them() {
        let mut groups: indexmap::IndexMap<String, Vec<serde_json::Value>> = indexmap::IndexMap::new();
        for (number, line) in include_str!("../tests/it/postgres_names.jsonl").lines().enumerate() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let group = case["group"].as_str().map_or_else(|| number.to_string(), str::to_owned);
            groups.entry(group).or_default().push(case);
        }
        assert!(groups.len() > 30);
        for cases in groups.values() {
            let text = |case: &serde_json::Value, name: &str| case[name].as_str().map(str::to_owned);
            let streams: Vec<(String, String)> = cases
                .iter()
                .map(|case| {
                    let definition = text(case, "namespace_definition").unwrap();
                    let format = text(case, "namespace_format");
                    let source = text(case, "source_namespace");
                    let namespace = namespace(&definition, format.as_deref(), source.as_deref());
                    let stream = prefixed(text(case, "prefix").as_deref(), case["stream"].as_str().unwrap());
                    (namespace.unwrap_or_else(|| text(case, "default_schema").unwrap()), stream)
                })
                .collect();
            let tables = match cases[0]["raw"].as_bool() {
                Some(true) => postgres_raw_tables("airbyte_internal", &streams),
                _ => postgres_tables(&streams),
            };
            for (case, (schema, table)) in cases.iter().zip(tables) {
                assert_eq!(
                    (Some(schema), Some(table)),
                    (text(case, "schema"), text(case, "table")),
                    "{case}"
                );
            }
        }
    }

    #[test]
    fn two_streams_never_share_a_table() {
        let tables = postgres_tables(&[("public".into(), "a b".into()), ("public".into(), "a-b".into())]);
        assert_eq!(tables[0].1, "a_b");
        assert!(tables[1].1.starts_with("a_b_") && tables[1].1.len() == 7, "{tables:?}");
        let raw = postgres_raw_tables("R", &[("a".into(), "B".into()), ("A".into(), "b".into())]);
        assert_eq!(raw[0], ("r".to_owned(), "a_raw__stream_b".to_owned()));
        assert!(raw[1].1.starts_with("a_raw__stream_b_") && raw[1] != raw[0], "{raw:?}");
        assert_eq!(
            postgres_columns(["Foo.Bar", "foo_bar", "FOO-BAR"].into_iter()),
            ["Foo_Bar", "foo_bar_1", "FOO_BAR_2"]
        );
    }

    #[test]
    fn a_temporary_table_has_a_name_that_postgresql_takes_as_it_is() {
        let lengths =
            |schema: usize, table: usize| postgres_temporary(&"s".repeat(schema), &"t".repeat(table)).len();
        assert_eq!((lengths(6, 5), lengths(15, 16)), (43, 63));
        assert_eq!((lengths(16, 16), lengths(63, 63)), (63, 63));
    }

    #[test]
    fn the_platform_maps_namespaces_before_the_connector() {
        assert_eq!(namespace("destination", None, Some("public")), None);
        assert_eq!(namespace("source", None, Some("public")).as_deref(), Some("public"));
        assert_eq!(namespace("custom_format", Some("x_${SOURCE_NAMESPACE}"), None).as_deref(), Some("x_"));
        assert_eq!(namespace("custom_format", Some("${SOURCE_NAMESPACE}"), None), None);
        assert_eq!(prefixed(Some("  "), "users"), "users");
        assert_eq!(prefixed(Some("raw_"), "users"), "raw_users");
    }
}
