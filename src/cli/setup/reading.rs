//! Progress of reading and converting: from two seconds on, how many of the bytes of the files are
//! read. A thread looks at a count that the readers keep; they do not wait for it.

use super::progress::{is_hidden, note};
use crate::trace::codec::bytes_read;
use crate::units::show_bytes;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nothing is shown before.
pub const SILENT: Duration = Duration::from_secs(2);
/// The time between two lines where no bar can be drawn.
pub const LINES_EVERY: Duration = Duration::from_secs(30);
/// The time between two looks for a bar.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// Shows how far reading is until it is dropped.
pub struct Reading {
    /// Dropped to end the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    /// Begins to watch the reading of `paths`. `done` is the word of lines: `read`, `converted`.
    pub fn watch<'p>(done: &'static str, paths: impl Iterator<Item = &'p Path>) -> Reading {
        if is_hidden() {
            return Reading {
                alive: None,
                thread: None,
            };
        }
        // Of a pipe the end is not known.
        let size = |path: &Path| {
            let meta = std::fs::metadata(path).ok()?;
            meta.is_file().then_some(meta.len())
        };
        let sizes = paths.map(size);
        let total = sizes.sum::<Option<u64>>();
        let (alive, ended) = channel();
        let watched = Watched {
            done,
            total,
            start: Instant::now(),
            before: bytes_read(),
        };
        let thread = thread::Builder::new().spawn(move || watched.show_until(&ended));
        Reading {
            alive: Some(alive),
            // Without a thread there is no progress.
            thread: thread.ok(),
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Watched {
    done: &'static str,
    /// The bytes of all files; `None` if it is not known.
    total: Option<u64>,
    start: Instant,
    /// The bytes that were read before.
    before: u64,
}

impl Watched {
    fn show_until(self, ended: &Receiver<()>) {
        let goes_on = |wait| ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
        if !goes_on(SILENT) {
            return;
        }
        let bar = self.total.filter(|_| io::stderr().is_terminal()).map(bar);
        let every = if bar.is_some() {
            BAR_EVERY
        } else {
            LINES_EVERY
        };
        loop {
            let read = bytes_read() - self.before;
            match &bar {
                Some(bar) => bar.set_position(read),
                None => self.line(read),
            }
            if !goes_on(every) {
                break;
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }

    /// Prints a line, unless all is read.
    fn line(&self, read: u64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let done = self.done;
        match self.total {
            None => note(&format!("{done} {} so far", show_bytes(read))),
            Some(total) if read < total => {
                let left = seconds * (total - read) as f64 / read.max(1) as f64;
                note(&format!(
                    "{done} {} of {}, about {left:.0} s left",
                    show_bytes(read),
                    show_bytes(total)
                ));
            }
            Some(_) => {}
        }
    }
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(
        ProgressStyle::with_template("{bar:32} {percent:>3} % of {total_bytes} read  {eta} left")
            .expect("the template is well-formed")
            .progress_chars("=> "),
    );
    bar
}
