//! A program run as it is, without valgrind: the page faults that the kernel counted for it.

use super::session::{GRACE, Signal};
use rustix::process::{Pid, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A path that names no program.
const NO_PROGRAM: &str = "/dev/null/no-program";

/// The page faults of a program and of the children that it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NativeFaults {
    /// Served without reading a device.
    pub minor: u64,
    /// For which a device was read.
    pub major: u64,
}

/// Returns whether the standard input can be read twice: it is a file or holds nothing, and no pipe or
/// terminal.
pub fn can_read_again() -> bool {
    let meta = fs::metadata("/proc/self/fd/0");
    let target = fs::read_link("/proc/self/fd/0");
    let empty = target.is_ok_and(|path| path.as_os_str() == "/dev/null");
    empty || meta.is_ok_and(|meta| meta.is_file())
}

/// Runs `command` with the standard input from its beginning; what it prints is dropped. Returns its
/// faults from its exec on, and how it ended. Nothing else may start children meanwhile. `interrupt` is
/// asked often for a signal to end the program with; its children end too, unless they left its process
/// group.
///
/// # Errors
/// Errors if it cannot be started, if the system does not count faults, or if `interrupt` ended it.
pub fn run(
    command: &[OsString],
    interrupt: &dyn Fn() -> Option<Signal>,
) -> io::Result<(NativeFaults, ExitStatus)> {
    let (program, args) = command
        .split_first()
        .ok_or_else(|| io::Error::other("no program"))?;
    let start = of_children()?;
    // A child that finds no program to run has the faults of a start alone.
    if started(NO_PROGRAM, args, &|| None).is_ok() {
        return Err(io::Error::other(format!("{NO_PROGRAM} is a program")));
    }
    let before = of_children()?;
    let status = started(program, args, interrupt)?;
    let after = of_children()?;
    let own = |after: u64, before: u64, start: u64| {
        let of_start = before.saturating_sub(start);
        after.saturating_sub(before).saturating_sub(of_start)
    };
    let faults = NativeFaults {
        minor: own(after.minor, before.minor, start.minor),
        major: own(after.major, before.major, start.major),
    };
    Ok((faults, status))
}

/// The time between two looks whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Runs a program, in a process group of its own, to its end.
fn started(
    program: impl AsRef<OsStr>,
    args: &[OsString],
    interrupt: &dyn Fn() -> Option<Signal>,
) -> io::Result<ExitStatus> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::from(File::open("/proc/self/fd/0")?))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let send = |signal| {
        if let Some(group) = group {
            let _ = kill_process_group(group, signal);
        }
    };
    let mut kill_at = None;
    loop {
        if let Some(status) = child.try_wait()? {
            if kill_at.is_none() {
                return Ok(status);
            }
            // Its children had the signal, but not the time.
            send(Signal::KILL);
            return Err(io::ErrorKind::Interrupted.into());
        }
        match (interrupt(), kill_at) {
            (Some(signal), None) => {
                kill_at = Some(Instant::now() + GRACE);
                send(signal);
            }
            (_, Some(at)) if Instant::now() > at => send(Signal::KILL),
            _ => {}
        }
        sleep(LOOK_EVERY);
    }
}

/// Returns the faults of all children that were waited for, as `getrusage` reports them.
fn of_children() -> io::Result<NativeFaults> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    parse(&stat).ok_or_else(|| io::Error::other("/proc/self/stat: no counts of faults"))
}

/// Reads the fields `cminflt` and `cmajflt` of a `/proc/PID/stat`. The program's name is in parentheses
/// and may hold anything.
fn parse(stat: &str) -> Option<NativeFaults> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(8);
    let minor = fields.next()?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some(NativeFaults { minor, major })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_children_are_found() {
        let stat = "77 (a) b) S 1 77 77 34816 77 4194304 133 4211 2 17 0 0 3 4 20 0 1 0 5 6";
        let faults = NativeFaults {
            minor: 4211,
            major: 17,
        };
        assert_eq!(parse(stat), Some(faults));
        for end in 0..40 {
            parse(&stat[..end]);
        }
    }
}
