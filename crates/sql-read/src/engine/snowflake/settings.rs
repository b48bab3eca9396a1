//! What the destination's configuration says about the way to the service.

use serde_json::{Map, Value, json};
use url::Url;

use super::credentials::Credentials;
use crate::destination::Destination;
use crate::error::{Error, Result};

/// Bytes of a part of a result before it is compressed, in MB: the least that the service takes. Memory grows with it.
const CHUNK_MEGABYTES: u32 = 16;
/// Who asks, as the service's own list of sessions and queries shows it.
pub(super) const APPLICATION: &str = "airbyte-sql-read";

/// Fields that say how data is written, or how tables are named, which is looked at elsewhere.
const OF_THE_WRITER: [&str; 8] = [
    "cdc_deletion_mode",
    "destinationType",
    "disable_type_dedupe",
    "number_data_type",
    "raw_data_schema",
    "retention_period_days",
    "schema",
    "use_merge_for_upsert",
];
/// Fields that are read here.
const READ: [&str; 8] =
    ["credentials", "database", "host", "jdbc_url_params", "password", "role", "username", "warehouse"];

/// Parameters of the JDBC driver that are about itself and not about the session.
const OF_THE_DRIVER: [&str; 16] = [
    "allowUnderscoresInHost",
    "application",
    "authenticator",
    "client_session_keep_alive",
    "disableOCSPChecks",
    "enablePutGet",
    "insecureMode",
    "loginTimeout",
    "maxHttpRetries",
    "networkTimeout",
    "ocspFailOpen",
    "passcode",
    "passcodeInPassword",
    "queryTimeout",
    "ssl",
    "tracing",
];

/// The way to the service. It holds secrets, so it has no `Debug`.
pub(super) struct Settings {
    /// Scheme, host and port.
    pub root: Url,
    /// The account without its region, as tokens name it.
    pub account: String,
    pub user: Option<String>,
    pub credentials: Credentials,
    pub role: Option<String>,
    pub warehouse: Option<String>,
    pub database: String,
    pub schema: Option<String>,
    /// Parameters of the session.
    pub parameters: Map<String, Value>,
}

impl Settings {
    /// Reads the configuration; also tells what of it has no effect here.
    pub(super) fn new(destination: &Destination) -> Result<(Self, Vec<String>)> {
        let text = |name: &str| {
            let value = destination.field(name).and_then(Value::as_str);
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let root = root(destination.required_text("host")?)?;
        let mut warnings = Vec::new();
        if root.scheme() == "http" && !is_local(&root) {
            warnings
                .push("the host is reached over plain HTTP: everybody on the way can read along".to_owned());
        }
        let given = destination.configuration().iter().filter(|(_, value)| !value.is_null());
        for name in given.map(|(name, _)| name.as_str()) {
            if !READ.contains(&name) && !OF_THE_WRITER.contains(&name) {
                warnings.push(format!("the field `{name}` of the destination has no effect here"));
            }
        }
        let credentials = Credentials::new(destination)?;
        let user = text("username");
        if user.is_none() && credentials.need_a_user() {
            return Err(Error::invalid("the configuration of this snowflake destination lacks `username`"));
        }
        let mut settings = Self {
            account: account(&root),
            root,
            user,
            credentials,
            role: text("role"),
            warehouse: text("warehouse"),
            database: destination.required_text("database")?.to_owned(),
            schema: text("schema"),
            parameters: parameters(),
        };
        if let Some(given) = text("jdbc_url_params") {
            settings.take_url_parameters(&given, &mut warnings);
        }
        Ok((settings, warnings))
    }

    /// Whether the service is on this machine: an emulator.
    pub(super) fn is_local(&self) -> bool {
        is_local(&self.root)
    }

    /// The connector hands these to its driver, which takes what it does not know for parameters of the session.
    fn take_url_parameters(&mut self, given: &str, warnings: &mut Vec<String>) {
        let fixed = parameters();
        for (name, value) in url::form_urlencoded::parse(given.as_bytes()) {
            let upper = name.to_ascii_uppercase();
            let fits = |known: &&str| known.eq_ignore_ascii_case(&name);
            match upper.as_str() {
                "ROLE" => self.role = Some(value.into_owned()),
                "WAREHOUSE" => self.warehouse = Some(value.into_owned()),
                // The reader names databases and schemas in full.
                "DB" | "SCHEMA" => {}
                "CLIENT_RESULT_CHUNK_SIZE" | "QUERY_TAG" => {
                    let value = value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number));
                    self.parameters.insert(upper, value);
                }
                _ if fixed.contains_key(&upper) || OF_THE_DRIVER.iter().any(fits) => {
                    warnings
                        .push(format!("the JDBC parameter `{name}` of the destination has no effect here"));
                }
                _ => {
                    let value = match value.as_ref() {
                        "true" => json!(true),
                        "false" => json!(false),
                        text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
                    };
                    self.parameters.insert(upper, value);
                }
            }
        }
    }
}

