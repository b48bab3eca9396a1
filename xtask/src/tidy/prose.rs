//! Facts, not sentences: what other people wrote about the APIs stays out of this repository.

use std::collections::BTreeSet;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::{Context, Result};
use serde_json::Value;

use super::repository::{Repository, TextFile};
use crate::regen::{self, APIS};
use crate::step::workspace_root;

/// Upstream sentences with fewer words say what anybody would say ("The ID of the source").
const WORDS: usize = 5;
/// Shorter upstream examples are ordinary values (`true`, `sync`, `America/New_York`).
const EXAMPLE_CHARACTERS: usize = 20;

/// Looks for each sentence of the descriptions and summaries of the upstream documents, and for each of their
/// examples, in every text file. Case, punctuation and line breaks do not count.
pub fn no_upstream_sentence(repository: &Repository) -> Result<Vec<String>> {
    let Some(folder) = crate::upstream_documents()? else { return Ok(Vec::new()) };
    let mut sentences = BTreeSet::new();
    for file in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "yaml") {
            sentences.extend(sentences_of(&file)?);
        }
    }
    let sentences: Vec<String> = sentences.into_iter().collect();
    let searcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&sentences)?;
    Ok(repository.files.iter().flat_map(|file| found_in(file, &searcher, &sentences)).collect())
}

fn sentences_of(file: &Path) -> Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let document: Value =
        serde_yaml_ng::from_str(&text).with_context(|| format!("{} is not YAML", file.display()))?;
    let mut sentences = BTreeSet::new();
    collect(&document, &mut sentences);
    Ok(sentences)
}

/// Adds what `value` says in prose, in the form in which it is looked for.
fn collect(value: &Value, sentences: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("description" | "summary", Value::String(text)) => {
                        // A full stop in the middle of a word (`api.airbyte.com`) ends nothing.
                        let parts = text.split(['\n', ';', ':']).flat_map(|line| line.split(". "));
                        sentences.extend(parts.map(plain).filter(|part| part.split(' ').count() >= WORDS));
                    }
                    ("example" | "examples", value) => collect_examples(value, sentences),
                    _ => collect(value, sentences),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, sentences)),
        _ => {}
    }
}

fn collect_examples(value: &Value, sentences: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.chars().count() >= EXAMPLE_CHARACTERS => {
            sentences.insert(plain(text));
        }
        Value::Object(members) => members.values().for_each(|value| collect_examples(value, sentences)),
        Value::Array(items) => items.iter().for_each(|item| collect_examples(item, sentences)),
        _ => {}
    }
}

/// The words in lower case, with one blank between each two.
fn plain(text: &str) -> String {
    words(text).map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

/// The words with the number of the line each is in. A name such as `created_at` is one word.
fn words(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().flat_map(|(at, line)| {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        words.map(move |word| (at + 1, word.to_lowercase()))
    })
}

fn found_in(file: &TextFile, searcher: &AhoCorasick, sentences: &[String]) -> Vec<String> {
    // Begins and ends with a blank, so that whole words only are found.
    let mut haystack = " ".to_owned();
    let mut lines = Vec::new();
    for (line, word) in words(&file.text) {
        lines.push((haystack.len(), line));
        haystack.push_str(&word);
        haystack.push(' ');
    }
    let whole =
        |start: usize, end: usize| haystack.as_bytes()[start - 1] == b' ' && haystack.as_bytes()[end] == b' ';
    searcher
        .find_iter(&haystack)
        .filter(|found| whole(found.start(), found.end()))
        .map(|found| {
            let at = lines.partition_point(|(offset, _)| *offset <= found.start()) - 1;
            format!(
                "{}:{}: {:?} is an upstream document's",
                file.path,
                lines[at].1,
                sentences[found.pattern().as_usize()]
            )
        })
        .collect()
}

/// Every description in the checked-in API documents is one of an overlay.
pub fn only_our_sentences(_: &Repository) -> Result<Vec<String>> {
    let ours: BTreeSet<String> = regen::our_sentences()?.into_iter().collect();
    let mut findings = Vec::new();
    for api in APIS {
        let mut texts = Vec::new();
        texts_in(&regen::checked_in(api)?, &mut String::new(), &mut texts);
        for (place, text) in texts {
            if !text.is_empty() && !ours.contains(&text) {
                findings.push(format!("openapi/{api}.json: {place}: {text:?} is in no overlay"));
            }
        }
    }
    Ok(findings)
}

/// The texts of every key that holds prose, wherever it is a key of OpenAPI and not the name of a property.
fn texts_in(value: &Value, place: &mut String, texts: &mut Vec<(String, String)>) {
    const PROSE: [&str; 4] = ["description", "summary", "title", "example"];
    let length = place.len();
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                place.push('/');
                place.push_str(key);
                match value {
                    Value::String(text) if PROSE.contains(&key.as_str()) => {
                        texts.push((place.clone(), text.clone()));
                    }
                    _ => texts_in(value, place, texts),
                }
                place.truncate(length);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_in(item, place, texts)),
        _ => {}
    }
}

