//! The parts of a check, and how long each took.

use std::fmt::{self, Display, Write as _};
use std::time::{Duration, Instant};

use anyhow::Result;

/// How a check ended.
pub enum Verdict {
    Passed,
    Failed,
    /// Nothing was checked, since something that it takes cannot be had.
    Skipped(String),
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed => f.write_str("failed"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// What has been run so far.
pub struct Sections {
    begun: Instant,
    /// A word that names have to hold to be run.
    only: Option<String>,
    done: Vec<(String, Duration, Verdict)>,
}

impl Sections {
    pub fn new(only: Option<String>) -> Self {
        Self { begun: Instant::now(), only, done: Vec::new() }
    }

    /// Runs one, unless it is not wanted, and says how long it took.
    pub fn run(&mut self, name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
        self.run_if_possible(name, || check().map(|()| Verdict::Passed))
    }

    /// The same with one that may say that it cannot be run here.
    pub fn run_if_possible(&mut self, name: &str, check: impl FnOnce() -> Result<Verdict>) -> Result<()> {
        if self.only.as_ref().is_some_and(|word| !name.contains(word)) {
            return Ok(());
        }
        eprintln!("\n== {name}");
        let begun = Instant::now();
        let (verdict, outcome) = match check() {
            Ok(verdict) => (verdict, Ok(())),
            Err(error) => (Verdict::Failed, Err(error)),
        };
        let took = begun.elapsed();
        eprintln!("-- {name}: {:.1} s, {verdict}", took.as_secs_f64());
        self.done.push((name.to_owned(), took, verdict));
        outcome
    }

    /// Whether none was run.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// Whether one was skipped.
    pub fn has_skipped(&self) -> bool {
        self.done.iter().any(|(.., verdict)| matches!(verdict, Verdict::Skipped(_)))
    }

    pub fn total(&self) -> Duration {
        self.begun.elapsed()
    }

    /// All that were run, in their order, with their share of the time.
    pub fn table(&self) -> String {
        let total: f64 = self.done.iter().map(|(_, took, _)| took.as_secs_f64()).sum();
        let width = self.done.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        let mut text = String::from("\n");
        for (name, took, verdict) in &self.done {
            let share = if total > 0.0 { took.as_secs_f64() / total * 100.0 } else { 0.0 };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{name:width$}  {:>8.1} s  {share:>3.0} %  {verdict}", took.as_secs_f64());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_what_failed_and_what_took_the_time() {
        let mut sections = Sections::new(None);
        sections.run("one", || Ok(())).unwrap();
        assert!(sections.run("a longer one", || anyhow::bail!("no")).is_err());
        sections.done[0].1 = Duration::from_secs(3);
        sections.done[1].1 = Duration::from_secs(1);
        let table = sections.table();
        let lines: Vec<&str> = table.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            lines,
            ["one                3.0 s   75 %  passed", "a longer one       1.0 s   25 %  failed"]
        );
    }

    #[test]
    fn what_could_not_be_checked_has_not_passed() {
        let mut sections = Sections::new(None);
        sections.run("one", || Ok(())).unwrap();
        assert!(!sections.has_skipped());
        sections.run_if_possible("two", || Ok(Verdict::Skipped("no network".to_owned()))).unwrap();
        assert!(sections.has_skipped());
        assert!(sections.table().ends_with("skipped: no network\n"), "{}", sections.table());
    }

    #[test]
    fn what_is_not_wanted_is_not_run() {
        let mut sections = Sections::new(Some("two".to_owned()));
        sections.run("one", || anyhow::bail!("it was run")).unwrap();
        sections.run("two", || Ok(())).unwrap();
        assert_eq!(sections.done.len(), 1);
    }
}
