//! What is not tested because something cannot be had: said when it turns out, and again at the end, where it is read.

use std::sync::{Mutex, MutexGuard, PoisonError};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Says what is not tested, and why.
pub fn skip(what: &str, why: &anyhow::Error) {
    let line = format!("skipped: {what} ({why:#})");
    eprintln!("{line}");
    lines().push(line);
}

/// Whether anything was.
pub fn any() -> bool {
    !lines().is_empty()
}

/// Says all of it again.
pub fn repeat() {
    for line in lines().iter() {
        eprintln!("{line}");
    }
}

fn lines() -> MutexGuard<'static, Vec<String>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
