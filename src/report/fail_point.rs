//! Points at which a program with debug assertions stops or fails on request, so that tests can send
//! signals between any two steps of writing a file. A release has none.
//!
//! `PAGEBENCH_FAIL_AT=STEP:N:ACTION` acts when the process takes `STEP` the `N`-th time, counted from 1.
//! The steps are `create`, `write`, `sync` and `rename` of a whole file, and `append` to one. The action
//! `stop` stops the process as SIGSTOP does, until SIGCONT; `fail` fails the step, and all later ones of
//! its name, as a full disk does.
//!
//! Deliberately absent: what a step is.

use std::io;

/// Passes the point before `step`. Errors if it is to fail.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn pass(_step: &str) -> io::Result<()> {
    Ok(())
}

/// Passes the point before `step`. Errors if it is to fail.
#[cfg(debug_assertions)]
pub fn pass(step: &str) -> io::Result<()> {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static REQUEST: OnceLock<Option<Request>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let request = || {
        let text = std::env::var("PAGEBENCH_FAIL_AT").ok()?;
        Request::parse(&text)
    };
    let Some(request) = REQUEST.get_or_init(request) else {
        return Ok(());
    };
    if request.step != step {
        return Ok(());
    }
    let passed = 1 + PASSED.fetch_add(1, Ordering::SeqCst);
    match request.fails {
        true if passed >= request.number => Err(io::ErrorKind::StorageFull.into()),
        false if passed == request.number => stop(),
        _ => Ok(()),
    }
}

/// What the environment asks for.
#[cfg(debug_assertions)]
struct Request {
    step: String,
    /// How often the step is taken before it acts, that time included.
    number: u64,
    /// Whether it fails; else it stops.
    fails: bool,
}

#[cfg(debug_assertions)]
impl Request {
    /// Parses `STEP:N:ACTION`; returns `None` for anything else.
    fn parse(text: &str) -> Option<Request> {
        let (step, rest) = text.split_once(':')?;
        let (number, action) = rest.split_once(':')?;
        Some(Request {
            step: step.to_owned(),
            number: number.parse().ok()?,
            fails: match action {
                "fail" => true,
                "stop" => false,
                _ => return None,
            },
        })
    }
}

#[cfg(all(debug_assertions, target_os = "linux"))]
fn stop() -> io::Result<()> {
    use rustix::process::{Signal, getpid, kill_process};
    Ok(kill_process(getpid(), Signal::STOP)?)
}

#[cfg(all(debug_assertions, not(target_os = "linux")))]
fn stop() -> io::Result<()> {
    Ok(())
}
