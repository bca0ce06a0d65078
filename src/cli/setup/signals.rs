//! What the program does at SIGHUP (the terminal is closed), SIGINT (Ctrl-C) and SIGTERM, from its first
//! moment to its last.
//!
//! A thread waits for signals, so that the main thread may be anywhere. Unless a command says otherwise,
//! the first signal removes unfinished files and exits. A command with work worth keeping has it finished
//! first: [`Signals::finish_running_cells_first`] and its like tolerate signals, which [`Signals::code`]
//! reports. One signal more than is tolerated exits all the same.
//!
//! The state belongs to the process, like its signals. Exit codes are in `exit`.

use super::progress::message;
use crate::exit::{self, ExitCode};
use crate::report::whole_file::remove_unfinished;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// What is done at a signal.
struct State {
    /// The signals that came.
    came: u32,
    /// The signals that do not exit.
    tolerated: u32,
    /// What is left behind, for the message at an exit; no message if empty.
    left: String,
    /// The first signal that came.
    first: Option<ExitCode>,
}

static STATE: Mutex<State> = Mutex::new(State {
    came: 0,
    tolerated: 0,
    left: String::new(),
    first: None,
});

/// Ends a sweep early. Set by the first signal, or by [`Signals::stop_sweep`].
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The flags by which handlers themselves act where no thread waits for signals.
static WITHOUT_THREAD: OnceLock<Flags> = OnceLock::new();

fn state() -> MutexGuard<'static, State> {
    // No panic leaves it half changed.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exit code of a signal.
fn code_of(signal: i32) -> ExitCode {
    match signal {
        SIGHUP => exit::HUNG_UP,
        SIGTERM => exit::TERMINATED,
        _ => exit::INTERRUPTED,
    }
}

/// Begins to act at signals, for the whole process. A limit on the size of files becomes an error of the
/// write that exceeds it.
pub fn install() {
    // A handler, and not "ignore": programs that are started get the default back.
    let _ = flag::register(SIGXFSZ, Arc::default());
    let mut signals = vec![SIGINT, SIGTERM];
    // nohup has SIGHUP ignored, and it stays so.
    if !is_ignored(SIGHUP) {
        signals.push(SIGHUP);
    }
    if wait_in_thread(&signals).is_err() {
        let flags = Flags::default();
        flags.register(&signals);
        let _ = WITHOUT_THREAD.set(flags);
    }
}

/// Returns whether the process was started with `signal` ignored; false where the system does not tell.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Starts the thread that waits for `signals`.
fn wait_in_thread(signals: &[i32]) -> std::io::Result<()> {
    // Once the program is ending, a further signal ends it on the spot: its message may not be read.
    let ending = Arc::new(AtomicBool::new(false));
    let mut waiting = signal_hook::iterator::Signals::new(signals)?;
    let handle = waiting.handle();
    let ends = ending.clone();
    let body = move || {
        for signal in waiting.forever() {
            handle_signal(code_of(signal), &ends);
        }
    };
    if let Err(error) = thread::Builder::new().name("signals".into()).spawn(body) {
        handle.close();
        return Err(error);
    }
    for &signal in signals {
        let code = code_of(signal).code.into();
        let _ = flag::register_conditional_shutdown(signal, code, ending.clone());
    }
    Ok(())
}

/// Notes a signal, or exits.
fn handle_signal(code: ExitCode, ending: &AtomicBool) {
    let mut state = state();
    state.came += 1;
    state.first.get_or_insert(code);
    STOP.store(true, Ordering::Relaxed);
    if state.came > state.tolerated {
        end(&state, ending);
    }
}

/// Removes what is unfinished and exits. The caller's lock keeps all others from ending otherwise.
fn end(state: &State, ending: &AtomicBool) -> ! {
    remove_unfinished();
    ending.store(true, Ordering::Relaxed);
    let code = state.first.unwrap_or(exit::INTERRUPTED);
    if !state.left.is_empty() {
        message(&format!("{}: {}", code.shown(), state.left));
    }
    std::process::exit(code.code.into());
}

