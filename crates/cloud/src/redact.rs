//! Keeping secrets out of texts that come from elsewhere.

use std::sync::LazyLock;

use regex_lite::Regex;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::secret_mask::MASK;

/// More of a text than this is never shown.
const LONGEST_TEXT: usize = 500;
/// Taking out shorter ones would turn the text into noise without protecting anything.
const SHORTEST_SECRET: usize = 4;

/// Whether a field of a connector's configuration holds a secret, by its name. The APIs write names in both ways, as
/// `api_key` and as `apiKey`. This is how secrets are kept out of differences, errors and exported files, so it rather says
/// yes once too often.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['_', '-'], "");
    // What mappers encrypt and hash with has no longer names.
    if matches!(name.as_str(), "key" | "salt") {
        return true;
    }
    [
        "accesskey",
        "accountkey",
        "apikey",
        "clientkey",
        "connectionstring",
        "credential",
        "hmackey",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "secret",
        "serviceaccount",
        "sharedaccesssignature",
        "sharedkey",
        "sshkey",
        "token",
        "webhook",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// The value with a mask for each member whose name says that it is secret.
pub(crate) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let shown = |(name, value): (&String, &Value)| {
                let hidden = is_secret_name(name) && !value.is_null();
                (name.clone(), if hidden { Value::from(MASK) } else { without_secrets(value) })
            };
            Value::Object(members.iter().map(shown).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        other => other.clone(),
    }
}

/// Takes secrets out of text, and limits its length.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<SecretString>,
}

impl Redactor {
    /// A redactor that knows these secrets literally, besides what looks like one.
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.add(secret.expose_secret());
        }
        redactor.sort();
        redactor
    }

    /// Adds a secret as it is, and as it is quoted in JSON, in a text within JSON, and in an address.
    fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        let in_json = |text: &str| {
            let quoted = Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        };
        let quoted = in_json(secret);
        let twice = in_json(&quoted);
        let in_form = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
        let in_path = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
        let forms = [twice, quoted, in_form, in_path.to_string(), secret.to_owned()];
        self.secrets.extend(forms.map(SecretString::from));
    }

    /// The longest first: the others may be parts of it.
    fn sort(&mut self) {
        self.secrets.sort_by(|a, b| {
            let (a, b) = (a.expose_secret(), b.expose_secret());
            b.len().cmp(&a.len()).then_with(|| a.cmp(b))
        });
        self.secrets.dedup_by(|a, b| a.expose_secret() == b.expose_secret());
    }

    /// The same redactor with the secrets of a request's body, in case the server quotes them back.
    pub(crate) fn with_body(mut self, body: &Value) -> Self {
        self.collect(body, false);
        self.sort();
        self
    }

    fn collect(&mut self, value: &Value, secret: bool) {
        match value {
            Value::String(text) if secret => self.add(text),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, secret)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.collect(value, secret || is_secret_name(name));
                }
            }
            _ => {}
        }
    }

    /// The text on one line, without secrets, not longer than fits an error message.
    pub(crate) fn clean(&self, text: &str) -> String {
        static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            [
                // A JSON web token, wherever it stands.
                (r"eyJ[A-Za-z0-9_-]{5,}(\.[A-Za-z0-9_-]*)*", "***"),
                (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", "$1 ***"),
                // user:password@ in an address
                (r"://[^/\s@]+@", "://***@"),
                // "password": "..." and password=...
                (
                    r#"(?i)((?:password|passwd|secret|token|api_?key|private_?key|credentials?)[a-z_]*(?:\\?["'])?\s*[:=]\s*)(\\?"[^"\\]*(?:\\?")?|'[^']*'?|[^\s,;&}]+)"#,
                    "$1***",
                ),
            ]
            .into_iter()
            .filter_map(|(pattern, with)| Regex::new(pattern).ok().map(|pattern| (pattern, with)))
            .collect()
        });
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose_secret(), "***");
        }
        for (pattern, replacement) in PATTERNS.iter() {
            text = pattern.replace_all(&text, *replacement).into_owned();
        }
        let line = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        match line.char_indices().nth(LONGEST_TEXT) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn clean(text: &str) -> String {
        Redactor::default().clean(text)
    }

    #[test]
    fn secrets_do_not_survive() {
        let redactor = Redactor::new([SecretString::from("s3cr3t-value"), SecretString::from("x")]);
        let text = redactor.clean(
            r#"got s3cr3t-value, Bearer abcdef123456, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig,
            {\"password\": \"hunter2\", \"client_secret\":\"abc\"} {"token": "def"} api_key=k1 https://me:pw@host/x"#,
        );
        for secret in ["s3cr3t-value", "abcdef123456", "eyJ", "hunter2", "abc", "def", "k1", "me:pw"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.starts_with("got ***, Bearer ***"), "{text}");
        assert!(text.ends_with("host/x"), "the rest stays: {text}");
    }

    #[test]
    fn secrets_of_the_request_are_known() {
        let body = json!({ "configuration": {
            "host": "db.example", "password": "correct horse", "tunnel": { "credentials": [{ "key": "battery" }] },
        } });
        let text = Redactor::default().with_body(&body).clean("db.example refused correct horse and battery");
        assert_eq!(text, "db.example refused *** and ***");
    }

    #[test]
    fn a_secret_that_begins_as_another_one_leaves_nothing_of_itself() {
        let body = json!({ "password": "admin", "tunnel_user_password": "admin2024!" });
        let redactor = Redactor::new([SecretString::from("admin20")]).with_body(&body);
        assert_eq!(redactor.clean("neither admin2024! nor admin works"), "neither *** nor *** works");
    }

    #[test]
    fn a_secret_is_found_as_others_quote_it() {
        let secret = r#"a"b\c/d e%f"#;
        let redactor = Redactor::new([SecretString::from(secret)]);
        let quoted = Value::from(secret).to_string();
        for text in [
            secret.to_owned(),
            quoted.clone(),
            Value::from(quoted).to_string(),
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        ] {
            let clean = redactor.clean(&format!("no good: {text}, sorry"));
            assert!(!clean.contains("d e") && !clean.contains("d+e") && clean.contains("***"), "{clean}");
        }
    }

    #[test]
    fn long_and_odd_text_is_tamed() {
        assert!(clean(&"word ".repeat(10_000)).len() <= LONGEST_TEXT + 3);
        assert_eq!(clean("  a\n\nb\u{7}c "), "a b c");
    }

    #[test]
    fn ordinary_sentences_stay_as_they_are() {
        for text in ["Invalid client id or token", "the password is wrong", "No streams found with name [x]"]
        {
            assert_eq!(clean(text), text);
        }
    }
}
