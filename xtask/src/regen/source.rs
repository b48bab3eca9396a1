//! Where the upstream documents come from, and which part of them is taken.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::object;

/// `openapi/upstream.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    pub public: Source,
    pub config: Source,
}

/// One upstream document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where to download it.
    pub address: String,
    /// The SHA-256 of the file at that address, in hexadecimal.
    pub sha256: String,
    /// The beginning of each path that belongs to the API's root rather than to the path.
    #[serde(default)]
    pub strip_prefix: String,
    /// The paths to take, without that beginning; `/jobs/*` takes all below `/jobs/`. Absent: all paths.
    pub take: Option<Vec<String>>,
    /// Paths that `take` would have and that are left out.
    #[serde(default)]
    pub leave: Vec<String>,
}

impl Upstream {
    /// Reads `openapi/upstream.toml`.
    pub fn read(openapi: &Path) -> Result<Self> {
        let file = openapi.join("upstream.toml");
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not as expected", file.display()))
    }
}

impl Source {
    /// The document from `folder`, or downloaded where there is none. A download has to have the pinned sum;
    /// a file of the caller's choosing may differ, and the second value says whether it is the pinned one.
    pub fn load(&self, api: &str, folder: Option<&Path>) -> Result<(Value, bool)> {
        let (text, name) = match folder {
            Some(folder) => {
                let file = folder.join(format!("airbyte-{api}.yaml"));
                let text = std::fs::read_to_string(&file);
                (
                    text.with_context(|| format!("{} cannot be read", file.display()))?,
                    file.display().to_string(),
                )
            }
            None => (download(&self.address)?, self.address.clone()),
        };
        let pinned = sha256(&text) == self.sha256;
        ensure!(
            pinned || folder.is_some(),
            "{name} is not the document that openapi/upstream.toml pins: its SHA-256 is {}",
            sha256(&text)
        );
        let document = serde_yaml_ng::from_str(&text).with_context(|| format!("{name} is not YAML"))?;
        Ok((document, pinned))
    }

    /// Keeps the selected paths, and writes them relative to the API's root. The result are entries of `take`
    /// that select nothing.
    pub fn select(&self, document: &mut Value) -> Vec<String> {
        let mut unused: Vec<String> = self.take.iter().flatten().chain(&self.leave).cloned().collect();
        if let Some(paths) = object(document, "paths") {
            for (path, item) in std::mem::take(paths) {
                let Some(path) = path.strip_prefix(&self.strip_prefix) else { continue };
                let mut wanted = self.take.is_none();
                for pattern in self.take.iter().flatten().filter(|pattern| matches(pattern, path)) {
                    wanted = true;
                    unused.retain(|one| one != pattern);
                }
                for pattern in self.leave.iter().filter(|pattern| matches(pattern, path)) {
                    wanted = false;
                    unused.retain(|one| one != pattern);
                }
                if wanted {
                    paths.insert(path.to_owned(), item);
                }
            }
        }
        unused
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    }
}

fn download(address: &str) -> Result<String> {
    const HINT: &str = "`--from DIR` reads airbyte-public.yaml and airbyte-config.yaml from a folder instead";
    let mut answer =
        ureq::get(address).call().with_context(|| format!("{address} cannot be downloaded; {HINT}"))?;
    answer.body_mut().read_to_string().with_context(|| format!("{address} cannot be read; {HINT}"))
}

fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}
