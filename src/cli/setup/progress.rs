//! Progress and messages on standard error: bars on a terminal, sparse plain lines elsewhere.
//! A standard error that is closed stops nothing.

use crate::cli::args::{ProgressMode, TerminalArgs};
use crate::units::{guarded, show_count};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whether notes and warnings are suppressed.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether progress is never shown.
static HIDDEN: AtomicBool = AtomicBool::new(false);

/// Shows no progress of reading from now on (`--progress never`).
pub fn hide_progress() {
    HIDDEN.store(true, Ordering::Relaxed);
}

/// Returns whether progress of reading is not shown.
pub fn is_hidden() -> bool {
    HIDDEN.load(Ordering::Relaxed) || QUIET.load(Ordering::Relaxed)
}

/// Suppresses notes and warnings from now on (`--quiet`).
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Prints an error, or why the program ends, on standard error, [`guarded`].
pub fn message(text: &str) {
    workflow_command(&guarded(text));
}

/// Prints a line that GitHub Actions obeys. Data in it must be escaped already.
pub fn workflow_command(line: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{line}");
}

/// Prints a note, a warning or progress on standard error; nothing with `--quiet`.
pub fn note(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        message(text);
    }
}

/// The time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Shows how far a job is, which is measured in references.
pub struct Progress {
    /// Hidden unless bars are shown; it counts in every mode.
    bar: ProgressBar,
    /// When the last plain line was printed; `None` in other modes.
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    /// Shows the progress of a job of `total` references, in the mode that `args` asks for.
    pub fn new(args: &TerminalArgs, total: u64) -> Progress {
        let mode = match args.progress {
            _ if args.quiet.quiet => ProgressMode::Never,
            // A bar needs a terminal.
            ProgressMode::Auto | ProgressMode::Bar if io::stderr().is_terminal() => {
                ProgressMode::Bar
            }
            ProgressMode::Auto | ProgressMode::Bar => ProgressMode::Plain,
            mode => mode,
        };
        let target = match mode {
            ProgressMode::Bar => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(
            ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {eta} left")
                .expect("the template is well-formed")
                .progress_chars("=> "),
        );
        let last_line = (mode == ProgressMode::Plain).then(|| Mutex::new(Instant::now()));
        Progress { bar, last_line }
    }

    /// Adds `refs` replayed references.
    pub fn advance(&self, refs: u64) {
        self.bar.inc(refs);
        let done = self.bar.position();
        let seconds = self.bar.elapsed().as_secs_f64().max(1e-9);
        let speed = show_count((done as f64 / seconds) as u64);
        self.bar.set_message(format!("{speed} references/s"));
        let Some(last) = &self.last_line else { return };
        let mut last = last.lock().expect("no holder panics");
        if last.elapsed() < PLAIN_EVERY {
            return;
        }
        *last = Instant::now();
        let total = self.bar.length().unwrap_or(0);
        let left = seconds * total.saturating_sub(done) as f64 / done.max(1) as f64;
        note(&format!(
            "replayed {} of {} references, {speed} references/s, about {left:.0} s left",
            show_count(done),
            show_count(total),
        ));
    }

    /// Prints a note above the bar; nothing with `--quiet`.
    pub fn note(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
