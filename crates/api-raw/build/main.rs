//! Generates the bindings of each API from the document in `openapi/`, into `OUT_DIR`.

#![allow(unreachable_pub, reason = "the modules are shared with the project's own tasks")]
#![allow(clippy::print_stdout, reason = "cargo reads it")]

mod generate;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    for api in ["public", "config"] {
        let document = Path::new("openapi").join(api).with_extension("json");
        println!("cargo::rerun-if-changed={}", document.display());
        if enabled(api) {
            // The generator panics on shapes it does not know, and would not say in which document.
            let outcome = std::panic::catch_unwind(|| write_bindings(api, &document, &out));
            let outcome =
                outcome.unwrap_or_else(|_| bail!("the generator panicked; run `cargo xtask regen`"));
            outcome.with_context(|| format!("no bindings can be made from {}", document.display()))?;
        }
    }
    Ok(())
}

fn enabled(feature: &str) -> bool {
    std::env::var_os(format!("CARGO_FEATURE_{}", feature.to_uppercase())).is_some()
}

fn write_bindings(api: &str, document: &Path, out: &Path) -> Result<()> {
    let text = std::fs::read_to_string(document).context("the API document cannot be read")?;
    let parsed = generate::parse(&text)?;
    let source = generate::client(&parsed)?;
    let sha256 = format!("{:x}", Sha256::digest(text.as_bytes()));
    let version = &parsed.info.version;
    let provenance = format!(
        "/// The version that the API document states.\n\
         pub const API_DOC_VERSION: &str = {version:?};\n\
         /// SHA-256 of the API document these bindings are generated from, in hexadecimal.\n\
         pub const API_DOC_SHA256: &str = \"{sha256}\";\n",
    );
    std::fs::write(out.join(format!("{api}.rs")), provenance + &source)?;
    if enabled("httpmock") {
        let mocks = generate::mocks(&parsed, &format!("crate::{api}"))?;
        std::fs::write(out.join(format!("{api}_mock.rs")), mocks)?;
    }
    Ok(())
}
