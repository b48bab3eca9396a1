//! The terminal that moving lines are drawn on.

use std::io::{self, Write};
use std::sync::Mutex;

use console::Term;
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};

use super::stdout::writing;

/// How often a second the lines are drawn at the most.
const REFRESHES: u8 = 20;

/// The lines that move now.
static MOVING: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Lines that move, on standard error. Those that moved before have been taken away by then.
pub(crate) fn moving_lines() -> MultiProgress {
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(Screen(Term::buffered_stderr())), REFRESHES);
    let lines = MultiProgress::with_draw_target(target);
    if let Ok(mut moving) = MOVING.lock() {
        *moving = Some(lines.clone());
    }
    lines
}

/// Says a line on standard error, whoever listens; above the lines that move.
pub(crate) fn say(line: &str) {
    // If nobody can be told, there is nobody to tell that either.
    let write = || writing(|| drop(writeln!(io::stderr().lock(), "{line}")));
    match MOVING.lock().ok().and_then(|moving| moving.clone()) {
        Some(lines) => lines.suspend(write),
        None => write(),
    }
}

/// A terminal whose cursor waits at the beginning of the last line. Where the library leaves it, behind the last
/// column, the `^C` that terminals show for the key goes to a line of its own, and one line too few is taken away.
#[derive(Debug)]
struct Screen(Term);

impl TermLike for Screen {
    fn width(&self) -> u16 {
        TermLike::width(&self.0)
    }

    fn height(&self) -> u16 {
        TermLike::height(&self.0)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}
