//! What the program does when it is interrupted (Ctrl-C) or terminated.

use super::progress::message;
use crate::exit::{self, ExitCode};
use crate::report::whole_file::remove_unfinished;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals during a sweep, and the flag that ends the sweep early.
pub struct Signals {
    /// The sweep is to end after the running cells.
    stop: Arc<AtomicBool>,
    /// A signal came.
    came: Arc<AtomicBool>,
    /// SIGTERM came.
    terminated: Arc<AtomicBool>,
    /// A first signal exits at once, since there is nothing to keep.
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Registers the handlers. A signal exits at once until [`Signals::finish_running_cells_first`]. From
    /// then on the first signal stops the sweep after the running cells; the second exits.
    pub fn watch() -> Signals {
        let signals = Signals {
            stop: Arc::default(),
            came: Arc::default(),
            terminated: Arc::default(),
            at_once: Arc::new(AtomicBool::new(true)),
        };
        // If a registration fails, the default action remains: exit.
        for (signal, code) in [(SIGINT, exit::INTERRUPTED), (SIGTERM, exit::TERMINATED)] {
            // The shutdowns are registered before the flags: after them, the first signal would see its
            // own flag and exit.
            for condition in [&signals.at_once, &signals.came] {
                let _ = signal_hook::flag::register_conditional_shutdown(
                    signal,
                    code.code.into(),
                    condition.clone(),
                );
            }
            for flag in [&signals.came, &signals.stop] {
                let _ = signal_hook::flag::register(signal, flag.clone());
            }
        }
        let _ = signal_hook::flag::register(SIGTERM, signals.terminated.clone());
        signals
    }

    /// From now on the first signal lets running cells finish.
    pub fn finish_running_cells_first(&self) {
        self.at_once.store(false, Ordering::Relaxed);
    }

    /// Ends the sweep after the running cells, as when results cannot be written. No signal came.
    pub fn stop_sweep(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The flag that ends the sweep once it is true.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Returns the exit code of the signal that came; `None` if none came.
    pub fn code(&self) -> Option<ExitCode> {
        if !self.came.load(Ordering::Relaxed) {
            return None;
        }
        Some(if self.terminated.load(Ordering::Relaxed) {
            exit::TERMINATED
        } else {
            exit::INTERRUPTED
        })
    }
}

/// From now on a signal removes the file that is being written and exits.
pub fn end_cleanly() {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            remove_unfinished();
            let (word, code) = match signal {
                SIGTERM => ("terminated", exit::TERMINATED),
                _ => ("interrupted", exit::INTERRUPTED),
            };
            message(&format!("{word}: nothing was written"));
            std::process::exit(code.code.into());
        }
    });
}