/// What every session has, whatever the user or the account has set: names that mean what they say, times that do not
/// depend on a zone, texts that lose nothing.
fn parameters() -> Map<String, Value> {
    let json = json!({
        "AUTOCOMMIT": true,
        "BINARY_OUTPUT_FORMAT": "HEX",
        "CLIENT_RESULT_CHUNK_SIZE": CHUNK_MEGABYTES,
        "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
        "GEOGRAPHY_OUTPUT_FORMAT": "GeoJSON",
        "GEOMETRY_OUTPUT_FORMAT": "GeoJSON",
        // The setting goes by the driver that asks; see `CLIENT` of the session.
        "GO_QUERY_RESULT_FORMAT": "ARROW",
        "JSON_INDENT": 0,
        "MULTI_STATEMENT_COUNT": 1,
        "QUERY_TAG": APPLICATION,
        "QUOTED_IDENTIFIERS_IGNORE_CASE": false,
        // Else an account that limits what its people are shown would limit what is read.
        "ROWS_PER_RESULTSET": 0,
        "STRICT_JSON_OUTPUT": true,
        "TIMESTAMP_LTZ_OUTPUT_FORMAT": "YYYY-MM-DD\"T\"HH24:MI:SS.FF9TZH:TZM",
        "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD\"T\"HH24:MI:SS.FF9",
        "TIMESTAMP_TZ_OUTPUT_FORMAT": "YYYY-MM-DD\"T\"HH24:MI:SS.FF9TZH:TZM",
        "TIMEZONE": "UTC",
        "TIME_OUTPUT_FORMAT": "HH24:MI:SS.FF9",
    });
    match json {
        Value::Object(parameters) => parameters,
        _ => Map::new(),
    }
}

/// The address of a host that may have a scheme and a port, and that some write with a path.
fn root(host: &str) -> Result<Url> {
    let host = host.trim();
    let with_scheme = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let wrong = || {
        Error::invalid("`host` of the destination is not the name of a host").with_hint(
            "write it as account.region.snowflakecomputing.com, or as http://127.0.0.1:PORT for an emulator",
        )
    };
    let mut root = Url::parse(&with_scheme).map_err(|_| wrong())?;
    let usable = matches!(root.scheme(), "http" | "https")
        && root.host_str().is_some_and(|host| !host.is_empty())
        && root.username().is_empty()
        && root.password().is_none();
    if !usable {
        return Err(wrong());
    }
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    Ok(root)
}

fn is_local(root: &Url) -> bool {
    match root.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The account that a host belongs to, without region and cloud.
fn account(root: &Url) -> String {
    let host = root.host_str().unwrap_or_default();
    let mut parts = host.split('.');
    let first = parts.next().unwrap_or_default();
    let account = match parts.next() {
        // `account-suffix.global`: the suffix is not part of the name.
        Some("global") => first.rsplit_once('-').map_or(first, |(account, _)| account),
        _ => first,
    };
    account.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(configuration: &Value) -> Result<(Settings, Vec<String>)> {
        let mut whole = json!({
            "host": "acme-prod.snowflakecomputing.com", "username": "reader", "database": "LAKE", "schema": "public",
            "warehouse": "WH", "role": "R", "credentials": {"auth_type": "Username and Password", "password": "p"},
        });
        for (name, value) in configuration.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let form = json!({"destinationType": "snowflake", "configuration": whole});
        Settings::new(&Destination::from_json(&form).unwrap())
    }

    #[test]
    fn a_host_may_have_a_scheme_a_port_and_a_path() {
        for (host, expected) in [
            ("xy1.eu-central-1.snowflakecomputing.com", "https://xy1.eu-central-1.snowflakecomputing.com/"),
            (" https://xy1.snowflakecomputing.com/console#/ ", "https://xy1.snowflakecomputing.com/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            (
                "snowflake.localhost.localstack.cloud:4566",
                "https://snowflake.localhost.localstack.cloud:4566/",
            ),
        ] {
            assert_eq!(root(host).unwrap().as_str(), expected);
        }
        for host in ["ftp://xy1", "https://", "a b", "https://user:word@xy1"] {
            let error = root(host).unwrap_err();
            assert!(!error.to_string().contains("word"), "{error}");
        }
    }

    #[test]
    fn the_account_is_the_first_part_of_the_host() {
        for (host, expected) in [
            ("xy1.eu-central-1.aws.snowflakecomputing.com", "XY1"),
            ("acme-prod.privatelink.snowflakecomputing.com", "ACME-PROD"),
            ("acme-xyz.global.snowflakecomputing.com", "ACME"),
        ] {
            assert_eq!(account(&root(host).unwrap()), expected);
        }
    }

    #[test]
    fn parameters_of_the_url_go_to_the_session_unless_the_reader_depends_on_them() {
        let given = "role=OTHER&timezone=Asia/Tokyo&tracing=ALL&statement_timeout_in_seconds=60&CLIENT_RESULT_CHUNK_SIZE=48";
        let (settings, warnings) = read(&json!({"jdbc_url_params": given, "new_field": 1})).unwrap();
        assert_eq!(settings.role.as_deref(), Some("OTHER"));
        assert_eq!(settings.parameters["TIMEZONE"], "UTC");
        assert_eq!(settings.parameters["ROWS_PER_RESULTSET"], 0);
        assert_eq!(settings.parameters["STATEMENT_TIMEOUT_IN_SECONDS"], 60);
        assert_eq!(settings.parameters["CLIENT_RESULT_CHUNK_SIZE"], 48);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        for name in ["new_field", "timezone", "tracing"] {
            assert!(warnings.iter().any(|warning| warning.contains(&format!("`{name}`"))), "{warnings:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_plain_http_is_warned_of() {
        let error = read(&json!({"username": null})).err().unwrap();
        assert!(error.to_string().contains("`username`"), "{error}");
        let (_, warnings) = read(&json!({"host": "http://db.example.com"})).unwrap();
        assert!(warnings[0].contains("plain HTTP"), "{warnings:?}");
        assert!(read(&json!({"host": "http://[::1]:99"})).unwrap().1.is_empty());
    }
}
