//! From candidates to a table that is really there.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::naming::{Candidate, Layout, is_temporary};

/// A table or view of the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TableName {
    pub schema: String,
    pub table: String,
}

/// Where a stream's data is, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Located {
    /// The schema; empty in databases without schemas.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Whether the table is there. If not, schema and table are the first place that was looked at.
    pub exists: bool,
    /// What the table looks like.
    pub layout: Layout,
    /// The places that were looked at, in order.
    pub tried: Vec<Candidate>,
}

/// Compares the candidates with the database's own catalogue: exactly first; without regard to case last, and only
/// if that fits one table alone. What is claimed by another stream is not this one's.
pub(crate) fn locate(
    candidates: Vec<Candidate>,
    present: &[TableName],
    claimed: &HashSet<TableName>,
) -> Option<Located> {
    let is = |name: &TableName, place: &Candidate| name.schema == place.schema && name.table == place.table;
    let own = candidates.first();
    let free: Vec<&TableName> = present
        .iter()
        .filter(|name| !claimed.contains(*name) || own.is_some_and(|own| is(name, own)))
        .collect();
    let exact = candidates.iter().find_map(|candidate| {
        free.iter().find(|name| is(name, candidate)).map(|name| (candidate.layout, *name))
    });
    let folded = || {
        let fold = |schema: &str, table: &str| (schema.to_lowercase(), table.to_lowercase());
        let streams: Vec<_> = free
            .iter()
            .filter(|name| !is_temporary(&name.table))
            .map(|name| (fold(&name.schema, &name.table), *name))
            .collect();
        candidates.iter().find_map(|candidate| {
            let wanted = fold(&candidate.schema, &candidate.table);
            let mut alike = streams.iter().filter(|(folded, _)| *folded == wanted);
            match (alike.next(), alike.next()) {
                (Some((_, only)), None) => Some((candidate.layout, *only)),
                _ => None,
            }
        })
    };
    if let Some((layout, name)) = exact.or_else(folded) {
        let (schema, table) = (name.schema.clone(), name.table.clone());
        return Some(Located { schema, table, exists: true, layout, tried: candidates });
    }
    let first = candidates.first()?;
    let (schema, table, layout) = (first.schema.clone(), first.table.clone(), first.layout);
    Some(Located { schema, table, exists: false, layout, tried: candidates })
}

/// Says where the stream's table was looked for, and what is there instead.
pub(crate) fn not_found(stream: &str, tried: &[Candidate], present: &[TableName]) -> Error {
    let shown = |schema: &str, table: &str| {
        if schema.is_empty() { table.to_owned() } else { format!("{schema}.{table}") }
    };
    let places: Vec<_> = tried.iter().map(|candidate| shown(&candidate.schema, &candidate.table)).collect();
    let mut nearest: Vec<(f64, String)> = present
        .iter()
        .filter(|name| !is_temporary(&name.table))
        .map(|name| {
            let likeness = tried
                .iter()
                .map(|candidate| {
                    strsim::jaro_winkler(&candidate.table.to_lowercase(), &name.table.to_lowercase())
                })
                .fold(0.0, f64::max);
            (likeness, shown(&name.schema, &name.table))
        })
        .collect();
    nearest.sort_by(|one, other| other.0.total_cmp(&one.0));
    let count = nearest.len();
    let some: Vec<_> = nearest.into_iter().take(5).map(|(_, name)| name).collect();
    let hint = match (count, some.as_slice()) {
        (0, _) => "the destination holds no tables there; has the connection been synced yet?".to_owned(),
        (_, names) if count > names.len() => {
            format!("{count} tables are there, the nearest are {}", names.join(", "))
        }
        (_, names) => format!("the tables there are {}", names.join(", ")),
    };
    Error::new(
        ErrorKind::StreamNotFound,
        format!("the stream `{stream}` is not in the destination: looked for {}", places.join(", ")),
    )
    .with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &str) -> TableName {
        TableName { schema: "public".into(), table: table.into() }
    }

    /// With what streams of the connection come to first.
    fn find_beside(claimed: &[&str], candidates: &[&str], present: &[&str]) -> Option<String> {
        let candidates =
            candidates.iter().map(|table| Candidate::new("public", *table, Layout::Typed)).collect();
        let present: Vec<_> = present.iter().map(|table| name(table)).collect();
        let claimed = claimed.iter().map(|table| name(table)).collect();
        locate(candidates, &present, &claimed).filter(|located| located.exists).map(|located| located.table)
    }

    fn find(candidates: &[&str], present: &[&str]) -> Option<String> {
        find_beside(&[], candidates, present)
    }

    #[test]
    fn an_exact_name_wins_over_one_in_another_case() {
        assert_eq!(find(&["Users", "users_old"], &["users", "users_old"]).as_deref(), Some("users_old"));
        assert_eq!(find(&["Users"], &["users", "Users"]).as_deref(), Some("Users"));
    }

    #[test]
    fn without_case_only_a_single_table_counts() {
        assert_eq!(find(&["USERS"], &["users"]).as_deref(), Some("users"));
        assert_eq!(find(&["USERS"], &["users", "Users"]), None);
        assert_eq!(find(&["CAFÉ"], &["café"]).as_deref(), Some("café"));
    }

    #[test]
    fn the_table_of_another_stream_is_taken_neither_for_an_older_name_nor_without_case() {
        let claimed = ["users", "Users"];
        assert_eq!(find_beside(&claimed, &["Users", "users"], &["users"]), None);
        assert_eq!(find_beside(&claimed, &["Users"], &["users"]), None);
        assert_eq!(find_beside(&claimed, &["users"], &["users"]).as_deref(), Some("users"));
        // Both may have one name, where the connector lets them share a table.
        assert_eq!(find_beside(&["users"], &["users"], &["users"]).as_deref(), Some("users"));
        assert_eq!(find_beside(&claimed, &["Users", "users"], &["USERS"]).as_deref(), Some("USERS"));
    }

    #[test]
    fn a_table_of_a_running_sync_is_taken_for_a_stream_by_its_whole_name_alone() {
        let like_a_digest = "snapshot0123456789abcdef0123456789abcdef";
        assert_eq!(find(&[like_a_digest], &[like_a_digest]).as_deref(), Some(like_a_digest));
        assert_eq!(find(&[&like_a_digest.to_uppercase()], &[like_a_digest]), None);
    }

    #[test]
    fn a_miss_tells_what_was_tried_and_what_is_near() {
        let tried = vec![Candidate::new("public", "user", Layout::Typed)];
        let error = not_found("user", &tried, &[name("users"), name("orders")]);
        assert_eq!(error.kind(), ErrorKind::StreamNotFound);
        assert!(error.to_string().contains("public.user"), "{error}");
        assert!(error.hint().unwrap().starts_with("the tables there are public.users"), "{:?}", error.hint());
    }
}
