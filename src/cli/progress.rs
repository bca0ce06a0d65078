//! Progress and messages on standard error: bars on a terminal, sparse plain lines elsewhere.
//! A standard error that is gone is no reason to stop.

use super::args::{ProgressMode, TerminalArgs};
use crate::units::show_count;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whether notes and warnings are kept back.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Keeps notes and warnings back from now on (`--quiet`).
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Prints an error, or why the program ends, on standard error.
pub fn message(text: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Prints a note, a warning or progress on standard error; nothing with `--quiet`.
pub fn note(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        message(text);
    }
}

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(30);

/// Shows how far a job of so many references is.
pub struct Progress {
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
}

struct Plain {
    started: Instant,
    last: Instant,
    done: u64,
    total: u64,
}

impl Progress {
    /// For a job of `total` references in `cells` cells.
    pub fn new(args: &TerminalArgs, total: u64) -> Progress {
        let mode = match args.progress {
            _ if args.quiet => ProgressMode::Never,
            // Bars cannot be drawn elsewhere.
            ProgressMode::Auto | ProgressMode::Bar if io::stderr().is_terminal() => {
                ProgressMode::Bar
            }
            ProgressMode::Auto | ProgressMode::Bar => ProgressMode::Plain,
            mode => mode,
        };
        let bar = match mode {
            ProgressMode::Bar => {
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
            }
            _ => ProgressBar::hidden(),
        };
        bar.set_style(
            ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {eta} left")
                .expect("the template is well-formed")
                .progress_chars("=> "),
        );
        let now = Instant::now();
        let plain = (mode == ProgressMode::Plain).then_some(Mutex::new(Plain {
            started: now,
            last: now,
            done: 0,
            total,
        }));
        Progress { bar, plain }
    }

    /// So many more references were replayed.
    pub fn advance(&self, refs: u64) {
        self.bar.inc(refs);
        let speed = self.bar.position() as f64 / self.bar.elapsed().as_secs_f64().max(1e-9);
        self.bar
            .set_message(format!("{} references/s", show_count(speed as u64)));
        let Some(plain) = &self.plain else { return };
        let mut plain = plain.lock().expect("no holder panics");
        plain.done += refs;
        if plain.last.elapsed() >= PLAIN_EVERY {
            plain.last = Instant::now();
            let seconds = plain.started.elapsed().as_secs_f64();
            let left = seconds * (plain.total - plain.done.min(plain.total)) as f64
                / plain.done.max(1) as f64;
            note(&format!(
                "replayed {} of {} references, {} references/s, about {:.0} s left",
                show_count(plain.done),
                show_count(plain.total),
                show_count((plain.done as f64 / seconds) as u64),
                left
            ));
        }
    }

    /// Says something between the lines of progress; not with --quiet.
    pub fn say(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
