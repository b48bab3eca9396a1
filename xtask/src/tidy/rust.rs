//! What must be true of the Rust sources.

#![expect(clippy::unnecessary_wraps, reason = "every check has the same signature")]

use anyhow::{Context, Result};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemImpl, Visibility};

use super::repository::{Repository, TextFile, is_rust};

/// The files that may read the environment, and list what they read.
const ENVIRONMENT: &[&str] =
    &["crates/cli/src/environment.rs", "crates/cloud/src/env.rs", "crates/sql-read/src/secret.rs"];

/// The file that may say `unsafe`: it declares a function of DuckDB's library.
const UNSAFE: &str = "crates/sql-read/src/engine/duckdb/linked.rs";

/// Where a file stops being readable at one sitting.
const LINES: usize = 500;

/// Environment variables are read in the named files only, so that one table can list them all.
pub fn environment(repository: &Repository) -> Result<Vec<String>> {
    let files = repository.sources(&[]).filter(|file| !ENVIRONMENT.contains(&file.path.as_str()));
    Ok(files
        .flat_map(|file| lines_with(file, &["env::var", "env::vars", "set_var("], "reads the environment"))
        .collect())
}

/// The lint is denied for all, and switched off in one file.
pub fn unsafe_code(repository: &Repository) -> Result<Vec<String>> {
    let lint = ["(unsafe", "code"].join("_");
    let files = repository.files.iter().filter(|file| is_rust(&file.path) && file.path != UNSAFE);
    Ok(files.flat_map(|file| lines_with(file, &[&lint], "switches a lint off")).collect())
}

/// Libraries return what they have to say.
pub fn printing(repository: &Repository) -> Result<Vec<String>> {
    const PRINTING: [&str; 6] = ["println!", "print!(", "eprintln!", "eprint!(", "dbg!", "io::stdout()"];
    let libraries = repository.sources(&[]).filter(|file| !file.path.starts_with("crates/cli/"));
    Ok(libraries.flat_map(|file| lines_with(file, &PRINTING, "prints")).collect())
}

fn lines_with(file: &TextFile, needles: &[&str], what: &str) -> Vec<String> {
    let lines = file.lines_before_tests().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found = lines.filter(|(_, line)| needles.iter().any(|needle| line.contains(needle)));
    found.map(|(number, line)| format!("{}:{number}: {what}: {}", file.path, line.trim())).collect()
}

/// The HTTP client can be replaced as long as no user's code names it.
pub fn hidden_http_client(repository: &Repository) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in repository.sources(&["cloud"]) {
        findings.extend(exposing(file, "reqwest")?);
    }
    Ok(findings)
}

/// The public items of a file whose signature names `hidden`; `raw` may.
fn exposing(file: &TextFile, hidden: &str) -> Result<Vec<String>> {
    let parsed = syn::parse_file(&file.text).with_context(|| file.path.clone())?;
    let mut search = Exposure { hidden, names: Vec::new() };
    search.visit_file(&parsed);
    let line_of = |name: &str| {
        let here = file.text.lines().position(|line| line.contains("pub ") && line.contains(name));
        here.or_else(|| file.text.lines().position(|line| line.contains(name))).map_or(1, |at| at + 1)
    };
    Ok(search
        .names
        .iter()
        .map(|name| format!("{}:{}: `{name}` shows {hidden}", file.path, line_of(name)))
        .collect())
}

struct Exposure<'a> {
    hidden: &'a str,
    names: Vec<String>,
}

