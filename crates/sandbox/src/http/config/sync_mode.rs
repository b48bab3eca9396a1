//! Sync modes: one name in the public API, a pair of names here.

/// The names that the public API has none for, as pairs that may be stored all the same.
const SOURCE: &[&str] = &["full_refresh", "incremental"];
const DESTINATION: &[&str] =
    &["append", "overwrite", "append_dedup", "overwrite_dedup", "update", "soft_delete"];

use crate::http::Refusal;
use crate::http::request::Body;

/// The pair of a stored mode: how the source is read, how the destination is written.
pub(super) fn pair(mode: &str) -> (&str, &str) {
    match mode {
        "incremental_deduped_history" => ("incremental", "append_dedup"),
        "full_refresh_overwrite_deduped" => ("full_refresh", "overwrite_dedup"),
        _ => SOURCE
            .iter()
            .find_map(|source| Some((*source, mode.strip_prefix(source)?.strip_prefix('_')?)))
            .unwrap_or(("full_refresh", "overwrite")),
    }
}

/// The stored mode of a stream's configuration.
pub(super) fn of(config: &Body) -> Result<String, Refusal> {
    let member = |name: &str, known: &[&'static str]| {
        config
            .one_of(name, known)?
            .ok_or_else(|| Refusal::Framework(format!("Required property `{name}` of a stream is missing")))
    };
    Ok(match (member("syncMode", SOURCE)?, member("destinationSyncMode", DESTINATION)?) {
        ("incremental", "append_dedup") => "incremental_deduped_history".to_owned(),
        ("full_refresh", "overwrite_dedup") => "full_refresh_overwrite_deduped".to_owned(),
        (source, destination) => format!("{source}_{destination}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_pair_is_given_back() {
        for source in SOURCE {
            for destination in DESTINATION {
                let config = Body(json!({"syncMode": source, "destinationSyncMode": destination}));
                assert_eq!(pair(&of(&config).unwrap()), (*source, *destination));
            }
        }
        let wrong = Body(json!({"syncMode": "sometimes", "destinationSyncMode": "append"}));
        assert!(of(&wrong).is_err());
    }
}
