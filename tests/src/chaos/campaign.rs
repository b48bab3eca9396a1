//! Many schedules, side by side.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::runtime::{Builder, Runtime};

use super::{Clumsiness, Story, api, reads};

/// A schedule that takes longer turns in circles: its time is virtual or short. Counted in looks, so that a process that
/// was stopped for a while is not taken for one that hangs.
const LONGEST: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(5);

/// Schedules that read run so many at a time: most of what they do is wait.
const READS_AT_ONCE: usize = 8;

/// Of so many schedules in a row one reads from the server, the others use the API.
const ONE_READS_OF: u64 = 3;

/// Which schedules to run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The first seed; each further schedule has the next one.
    pub seed: u64,
    /// How many.
    pub schedules: u64,
    /// No schedule begins after this.
    pub time: Option<Duration>,
    /// A PostgreSQL, as `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Without one nothing is read over a network.
    pub postgres: Option<String>,
    /// What is done wrongly on purpose.
    pub clumsiness: Clumsiness,
}

/// A schedule in which something did not hold.
#[derive(Debug)]
pub struct Broken {
    /// It alone makes the schedule.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
}

/// What came of a campaign.
#[derive(Debug)]
pub struct Summary {
    /// How many schedules were run.
    pub schedules: u64,
    /// Those in which something did not hold.
    pub broken: Vec<Broken>,
    /// What happened.
    pub story: Story,
    /// How long it took.
    pub took: Duration,
}

/// What the workers share.
struct Shared {
    campaign: Campaign,
    began: Instant,
    /// The next seed of each kind.
    next: [AtomicU64; 2],
    /// With the number of looks at which each began.
    running: Mutex<Vec<(u64, u64)>>,
    looks: AtomicU64,
    summary: Mutex<Summary>,
    report: Box<dyn Fn(&Summary) + Send + Sync>,
}

/// Panics, wherever they were; those of tasks would go unseen.
static PANICS: AtomicUsize = AtomicUsize::new(0);

impl Campaign {
    /// Runs it and calls `report` after each schedule.
    ///
    /// # Errors
    /// The server cannot be reached, or a schedule does not end: the message has its seed.
    pub fn run(&self, report: impl Fn(&Summary) + Send + Sync + 'static) -> Result<Summary> {
        count_panics();
        if let Some(url) = &self.postgres {
            real_time()?.block_on(reads::prepare(url))?;
        }
        let summary =
            Summary { schedules: 0, broken: Vec::new(), story: Story::default(), took: Duration::ZERO };
        let shared = Arc::new(Shared {
            campaign: self.clone(),
            began: Instant::now(),
            next: [AtomicU64::new(0), AtomicU64::new(0)],
            running: Mutex::default(),
            looks: AtomicU64::new(0),
            summary: Mutex::new(summary),
            report: Box::new(report),
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut workers = Vec::new();
        for number in 0..cores + usize::from(self.postgres.is_some()) {
            let shared = shared.clone();
            workers.push(std::thread::spawn(move || {
                if number < cores { shared.api_schedules() } else { shared.read_schedules() }
            }));
        }
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(LOOK);
            // A thread that turns in circles cannot be ended, so it is left behind.
            shared.see_that_all_end()?;
        }
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker has panicked"))??;
        }
        let shared = Arc::into_inner(shared).context("a worker goes on")?;
        let mut summary = shared.summary.into_inner().unwrap_or_else(PoisonError::into_inner);
        summary.broken.sort_by_key(|broken| broken.seed);
        summary.took = shared.began.elapsed();
        ensure!(summary.schedules > 0, "no schedule was run");
        Ok(summary)
    }

    fn reads_with(&self, seed: u64) -> bool {
        self.postgres.is_some() && seed.is_multiple_of(ONE_READS_OF)
    }
}

impl Shared {
    /// The next seed of a kind, as long as there is one. A mistake that was made on purpose needs to be noticed once.
    fn next(&self, reads: bool) -> Option<u64> {
        let is_noticed = || !self.summary.lock().unwrap_or_else(PoisonError::into_inner).broken.is_empty();
        if self.campaign.clumsiness != Clumsiness::None && is_noticed() {
            return None;
        }
        let Campaign { seed, schedules, time, .. } = &self.campaign;
        loop {
            let number = self.next[usize::from(reads)].fetch_add(1, Ordering::Relaxed);
            if number >= *schedules || time.as_ref().is_some_and(|time| self.began.elapsed() > *time) {
                return None;
            }
            let seed = seed.wrapping_add(number);
            if self.campaign.reads_with(seed) == reads {
                return Some(seed);
            }
        }
    }

    /// Each with a runtime of its own, whose time stands still until everybody waits for it.
    fn api_schedules(&self) -> Result<()> {
        while let Some(seed) = self.next(false) {
            let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
            let panics = PANICS.load(Ordering::Relaxed);
            self.begins(seed);
            let outcome = runtime.block_on(api::run(seed, self.campaign.clumsiness));
            drop(runtime);
            self.ends(seed, panics, outcome);
        }
        Ok(())
    }

    fn read_schedules(&self) -> Result<()> {
        let url = self.campaign.postgres.as_deref().context("a server")?;
        real_time()?.block_on(async {
            let one = async || {
                while let Some(seed) = self.next(true) {
                    let panics = PANICS.load(Ordering::Relaxed);
                    self.begins(seed);
                    let outcome = reads::run(seed, url, self.campaign.clumsiness).await;
                    self.ends(seed, panics, outcome);
                }
            };
            futures::future::join_all((0..READS_AT_ONCE).map(|_| one())).await;
        });
        Ok(())
    }

    fn begins(&self, seed: u64) {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((seed, self.looks.load(Ordering::Relaxed)));
    }

    fn ends(&self, seed: u64, panics: usize, outcome: Result<Story>) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).retain(|(running, _)| *running != seed);
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        summary.schedules += 1;
        summary.took = self.began.elapsed();
        let panicked = PANICS.load(Ordering::Relaxed) > panics;
        match outcome {
            Ok(story) => {
                summary.story.add(story);
                if panicked {
                    let what = "something has panicked in it, or in one beside it".to_owned();
                    summary.broken.push(Broken { seed, what });
                }
            }
            Err(error) => summary.broken.push(Broken { seed, what: format!("{error:#}") }),
        }
        (self.report)(&summary);
    }

    fn see_that_all_end(&self) -> Result<()> {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        let since =
            |began: u64| LOOK.saturating_mul(u32::try_from(looks.saturating_sub(began)).unwrap_or(u32::MAX));
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let stuck: Vec<u64> =
            running.iter().filter(|(_, began)| since(*began) > LONGEST).map(|(seed, _)| *seed).collect();
        ensure!(stuck.is_empty(), "the schedules of these seeds do not end: {stuck:?}");
        Ok(())
    }
}

fn real_time() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            before(info);
        }));
    });
}
