//! A program run as it is, without valgrind: the page faults that the kernel counted for it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::process::{Command, ExitStatus, Stdio};

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
/// faults from its exec on, and how it ended. Nothing else may start children meanwhile.
///
/// # Errors
/// Errors if it cannot be started, or the system does not count faults.
pub fn run(command: &[OsString]) -> io::Result<(NativeFaults, ExitStatus)> {
    let (program, args) = command
        .split_first()
        .ok_or_else(|| io::Error::other("no program"))?;
    let start = of_children()?;
    // A child that finds no program to run has the faults of a start alone.
    if started(NO_PROGRAM, args).is_ok() {
        return Err(io::Error::other(format!("{NO_PROGRAM} is a program")));
    }
    let before = of_children()?;
    let status = started(program, args)?;
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

/// Runs a program to its end.
fn started(program: impl AsRef<OsStr>, args: &[OsString]) -> io::Result<ExitStatus> {
    Command::new(program)
        .args(args)
        .stdin(Stdio::from(File::open("/proc/self/fd/0")?))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
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
