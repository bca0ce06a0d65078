//! What the program does when it is interrupted (Ctrl-C) or terminated.

use super::progress::message;
use crate::exit::{self, ExitCode};
use crate::report::file::remove_unfinished;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals, as a sweep sees them.
pub struct Signals {
    stop: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Until [`Signals::hold`] a signal ends the program, since there is nothing to keep. Then the
    /// first one ends the sweep after the cells under way, a second one the program.
    pub fn watch() -> Signals {
        let stop = Arc::new(AtomicBool::new(false));
        let terminated = Arc::new(AtomicBool::new(false));
        let at_once = Arc::new(AtomicBool::new(true));
        for (signal, code) in [(SIGINT, exit::INTERRUPTED), (SIGTERM, exit::TERMINATED)] {
            // Without handlers the program ends at once, which is no worse than before.
            for when in [&at_once, &stop] {
                let code = i32::from(code.code);
                let _ =
                    signal_hook::flag::register_conditional_shutdown(signal, code, when.clone());
            }
            let _ = signal_hook::flag::register(signal, stop.clone());
        }
        let _ = signal_hook::flag::register(SIGTERM, terminated.clone());
        Signals {
            stop,
            terminated,
            at_once,
        }
    }

    /// From now on there is something to keep.
    pub fn hold(&self) {
        self.at_once.store(false, Ordering::Relaxed);
    }

    /// True once a signal came.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The exit code that a signal asks for, if one came.
    pub fn code(&self) -> Option<ExitCode> {
        match (
            self.stop.load(Ordering::Relaxed),
            self.terminated.load(Ordering::Relaxed),
        ) {
            (false, _) => None,
            (true, false) => Some(exit::INTERRUPTED),
            (true, true) => Some(exit::TERMINATED),
        }
    }
}

/// A signal removes the file that is being written and ends the program.
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