/// Handlers that set flags, or exit and leave unfinished files.
#[derive(Default)]
struct Flags {
    at_once: Arc<AtomicBool>,
    came: Arc<AtomicBool>,
    hung_up: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

impl Flags {
    fn register(&self, signals: &[i32]) {
        self.at_once.store(true, Ordering::Relaxed);
        for &signal in signals {
            let code = code_of(signal).code.into();
            // Before the flags: after them, the first signal would see its own flag and exit.
            for condition in [&self.at_once, &self.came] {
                let _ = flag::register_conditional_shutdown(signal, code, condition.clone());
            }
            let own = match signal {
                SIGHUP => &self.hung_up,
                SIGTERM => &self.terminated,
                _ => &self.came,
            };
            for flag in [&self.came, own, &*STOP] {
                let _ = flag::register(signal, flag.clone());
            }
        }
    }

    fn code(&self) -> Option<ExitCode> {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is(&self.came).then(|| match (is(&self.hung_up), is(&self.terminated)) {
            (true, _) => exit::HUNG_UP,
            (_, true) => exit::TERMINATED,
            _ => exit::INTERRUPTED,
        })
    }
}

/// Tolerates `signals` from now on.
fn tolerate(signals: u32) {
    state().tolerated = signals;
    if let Some(flags) = WITHOUT_THREAD.get() {
        flags.at_once.store(signals == 0, Ordering::Relaxed);
    }
}

/// Says what is left behind by an exit from now on: a fragment, or an empty text for no message.
pub fn leaves(what: &str) {
    state().left = what.to_owned();
}

/// Returns the exit code of the first signal that came; `None` if none came.
pub fn came() -> Option<ExitCode> {
    let flags = WITHOUT_THREAD.get();
    flags.map_or_else(|| state().first, Flags::code)
}

/// Returns the exit code of the program, which `code` is unless a signal came. No signal counts any more.
pub fn last_word(code: ExitCode) -> ExitCode {
    let code = match came() {
        Some(signal) => exit::worse(code, signal),
        None => code,
    };
    // If the program is being ended by a signal, this waits for that.
    std::mem::forget(state());
    code
}

/// Signals during work that is worth keeping.
#[derive(Debug, Clone, Copy)]
pub struct Signals(());

impl Signals {
    /// Returns the signals of the process. `left` is what is left behind if one comes now: "nothing was
    /// replayed".
    pub fn watch(left: &str) -> Signals {
        leaves(left);
        Signals(())
    }

    /// From now on the first signal lets running cells, or the writing of results, finish; the second exits.
    pub fn finish_running_cells_first(&self) {
        tolerate(1);
    }

    /// From now on two signals are left to the caller; the third exits.
    pub fn leave_two(&self) {
        tolerate(2);
    }

    /// From now on the next signal exits, since everything worth keeping is kept: `left` says what. Exits
    /// at once if a signal came that the caller, who has `seen` one or none, has not seen.
    pub fn finish_nothing(&self, left: &str, seen: Option<ExitCode>) {
        let mut state = state();
        state.left = left.to_owned();
        if seen.is_none() && state.first.is_some() {
            end(&state, &AtomicBool::new(false));
        }
        state.tolerated = state.came;
        drop(state);
        if let Some(flags) = WITHOUT_THREAD.get() {
            flags.at_once.store(true, Ordering::Relaxed);
        }
    }

    /// Ends the sweep after the running cells, as when results cannot be written. No signal came.
    pub fn stop_sweep(&self) {
        STOP.store(true, Ordering::Relaxed);
    }

    /// Returns the flag that ends the sweep once it is true.
    pub fn stop(&self) -> &'static AtomicBool {
        &STOP
    }

    /// Returns the exit code of the first signal that came; `None` if none came.
    pub fn code(&self) -> Option<ExitCode> {
        came()
    }

    /// Returns the number of signals that came.
    pub fn count(&self) -> u32 {
        match WITHOUT_THREAD.get() {
            Some(flags) => u32::from(flags.code().is_some()),
            None => state().came,
        }
    }
}
