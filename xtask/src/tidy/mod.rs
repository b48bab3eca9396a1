//! `cargo xtask tidy`: what the compiler does not check and must stay true (ARCHITECTURE.md, "Invariants").

mod dependencies;
mod prose;
mod repository;
mod rust;
mod samples;
mod versions;

use anyhow::{Result, ensure};

use repository::Repository;

/// One thing that must be true of the repository.
struct Check {
    name: &'static str,
    /// What is wrong, one line each, with a file and line where there is one.
    run: fn(&Repository) -> Result<Vec<String>>,
    /// Whether findings are failures, or only worth a look.
    strict: bool,
}

const CHECKS: &[Check] = &[
    Check {
        name: "no upstream sentence of 5 words, no upstream example of 20 characters",
        run: prose::no_upstream_sentence,
        strict: true,
    },
    Check { name: "API documents hold our sentences only", run: prose::only_our_sentences, strict: true },
    Check { name: "API documents are a fixed point of the rules", run: prose::fixed_point, strict: true },
    Check { name: "RULES.md names every rule", run: prose::rules_page, strict: true },
    Check { name: "dependencies point one way", run: dependencies::directions, strict: true },
    Check {
        name: "sql-read needs no HTTP client without `cloud`",
        run: dependencies::sql_read_alone,
        strict: true,
    },
    Check { name: "one major version of Arrow", run: versions::one_arrow, strict: true },
    Check { name: "dependencies build with the stated Rust", run: versions::rust_version, strict: true },
    Check {
        name: "lock files outside of the workspace are up to date",
        run: versions::lock_files,
        strict: true,
    },
    Check { name: "the environment is read in named files", run: rust::environment, strict: true },
    Check { name: "unsafe code is in one file", run: rust::unsafe_code, strict: true },
    Check { name: "only the command prints", run: rust::printing, strict: true },
    Check { name: "no reqwest in cloud's public signatures", run: rust::hidden_http_client, strict: true },
    Check { name: "every file says what it holds", run: rust::module_docs, strict: true },
    Check { name: "samples in documents are compiled", run: samples::compiled, strict: true },
    Check { name: "files are short", run: rust::file_length, strict: false },
];

/// Runs every check, says how each went, and fails if one did.
pub fn tidy() -> Result<()> {
    let repository = Repository::open()?;
    if crate::upstream_documents()?.is_none() {
        println!("note: no upstream documents here, so their sentences cannot be looked for");
    }
    let mut failed = 0;
    for check in CHECKS {
        let findings = (check.run)(&repository)?;
        let verdict = match (findings.is_empty(), check.strict) {
            (true, _) => "ok  ",
            (false, true) => "FAIL",
            (false, false) => "note",
        };
        println!("{verdict} {}", check.name);
        for finding in &findings {
            println!("     {finding}");
        }
        failed += usize::from(check.strict && !findings.is_empty());
    }
    ensure!(failed == 0, "{failed} of {} checks failed", CHECKS.len());
    Ok(())
}
