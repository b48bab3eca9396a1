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
fn the_version_and_the_completions() {
    let version = run(&mut airbyte(["--version"])).exits(0).stdout;
    assert_eq!(version.trim(), concat!("airbyte ", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&mut airbyte(["completion", shell])).exits(0).stdout;
        assert!(script.contains("dataset") && script.contains("if-running"), "{shell}");
    }
}
