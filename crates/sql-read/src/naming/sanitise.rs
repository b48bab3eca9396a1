//! The rules that several connectors share.

use sha1::{Digest, Sha1};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Accents are stripped, each run of ASCII blanks and every other character outside of `[A-Za-z0-9_]` becomes `_`.
pub(super) fn alphanumeric_and_underscore(name: &str) -> String {
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

/// What the names of a field have in common, whichever connector has made a column's name of it.
pub(crate) fn loosely(name: &str) -> String {
    no_leading_digit(alphanumeric_and_underscore(name).to_lowercase())
}

/// A name that may not begin with a digit gets `_` in front of one.
pub(super) fn no_leading_digit(mut name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// A name longer than `limit` is cut, and ends in `_` and the last eight characters of its hash.
pub(super) fn shortened(name: String, limit: usize, hash: fn(i32) -> String) -> String {
    // Only ASCII is left by now, so that bytes are characters.
    if name.len() <= limit {
        return name;
    }
    let hash = hash(java_hash_code(&name));
    format!("{}_{}", &name[..limit - 9], &hash[hash.len().saturating_sub(8)..])
}

/// The name of a raw table: the underscores in the middle are one more than any run of them beside.
pub(super) fn raw_table(namespace: &str, stream: &str) -> String {
    let joined = format!("{namespace}{stream}");
    let longest = joined.split(|c| c != '_').map(str::len).max().unwrap_or_default().max(1);
    format!("{namespace}_raw{}stream_{stream}", "_".repeat(longest + 1))
}

/// The name of a raw table of old versions, before the connector's own rule.
pub(super) fn raw_table_v1(stream: &str) -> String {
    format!("_airbyte_raw_{stream}")
}

/// What is appended to a stream's name when another stream of the sync has taken its table.
pub(super) fn collision_suffix(schema: &str, stream: &str) -> String {
    let digest = Sha1::digest(format!("{schema}&airbyte&{stream}"));
    format!("_{:02x}{:x}", digest[0], digest[1] >> 4)
}

/// Java's `String.hashCode()`.
fn java_hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash, unit| i32::wrapping_add(hash.wrapping_mul(31), i32::from(unit)))
}

/// Whether a table is one that a running sync writes to before it swaps: its name ends in 32 hexadecimal digits, or
/// in a suffix that older connectors used.
pub(crate) fn is_temporary(table: &str) -> bool {
    let ends_in_digest = |digit: fn(u8) -> bool| {
        let digits = table.bytes().rev().take_while(|byte| digit(*byte)).count();
        // PostgreSQL cuts the longest of these names by one.
        (digits >= 32 && table.len() > 32) || (digits == 31 && table.len() == 63)
    };
    let lower = table.to_ascii_lowercase();
    ends_in_digest(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        || ends_in_digest(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
        || lower.ends_with("_airbyte_tmp")
        || lower.ends_with("_ab_soft_reset")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_names_keep_namespace_and_stream_apart() {
        assert_eq!(raw_table("public", "users"), "public_raw__stream_users");
        assert_eq!(raw_table("a_", "_b"), "a__raw___stream__b");
    }

    #[test]
    fn characters_are_replaced_as_the_connectors_do() {
        for (name, clean) in
            [("café", "cafe"), ("my---t", "my___t"), ("a   b", "a_b"), ("北京", "__"), ("ﬁ①", "fi1")]
        {
            assert_eq!(alphanumeric_and_underscore(name), clean);
        }
    }

    #[test]
    fn a_column_is_known_by_its_field_in_whatever_form() {
        for (field, column) in [
            ("id", "ID"),
            ("Order Id", "order_id"),
            ("Order Id", "ORDER ID"),
            ("1st", "_1st"),
            ("prénom", "prenom"),
        ] {
            assert_eq!(loosely(field), loosely(column));
        }
        assert_ne!(loosely("id"), loosely("id_"));
    }

    #[test]
    fn a_long_name_ends_in_the_last_characters_of_its_hash() {
        let decimal = |hash: i32| hash.to_string();
        assert_eq!(shortened("abc".into(), 3, decimal), "abc");
        // 31^2 * 97 + 31 * 98 + 99 of Java's rule, and so on.
        assert_eq!(java_hash_code("abc"), 96_354);
        assert_eq!(shortened("a".repeat(10), 10, decimal), "a".repeat(10));
        // A hash of few digits is taken whole, with its sign.
        assert_eq!(shortened("a".repeat(11), 10, |_| "-42".into()), "a_-42");
    }

    #[test]
    fn temporary_tables_are_told_from_streams() {
        assert!(is_temporary("publicusers0123456789abcdef0123456789abcdef"));
        assert!(is_temporary("PUBLICUSERS0123456789ABCDEF0123456789ABCDEF"));
        let long = "analytics_produccustomer_purchs0123456789abcdef0123456789abcde";
        assert!(is_temporary(&format!("x{long}")) && !is_temporary(long));
        assert!(is_temporary("users_airbyte_tmp") && is_temporary("USERS_AB_SOFT_RESET"));
        assert!(!is_temporary("users") && !is_temporary("deadbeef") && !is_temporary(&"a".repeat(32)));
        // Digests are of one case.
        assert!(!is_temporary("users0123456789abcdef0123456789ABCDEF"));
    }
}
