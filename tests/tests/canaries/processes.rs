//! The command lines of all processes, which anybody on a machine can read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::canary::Canaries;

/// Looks again and again until it is ended.
pub(crate) struct Watch {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Vec<u8>>>,
    canaries: Canaries,
}

impl Watch {
    pub(crate) fn start(canaries: &Canaries) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let ended = ends.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = std::collections::BTreeSet::new();
            while !ended.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                    // A process that has ended meanwhile has none.
                    if let Ok(line) = std::fs::read(entry.path().join("cmdline")) {
                        seen.insert(line);
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            seen.into_iter().collect()
        });
        Self { ends, thread, canaries: canaries.clone() }
    }

    /// What they have told.
    pub(crate) fn end(self) -> Vec<String> {
        self.ends.store(true, Ordering::Relaxed);
        let lines = self.thread.join().unwrap();
        let leaks = lines.iter().flat_map(|line| {
            let leaks = self.canaries.search(line).into_iter();
            leaks.map(|leak| format!("`{}`: {leak}", String::from_utf8_lossy(line).replace('\0', " ")))
        });
        leaks.collect()
    }
}
