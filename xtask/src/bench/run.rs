//! One command as a process of its own: its time, its work, its memory.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::step::{interrupted, not_interrupted};

/// Counted runs of each command, after one that is not counted.
const RUNS: usize = 5;
/// Of a command whose first run takes longer than this, fewer runs are counted.
const LONG: Duration = Duration::from_secs(4);
/// How many.
const LONG_RUNS: usize = 3;

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(2);
/// How often a peer that hangs or crashes is begun again: one does the one now and then, and another one the other.
const AGAIN: usize = 3;

/// A command among those it is compared with.
pub struct Contender {
    name: String,
    command: Command,
    prints: Option<String>,
    /// Somebody else's: what is wrong with it is not ours to mend.
    is_peer: bool,
}

/// What one run took.
#[derive(Clone, Copy)]
struct Run {
    time: Duration,
    cpu: Duration,
    peak_kilobytes: u64,
}

/// What all counted runs of a command took.
pub struct Measured {
    pub name: String,
    runs: Vec<Run>,
}

impl Measured {
    /// Wall time in seconds: least, median, most.
    pub fn seconds(&self) -> [f64; 3] {
        let times = self.sorted(|run| run.time.as_secs_f64());
        [times[0], times[times.len() / 2], times[times.len() - 1]]
    }

    /// Processor time in seconds, median.
    pub fn cpu_seconds(&self) -> f64 {
        let times = self.sorted(|run| run.cpu.as_secs_f64());
        times[times.len() / 2]
    }

    /// The most memory of any run, in megabytes.
    pub fn peak_megabytes(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let peaks = self.sorted(|run| run.peak_kilobytes as f64 / 1024.0);
        peaks[peaks.len() - 1]
    }

    fn sorted(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        let mut figures: Vec<f64> = self.runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures
    }
}

/// How much more memory the most rows take than the fewest, of each command: a line for the page.
pub fn growth_of_memory(few: &[Measured], many: &[Measured], sizes: [u64; 2]) -> String {
    let ratios: Vec<String> = few
        .iter()
        .zip(many)
        .map(|(few, many)| format!("{} {:.2}", few.name, many.peak_megabytes() / few.peak_megabytes()))
        .collect();
    format!("\nPeak memory at {} rows beside that at {}: {}.\n", sizes[1], sizes[0], ratios.join("; "))
}

/// Runs the commands in turn, so that whatever else the machine does meets all of them.
pub fn in_turn(mut contenders: Vec<Contender>) -> Result<Vec<Measured>> {
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); contenders.len()];
    let mut counted = vec![RUNS; contenders.len()];
    for round in 0..=RUNS {
        for ((contender, runs), counted) in contenders.iter_mut().zip(&mut runs).zip(&mut counted) {
            if round > *counted {
                continue;
            }
            let run = contender.run().with_context(|| contender.name.clone())?;
            let (seconds, megabytes) = (run.time.as_secs_f64(), run.peak_kilobytes / 1024);
            eprintln!("{}: {seconds:.3} s, {megabytes} MB", contender.name);
            // The first round fills the caches of the system and of the server.
            if round > 0 {
                runs.push(run);
            } else if run.time > LONG {
                *counted = LONG_RUNS;
            }
        }
    }
    Ok(contenders.into_iter().zip(runs).map(|(one, runs)| Measured { name: one.name, runs }).collect())
}

impl Contender {
    /// A program, and what it prints when it has done what it should; `None`: what it prints is thrown away.
    pub fn new(name: impl Into<String>, command: Command, prints: Option<String>) -> Self {
        Self { name: name.into(), command, prints, is_peer: false }
    }

    /// The same of somebody else's.
    pub fn peer(name: impl Into<String>, command: Command, prints: Option<String>) -> Self {
        Self { is_peer: true, ..Self::new(name, command, prints) }
    }

    /// One run that comes to an end.
    fn run(&mut self) -> Result<Run> {
        let times = if self.is_peer { AGAIN } else { 1 };
        for _ in 0..times {
            let outcome = self.try_run(LIMIT);
            // What Ctrl-C has ended neither hangs nor crashes.
            not_interrupted()?;
            if let Some(run) = outcome? {
                return Ok(run);
            }
            eprintln!("{}: hangs or crashes", self.name);
        }
        bail!("the command hangs or crashes, {times} of {times} times")
    }

    /// `None`: it took too long and was ended, or a signal has ended it.
    fn try_run(&mut self, limit: Duration) -> Result<Option<Run>> {
        let before = children()?;
        let begun = Instant::now();
        let stdout = if self.prints.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut process = self.command.stdout(stdout).spawn()?;
        let status = format!("/proc/{}/status", process.id());
        let mut peak_kilobytes = 0;
        let exit = loop {
            // The kernel's own high-water mark only grows, so the last look before the end is the answer.
            if let Some(peak) = std::fs::read_to_string(&status).ok().as_deref().and_then(high_water_mark) {
                peak_kilobytes = peak_kilobytes.max(peak);
            }
            if let Some(exit) = process.try_wait()? {
                break exit;
            }
            if begun.elapsed() > limit || interrupted() {
                process.kill()?;
                process.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let cpu = children()?.saturating_sub(before);
        let run = Run { time: begun.elapsed(), cpu, peak_kilobytes };
        if exit.signal().is_some() {
            return Ok(None);
        }
        ensure!(exit.success(), "the command failed ({exit})");
        if let (Some(prints), Some(mut stdout)) = (&self.prints, process.stdout.take()) {
            let mut text = String::new();
            stdout.read_to_string(&mut text)?;
            ensure!(text.trim_end().ends_with(prints), "it printed {text:?}, not {prints:?}");
        }
        Ok(Some(run))
    }
}

/// The processor time of all processes that this one has waited for.
fn children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let times = [usage.user_time(), usage.system_time()];
    let micros: i64 = times.iter().map(|time| time.tv_sec() * 1_000_000 + time.tv_usec()).sum();
    Ok(Duration::from_micros(micros.unsigned_abs()))
}

/// The most memory that a process has had so far, in kilobytes, from its `/proc/ID/status`.
pub fn high_water_mark(status: &str) -> Option<u64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_from_the_kernels_own_form() {
        assert_eq!(high_water_mark("Name:\tpsql\nVmHWM:\t    9120 kB\nVmRSS:\t 8000 kB\n"), Some(9120));
        assert_eq!(high_water_mark("Name:\tpsql\n"), None);
    }

    #[test]
    fn a_run_that_hangs_is_ended() {
        let mut sleep = Command::new("sleep");
        sleep.arg("3600");
        let mut contender = Contender::new("sleep", sleep, None);
        assert!(contender.try_run(Duration::from_millis(10)).unwrap().is_none());
    }

    #[test]
    fn a_peer_that_crashes_is_begun_again_and_not_for_ever_and_we_are_not() {
        let crash = || {
            let mut crash = Command::new("sh");
            crash.args(["-c", "kill -ABRT $$"]);
            crash
        };
        assert!(Contender::peer("peer", crash(), None).run().err().unwrap().to_string().contains("3 of 3"));
        assert!(Contender::new("ours", crash(), None).run().err().unwrap().to_string().contains("1 of 1"));
    }

    #[test]
    fn a_run_that_prints_something_else_does_not_count() {
        let mut echo = Command::new("echo");
        echo.arg("4999");
        let mut contender = Contender::new("echo", echo, Some("5000".to_owned()));
        assert!(contender.run().err().unwrap().to_string().contains("4999"));
        contender.prints = Some("4999".to_owned());
        contender.run().unwrap();
    }
}
