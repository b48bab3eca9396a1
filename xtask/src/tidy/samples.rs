//! Programs in documents are compiled somewhere: as doc tests, or as pieces of a program that is.

use std::path::Path;

use anyhow::{Context, Result};

use super::repository::{Repository, TextFile, is_rust};

/// The file that makes doc tests of documents.
const DOC_TESTS: &str = "tests/src/lib.rs";

/// Looks at every block of Rust in a document. One that is ignored has to stand, line by line, in a program of `examples/` or
/// on the front page of a crate; the others have to be in a document that is compiled.
pub fn compiled(repository: &Repository) -> Result<Vec<String>> {
    let doc_tests = repository.files.iter().find(|file| file.path == DOC_TESTS).context(DOC_TESTS)?;
    let programs: Vec<Vec<&str>> =
        repository.files.iter().filter(|file| is_program(&file.path)).map(|file| lines(&file.text)).collect();
    let documents = repository.files.iter().filter(|file| {
        let is_markdown = Path::new(&file.path).extension().is_some_and(|extension| extension == "md");
        is_markdown && (file.path.starts_with("docs/") || file.path == "README.md")
    });
    Ok(documents.flat_map(|document| findings(document, &doc_tests.text, &programs)).collect())
}

fn findings(document: &TextFile, doc_tests: &str, programs: &[Vec<&str>]) -> Vec<String> {
    let path = &document.path;
    let is_tested = doc_tests.contains(&format!("include_str!(\"../../{path}\")"));
    let wrong = |block: &Block<'_>| match block.kind {
        "rust,ignore" => {
            let sample = lines(&block.text);
            let is_piece = |program: &Vec<&str>| program.windows(sample.len()).any(|piece| piece == sample);
            (sample.is_empty() || !programs.iter().any(is_piece)).then_some("is no piece of a program")
        }
        kind if kind.starts_with("rust") => (!is_tested).then_some("is not compiled"),
        _ => None,
    };
    let blocks = blocks(&document.text);
    let found = blocks.iter().filter_map(|block| Some((block.line, wrong(block)?)));
    found.map(|(line, what)| format!("{path}:{line}: the sample {what}")).collect()
}

fn is_program(path: &str) -> bool {
    let is_front_page = path.starts_with("crates/") && path.ends_with("/src/lib.rs");
    is_rust(path) && (path.starts_with("examples/") || is_front_page)
}

/// Lines of code without their indentation, those of doc comments too.
fn lines(text: &str) -> Vec<&str> {
    let code = text.lines().map(|line| line.trim().trim_start_matches("//!").trim());
    code.filter(|line| !line.is_empty()).collect()
}

/// A block of code of a document.
struct Block<'a> {
    kind: &'a str,
    /// Where it begins.
    line: usize,
    text: String,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (at, line) in text.lines().enumerate() {
        match (line.trim().strip_prefix("```"), &mut open) {
            (Some(kind), None) => open = Some(Block { kind, line: at + 1, text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, doc_tests: &str) -> Vec<String> {
        let document = TextFile { path: "docs/a.md".to_owned(), text: text.to_owned() };
        let program = "//! ```no_run\n//! let one = 1;\n//! let two = 2;\n//! ```\nlet three = 3;\n";
        findings(&document, doc_tests, &[lines(program)])
    }

    #[test]
    fn what_is_compiled_nowhere_is_found() {
        assert_eq!(found("a\n```rust,ignore\nlet one = 1;\n\n  let two = 2;\n```\n", ""), [""; 0]);
        let wrong =
            found("a\n```rust,ignore\nlet two = 2;\nlet one = 1;\n```\n```rust\n```\n```json\n```\n", "");
        assert_eq!(
            wrong,
            ["docs/a.md:2: the sample is no piece of a program", "docs/a.md:6: the sample is not compiled"]
        );
        assert_eq!(found("```rust\n```\n", "#[doc = include_str!(\"../../docs/a.md\")]"), [""; 0]);
    }
}
