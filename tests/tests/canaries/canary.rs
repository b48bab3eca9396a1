//! Texts that stand for secrets, and the search for them in whatever form they may have got.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// One secret place.
#[derive(Clone)]
pub(crate) struct Canary {
    pub(crate) place: &'static str,
    /// What is looked for: letters and digits, so that no way of quoting changes it.
    core: String,
}

/// All secret places of a world. What stands in each begins with the same word, so that new forms can be looked for by eye.
#[derive(Clone)]
pub(crate) struct Canaries(Vec<Canary>);

/// A canary that was found.
#[derive(Debug)]
pub(crate) struct Leak {
    pub(crate) place: &'static str,
    pub(crate) form: &'static str,
    /// What stands around it.
    pub(crate) around: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) in: {}", self.place, self.form, self.around.escape_debug())
    }
}

impl Canaries {
    pub(crate) fn new(places: &[&'static str]) -> Self {
        let core = |place: &str| {
            let letters: String = place.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("kanarie7{letters}9vogel")
        };
        Self(places.iter().map(|place| Canary { place, core: core(place) }).collect())
    }

    /// A secret that somebody else has made: the sandbox's client secret for instance.
    pub(crate) fn add(&mut self, place: &'static str, secret: &str) {
        assert!(secret.len() >= 12 && secret.bytes().all(|byte| byte.is_ascii_graphic()), "{place}");
        self.0.push(Canary { place, core: secret.to_owned() });
    }

    /// The secret of a place, for where only letters and digits may stand.
    pub(crate) fn plain(&self, place: &str) -> &str {
        &self.0.iter().find(|canary| canary.place == place).unwrap_or_else(|| panic!("no {place}")).core
    }

    /// The secret of a place, with all that has to be quoted somewhere around it.
    pub(crate) fn odd(&self, place: &str) -> String {
        format!("%+/ \"{}\\ &'<\u{e9}", self.plain(place))
    }

    /// Where these bytes hold a secret.
    pub(crate) fn search(&self, bytes: &[u8]) -> Vec<Leak> {
        let text = String::from_utf8_lossy(bytes);
        let lower = text.to_ascii_lowercase();
        let mut leaks = Vec::new();
        for canary in &self.0 {
            for (form, needle) in forms(&canary.core) {
                // Base64 and the like live by their case.
                let (place, text) = match form {
                    "plain" | "hexadecimal" => (lower.find(&needle.to_ascii_lowercase()), &lower),
                    _ => (text.find(&needle), &lower),
                };
                if let Some(place) = place {
                    let (mut begin, mut end) =
                        (place.saturating_sub(160), (place + needle.len() + 60).min(text.len()));
                    while !text.is_char_boundary(begin) {
                        begin -= 1;
                    }
                    while !text.is_char_boundary(end) {
                        end += 1;
                    }
                    leaks.push(Leak { place: canary.place, form, around: text[begin..end].to_owned() });
                }
            }
        }
        // Tokens of the sandbox, whatever is in them.
        if let Some(place) = text.find("eyJhbGci") {
            leaks.push(Leak {
                place: "token",
                form: "web token",
                around: text[place..].chars().take(40).collect(),
            });
        }
        leaks
    }

    /// Where the files below a folder hold a secret, but for those that may.
    pub(crate) fn search_files(&self, folder: &Path, may: &dyn Fn(&Path) -> bool) -> Vec<(String, Leak)> {
        let mut leaks = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.display().to_string();
                leaks.extend(self.search(name.as_bytes()).into_iter().map(|leak| (name.clone(), leak)));
                if path.is_symlink() || may(&path) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    leaks.extend(self.search(&bytes).into_iter().map(|leak| (name.clone(), leak)));
                }
            }
        }
        leaks
    }
}

/// A text as it is, and as others write it down.
fn forms(core: &str) -> Vec<(&'static str, String)> {
    let hexadecimal = core.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let percent = core.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let backwards = core.chars().rev().collect();
    let mut forms = vec![
        ("plain", core.to_owned()),
        ("hexadecimal", hexadecimal),
        ("percent", percent),
        ("backwards", backwards),
    ];
    // What it looks like in the middle of a longer text depends on how many bytes come before it.
    for before in 0..3 {
        let padded = format!("{}{core}", "\0".repeat(before));
        for (form, engine) in [("base64", STANDARD_NO_PAD), ("base64url", URL_SAFE_NO_PAD)] {
            let encoded = engine.encode(&padded);
            let (begin, end) = ((before * 8).div_ceil(6), padded.len() / 3 * 4);
            forms.push((form, encoded[begin..end].to_owned()));
        }
    }
    forms
}

#[test]
fn a_canary_is_found_in_every_form_and_in_the_middle_of_things() {
    let canaries = Canaries::new(&["one place", "another"]);
    let odd = canaries.odd("one place");
    let quoted = serde_json::to_string(&odd).unwrap();
    let debug = format!("{odd:?}");
    let encoded = odd.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let in_an_address = odd.replace('%', "%25").replace(' ', "+").replace('"', "%22");
    let mut texts = vec![odd.clone(), quoted, debug, encoded.to_uppercase(), in_an_address];
    for before in ["", "a", "ab", "user:"] {
        texts.push(format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(format!("{before}{odd}:x"))
        ));
    }
    for text in &texts {
        let leaks = canaries.search(format!("error: it broke at {text}, sorry").as_bytes());
        assert!(leaks.iter().any(|leak| leak.place == "one place"), "{text}: {leaks:?}");
        assert!(leaks.iter().all(|leak| leak.place == "one place"), "{text}: {leaks:?}");
    }
    assert!(canaries.search(b"nothing to be found").is_empty());
}