/// The normaliser and the overlays make of the checked-in documents what they are.
pub fn fixed_point(_: &Repository) -> Result<Vec<String>> {
    let files = regen::from_checked_in()?;
    let changed = files.iter().filter(|file| {
        std::fs::read_to_string(workspace_root().join(&file.path)).ok().as_ref() != Some(&file.text)
    });
    Ok(changed.map(|file| format!("{}: run `cargo xtask regen`", file.path.display())).collect())
}

/// The table of rules has a row for each.
pub fn rules_page(_: &Repository) -> Result<Vec<String>> {
    let missing = regen::missing_from_rules_page()?;
    Ok(missing
        .iter()
        .map(|rule| format!("openapi/RULES.md: no row for {rule}; run `cargo xtask regen`"))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn search(upstream: &Value, text: &str) -> Vec<String> {
        let mut sentences = BTreeSet::new();
        collect(upstream, &mut sentences);
        let sentences: Vec<String> = sentences.into_iter().collect();
        let searcher =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&sentences).unwrap();
        found_in(&TextFile { path: "a.rs".to_owned(), text: text.to_owned() }, &searcher, &sentences)
    }

    #[test]
    fn a_sentence_is_found_across_lines_and_case() {
        let upstream = json!({ "paths": { "/a": { "get": { "description": "Short one. Counts the crates in every room of the house." } } } });
        let text = "//! Well.\n/// counts THE crates\n/// in every room, of the `house`\nfn a() {}\n";
        assert_eq!(
            search(&upstream, text),
            ["a.rs:2: \"counts the crates in every room of the house\" is an upstream document's"]
        );
        assert!(search(&upstream, "Counts the crates in every room of the houseboat").is_empty());
        assert!(search(&upstream, "Short one.").is_empty());
    }

    #[test]
    fn an_example_is_found_and_a_property_called_description_is_none() {
        let upstream = json!({ "schema": {
            "example": { "deep": ["5f0dd0d8-0c1a-4bba-a0f3-96ba26e0f6c0"] },
            "properties": { "description": { "type": "string that would be one of six words" } }
        } });
        assert_eq!(search(&upstream, "id = \"5F0DD0D8-0c1a-4bba-a0f3-96ba26e0f6c0\"").len(), 1);
        assert!(search(&upstream, "string that would be one of six words").is_empty());
    }

    #[test]
    fn texts_are_found_with_their_place() {
        let mut texts = Vec::new();
        let document = json!({ "info": { "title": "T" }, "list": [{ "properties": { "summary": { "type": "string" } } }] });
        texts_in(&document, &mut String::new(), &mut texts);
        assert_eq!(texts, [("/info/title".to_owned(), "T".to_owned())]);
    }
}
