//! The help: it names what is there and nothing else, and every command has an example.

use crate::support::{airbyte, run};

/// The commands below `path`, as its help lists them.
fn commands(path: &[&str]) -> Vec<String> {
    let help = run(airbyte(path).arg("--help")).exits(0).stdout;
    let Some((_, after)) = help.split_once("Commands:\n") else { return Vec::new() };
    after
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_command_that_is_listed_works_and_has_an_example() {
    let mut leaves = Vec::new();
    for noun in commands(&[]) {
        let verbs = commands(&[&noun]);
        if verbs.is_empty() {
            leaves.push(noun);
        } else {
            leaves.extend(verbs.into_iter().map(|verb| format!("{noun} {verb}")));
        }
    }
    leaves.sort();
    insta::assert_snapshot!(leaves.join("\n"));
    for leaf in leaves {
        let help = run(airbyte(leaf.split(' ')).arg("--help")).exits(0);
        assert!(help.stdout.contains("Example"), "{leaf}");
        assert!(help.stdout.contains(&format!("airbyte {leaf}")), "{leaf}");
        assert_eq!(help.stderr, "");
    }
}

#[test]
fn help_can_be_asked_for_in_front_of_a_command_and_behind_it() {
    for words in [&["connection", "sync"][..], &["job"], &["help"], &[]] {
        let behind = run(airbyte(words).arg("--help")).exits(0).stdout;
        assert_eq!(run(airbyte(["help"]).args(words)).exits(0).stdout.trim(), behind.trim(), "{words:?}");
    }
    let unknown = run(airbyte(["help", "connection", "dance"]).arg("--quiet")).exits(2);
    assert!(unknown.stderr.contains("there is no command `connection dance`"), "{}", unknown.stderr);
}

#[test]
fn the_version_and_the_completions() {
    let version = run(&mut airbyte(["--version"])).exits(0).stdout;
    let documents = ["public", "config"].map(|name| {
        let file = format!("{}/../../openapi/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let document: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        document["info"]["version"].as_str().unwrap().to_owned()
    });
    let [public, config] = documents;
    let expected =
        format!("airbyte {} (public API {public}, Config API {config})", env!("CARGO_PKG_VERSION"));
    assert_eq!(version.trim(), expected);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&mut airbyte(["completion", shell])).exits(0).stdout;
        assert!(script.contains("dataset") && script.contains("if-running"), "{shell}");
    }
}

/// `docs/commands.md` is what the command says of itself. After a change: `airbyte reference > docs/commands.md`.
#[test]
fn the_reference_is_up_to_date() {
    let file = format!("{}/../../docs/commands.md", env!("CARGO_MANIFEST_DIR"));
    let written = run(&mut airbyte(["reference"])).exits(0).stdout;
    if std::env::var_os("AIRBYTE_UPDATE_REFERENCE").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    assert!(std::fs::read_to_string(&file).unwrap() == written, "run `airbyte reference > docs/commands.md`");
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("man1");
    run(&mut airbyte(["man", place.to_str().unwrap()])).exits(0);
    let page = std::fs::read_to_string(place.join("airbyte-connection-sync.1")).unwrap();
    assert!(page.contains("if\\-running") && page.contains("exactly once"), "{page}");
    assert!(place.join("airbyte.1").exists() && !place.join("airbyte-reference.1").exists());
    let noun = std::fs::read_to_string(place.join("airbyte-destination-check.1")).unwrap();
    assert!(noun.contains("airbyte destination check"), "{noun}");
}
