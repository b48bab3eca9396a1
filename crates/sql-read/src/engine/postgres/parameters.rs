//! Parameters of a JDBC address, as far as they mean something to a reader that is not the JDBC driver.

use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use crate::error::{Error, Result};

/// What the parameters say.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub connect_limit: Option<Duration>,
    pub keep_alive: Option<bool>,
    pub longest_silence: Option<Duration>,
    pub application_name: Option<String>,
    pub negotiation: Option<SslNegotiation>,
    pub channel_binding: Option<ChannelBinding>,
    /// Settings of the server, by name.
    pub settings: Vec<(String, String)>,
    pub warnings: Vec<String>,
}

/// What a reader has no use for, or does by itself: speed of the other driver, and what it writes.
const WITHOUT_MEANING: &[&str] = &[
    "adaptiveFetch",
    "adaptiveFetchMaximum",
    "adaptiveFetchMinimum",
    "assumeMinServerVersion",
    "autosave",
    "binaryTransfer",
    "cleanupSavepoints",
    "databaseMetadataCacheFields",
    "databaseMetadataCacheFieldsMiB",
    "defaultRowFetchSize",
    "disableColumnSanitiser",
    "enableFetchRingBuffer",
    "fetchRingBufferSize",
    "loggerLevel",
    "logUnclosedConnections",
    "maxResultBuffer",
    "preferQueryMode",
    "preparedStatementCacheQueries",
    "preparedStatementCacheSizeMiB",
    "prepareThreshold",
    "readOnly",
    "readOnlyMode",
    "receiveBufferSize",
    "reWriteBatchedInserts",
    "reWriteBatchedInsertsSize",
    "sendBufferSize",
    "stringtype",
];

/// Reads `name=value&name=value`.
pub(super) fn parse(text: &str) -> Result<Parameters> {
    let mut parameters = Parameters::default();
    for (name, value) in url::form_urlencoded::parse(text.trim_start_matches('?').as_bytes()) {
        let seconds = value.parse::<u64>().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
        match name.as_ref() {
            "connectTimeout" | "loginTimeout" if value.parse::<u64>().is_ok() => {
                parameters.connect_limit = seconds.or(parameters.connect_limit);
            }
            "socketTimeout" if value.parse::<u64>().is_ok() => parameters.longest_silence = seconds,
            "tcpKeepAlive" => parameters.keep_alive = Some(value == "true"),
            "ApplicationName" => parameters.application_name = Some(value.into_owned()),
            "currentSchema" => parameters.settings.push(("search_path".to_owned(), value.into_owned())),
            "options" => parameters.settings.extend(options(&value)?),
            "sslNegotiation" if value == "direct" => parameters.negotiation = Some(SslNegotiation::Direct),
            "sslNegotiation" if value == "postgres" => {}
            "channelBinding" if value == "require" => {
                parameters.channel_binding = Some(ChannelBinding::Require);
            }
            "channelBinding" if value == "disable" => {
                parameters.channel_binding = Some(ChannelBinding::Disable);
            }
            "channelBinding" if value == "prefer" => {}
            known if WITHOUT_MEANING.contains(&known) => {}
            "" => {}
            _ => {
                parameters
                    .warnings
                    .push(format!("the JDBC parameter `{name}` of the destination has no effect here"));
            }
        }
    }
    Ok(parameters)
}

/// Reads `-c name=value --name=value`, where a backslash keeps the next character as it is.
fn options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            space if space.is_ascii_whitespace() => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next().unwrap_or_default(),
            Some(setting) => setting.to_owned(),
            None => String::new(),
        };
        let Some((name, value)) = setting.split_once('=') else {
            return Err(Error::invalid(format!(
                "the JDBC parameter `options` holds `{word}`, which sets nothing"
            ))
            .with_hint("write it as `-c name=value`"));
        };
        settings.push((name.trim().replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_taken_over_and_the_rest_is_named() {
        let parameters = parse(
            "?connectTimeout=7&loginTimeout=0&socketTimeout=90&tcpKeepAlive=true&ApplicationName=nightly&prepareThreshold=0\
             &currentSchema=a,b&options=-c%20statement_timeout%3D5min%20--search-path%3Da%5C%20b&sslNegotiation=direct\
             &channelBinding=require&socketFactory=x&targetServerType=primary&connectTimeout=soon",
        )
        .unwrap();
        assert_eq!(parameters.connect_limit, Some(Duration::from_secs(7)));
        assert_eq!(parameters.longest_silence, Some(Duration::from_secs(90)));
        assert_eq!(parameters.keep_alive, Some(true));
        assert_eq!(parameters.application_name.as_deref(), Some("nightly"));
        assert_eq!(parameters.negotiation, Some(SslNegotiation::Direct));
        assert_eq!(parameters.channel_binding, Some(ChannelBinding::Require));
        let settings: Vec<_> =
            parameters.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(settings, [("search_path", "a,b"), ("statement_timeout", "5min"), ("search_path", "a b")]);
        let named = ["socketFactory", "targetServerType", "connectTimeout"];
        assert_eq!(parameters.warnings.len(), named.len());
        for (warning, name) in parameters.warnings.iter().zip(named) {
            assert!(warning.contains(name), "{warning}");
        }
    }

    #[test]
    fn options_that_set_nothing_are_refused() {
        for wrong in ["nonsense", "-c", "-c statement_timeout", "--"] {
            assert!(options(wrong).is_err(), "{wrong}");
        }
        assert_eq!(options("  ").unwrap(), []);
    }
}