impl Exposure<'_> {
    fn look_at(&mut self, name: &impl ToString, visibility: Option<&Visibility>, signature: &impl ToTokens) {
        let public = visibility.is_none_or(|visibility| matches!(visibility, Visibility::Public(_)));
        let words = signature.to_token_stream().to_string();
        let named = words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == self.hidden);
        if public && named && name.to_string() != "raw" {
            self.names.push(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Exposure<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look_at(&item.sig.ident, Some(&item.vis), &item.sig);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.look_at(&item.sig.ident, Some(&item.vis), &item.sig);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        // `impl From<reqwest::Error> for Error` is as public as its two types.
        if let Some((path, _)) = &item.trait_ {
            let name = item.self_ty.to_token_stream().to_string();
            self.look_at(&name, None, path);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_field(&mut self, item: &'ast syn::Field) {
        if let Some(name) = &item.ident {
            self.look_at(name, Some(&item.vis), &item.ty);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.look_at(&self.hidden.to_owned(), Some(&item.vis), &item.tree);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.look_at(&item.ident, Some(&item.vis), &item.ty);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.look_at(&item.ident, Some(&item.vis), &item.variants);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        for part in &item.items {
            if let syn::TraitItem::Fn(method) = part {
                self.look_at(&method.sig.ident, Some(&item.vis), &method.sig);
            }
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !item.attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("cfg (test)"))
        {
            visit::visit_item_mod(self, item);
        }
    }
}

/// Each file begins with a line on what it holds.
pub fn module_docs(repository: &Repository) -> Result<Vec<String>> {
    let in_src = |path: &str| path.contains("/src/") && !path.contains("/tests/");
    let files = repository.files.iter().filter(|file| is_rust(&file.path) && in_src(&file.path));
    Ok(files
        .filter(|file| !begins_with_docs(&file.text))
        .map(|file| format!("{}:1: no `//!` line", file.path))
        .collect())
}

fn begins_with_docs(text: &str) -> bool {
    text.lines().map(str::trim).find(|line| !line.is_empty()).is_some_and(|line| line.starts_with("//!"))
}

/// Files that nobody wants to read at one sitting.
pub fn file_length(repository: &Repository) -> Result<Vec<String>> {
    let files = repository.files.iter().filter(|file| is_rust(&file.path));
    let long = files.map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > LINES);
    Ok(long.map(|(file, lines)| format!("{}: {lines} lines", file.path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn repository(path: &str, text: &str) -> Repository {
        Repository { files: vec![file(path, text)] }
    }

    #[test]
    fn the_environment_is_read_in_named_files_only() {
        let reading = "//! A.\nfn a() {\n    std::env::var(\"A\")\n}\n#[cfg(test)]\nmod tests { fn b() { std::env::var(\"B\") } }\n";
        let findings = environment(&repository("crates/cloud/src/call.rs", reading)).unwrap();
        assert_eq!(findings, ["crates/cloud/src/call.rs:3: reads the environment: std::env::var(\"A\")"]);
        assert!(environment(&repository("crates/cloud/src/env.rs", reading)).unwrap().is_empty());
        assert!(environment(&repository("xtask/src/main.rs", reading)).unwrap().is_empty());
    }

    #[test]
    fn unsafe_code_is_in_one_file() {
        let text = "//! A.\n#![expect(unsafe_code, reason = \"\")]\n";
        let findings = unsafe_code(&repository("crates/sql-read/src/a.rs", text)).unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(unsafe_code(&repository(UNSAFE, text)).unwrap().is_empty());
    }

    #[test]
    fn libraries_do_not_print() {
        let text = "//! A.\n/// `println!` in words is fine.\nfn a() { println!(\"a\") }\n";
        assert_eq!(printing(&repository("crates/sandbox/src/a.rs", text)).unwrap().len(), 1);
        assert!(printing(&repository("crates/cli/src/a.rs", text)).unwrap().is_empty());
        assert!(printing(&repository("crates/api-raw/build/main.rs", text)).unwrap().is_empty());
    }

    #[test]
    fn a_public_signature_that_names_the_client_is_found() {
        let text = "
            pub struct A { pub client: reqwest::Client, inner: reqwest::Client }
            impl A {
                pub fn status(&self) -> reqwest::StatusCode { reqwest::StatusCode::OK }
                pub fn raw(&self) -> &reqwest::Client { &self.inner }
                pub(crate) fn send(&self, request: reqwest::Request) {}
                pub fn fine(&self) { let _ = reqwest::Client::new(); }
            }
            impl From<reqwest::Error> for A { fn from(error: reqwest::Error) -> Self { todo!() } }
            pub use reqwest::Url;
            #[cfg(test)] mod tests { pub fn b(a: reqwest::Url) {} }
        ";
        let findings = exposing(&file("a.rs", text), "reqwest").unwrap();
        let names: Vec<&str> = findings.iter().filter_map(|finding| finding.split('`').nth(1)).collect();
        assert_eq!(names, ["client", "status", "A", "reqwest"], "{findings:#?}");
    }

    #[test]
    fn a_file_without_a_first_line_of_docs_is_found() {
        assert!(begins_with_docs("\n//! What it holds.\n\nfn a() {}"));
        assert!(!begins_with_docs("use a;\n//! Late."));
        assert!(!begins_with_docs(""));
    }
}
