//! A hundred schedules of chaos, always the same; `cargo xtask chaos` runs more. And the same schedules with a
//! mistake in them, which have to be noticed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use airbyte_tests::chaos::{Campaign, Clumsiness, Summary};
use airbyte_tests::postgres_url;

const SEED: u64 = 20_261_124;

fn run(seed: u64, schedules: u64, clumsiness: Clumsiness) -> Summary {
    let postgres = Some(postgres_url());
    let campaign = Campaign { seed, schedules, time: None, postgres, clumsiness };
    campaign.run(|_| {}).unwrap()
}

#[test]
fn what_must_hold_holds_and_mistakes_are_noticed() {
    let summary = run(SEED, 120, Clumsiness::None);
    let broken: Vec<String> =
        summary.broken.iter().map(|broken| format!("seed {}: {}", broken.seed, broken.what)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    // Enough has happened for that to mean something.
    let story = summary.story;
    for happened in [story.troubles, story.syncs, story.jobs, story.waits, story.reads, story.failed_reads] {
        assert!(happened > 10, "{story:?}");
    }
    for (clumsiness, sign) in [
        (Clumsiness::RepeatsStarts, "of unknown fate"),
        (Clumsiness::SwallowsErrors, "short or doubled"),
        (Clumsiness::WritesInPlace, "looks whole"),
    ] {
        // Reads are cut in real time, so where a seed cuts depends on the machine: more of them, until one has met it.
        let noticed = (0..10).any(|batch| {
            let summary = run(SEED + batch * 100, 100, clumsiness);
            summary.broken.iter().any(|broken| broken.what.contains(sign))
        });
        assert!(noticed, "{clumsiness:?} went unnoticed");
    }
}
