//! A recording in progress: valgrind is started, its log is drained into a sink, and processes are ended
//! when the sink wants no more or the user interrupts. Messages and the signals to pagebench itself are
//! the caller's business ([`Watch`]).

use super::log_socket::{self, Channel, Received};
use super::{Live, ProcessSummary, RecordOptions, Recorder, RecordingSink, Repairs};
use crate::units::Printable;
use rustix::process::{Pid, kill_process};
use std::collections::HashSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;

/// The time between a program's SIGTERM or SIGINT and its SIGKILL.
pub const GRACE: Duration = Duration::from_secs(3);
/// The time after a program's end until [`Watch::children_run_on`] is called.
const SILENCE: Duration = Duration::from_secs(2);

/// Why a recording could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no socket for the log.
    #[error("cannot open a channel for valgrind's log: {0}")]
    Channel(io::Error),
    /// This valgrind cannot be started.
    #[error("{}: cannot start: {error}", .valgrind.printed())]
    Valgrind {
        /// The program.
        valgrind: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

/// A request of the user to end the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// The first one. The signal goes to all processes; `None` if they have it already.
    First(Option<Signal>),
    /// A further one: all processes are killed.
    Again,
}

/// The user's side of a recording.
pub trait Watch {
    /// Returns the interrupt that came since the last call.
    fn interrupt(&mut self) -> Option<Interrupt>;
    /// The program has ended, but its children are still recorded.
    fn children_run_on(&mut self);
    /// Called often: `accesses` is the number of accesses recorded so far.
    fn recorded(&mut self, accesses: u64);
}

/// Returns the file of a program, as a shell finds it; `None` if there is none that can be run.
pub fn find(program: &OsStr) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(runs);
    }
    if program.is_empty() {
        return None;
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(runs)
}

/// A recording in progress.
pub struct Session<K> {
    child: Child,
    status: Option<ExitStatus>,
    recorder: Recorder<Live, K>,
    /// Deadline for killing remaining processes.
    end_by: Option<Instant>,
    /// When the program exited; `None` once its children were mentioned.
    ended: Option<Instant>,
    /// Whether the sink wanted no more.
    limited: bool,
    /// Late processes already sent SIGTERM.
    terminated_late: HashSet<u32>,
}

impl<K: RecordingSink> Session<K> {
    /// Starts `command` under `valgrind`, recorded into `sink`.
    ///
    /// # Errors
    ///
    /// Errors if there is no socket for the log, or if valgrind cannot be started.
    pub fn start(
        valgrind: &Path,
        command: &[OsString],
        options: RecordOptions,
        sink: K,
    ) -> Result<(Session<K>, Channel), StartError> {
        let system = Live::before_program();
        let (writing, channel) = log_socket::open().map_err(StartError::Channel)?;
        let child = Command::new(valgrind)
            .args(["--tool=lackey", "--basic-counts=no", "--trace-mem=yes"])
            .args(["--trace-syscalls=yes", "--trace-children=yes"])
            // A server for debuggers would leave files in /tmp if the program is killed.
            .arg("--vgdb=no")
            .arg(format!("--log-fd={}", writing.descriptor()))
            .arg("--")
            .args(command)
            .spawn()
            .map_err(|error| StartError::Valgrind {
                valgrind: valgrind.to_path_buf(),
                error,
            })?;
        let session = Session {
            child,
            status: None,
            recorder: Recorder::new(system, options, sink),
            end_by: None,
            ended: None,
            limited: false,
            terminated_late: HashSet::new(),
        };
        Ok((session, channel))
    }

    /// Drains the log into the sink until all processes have ended. `watch` can end the program. All
    /// processes are killed if the sink fails.
    ///
    /// # Errors
    ///
    /// Errors if the log cannot be read or the sink fails.
    pub fn drain(&mut self, channel: Channel, watch: &mut dyn Watch) -> io::Result<()> {
        let drained = self.drain_log(channel, watch);
        if drained.is_err() {
            self.kill(Signal::KILL);
        }
        drained
    }

    fn drain_log(&mut self, mut channel: Channel, watch: &mut dyn Watch) -> io::Result<()> {
        loop {
            match channel.receive()? {
                Received::End => return Ok(()),
                Received::Bytes(pid, bytes) if !self.limited => {
                    if !self.recorder.take(pid, bytes)? {
                        self.limited = true;
                        self.end(Signal::TERM);
                    }
                    watch.recorded(self.recorder.accesses());
                }
                Received::Bytes(pid, _) => self.end_late_process(pid),
                Received::Nothing => self.check_children(watch)?,
            }
            self.check_interrupts(watch);
            if self.is_past_deadline() {
                self.kill(Signal::KILL);
                if self.end_by.is_some_and(|end_by| end_by.elapsed() > GRACE) {
                    // A process that cannot be killed holds the channel.
                    return Ok(());
                }
            }
        }
    }

    /// Ends a process that still logs after the limit: it may have started after the others were ended.
    fn end_late_process(&mut self, pid: u32) {
        if self.is_past_deadline() {
            send(pid, Signal::KILL);
        } else if self.terminated_late.insert(pid) {
            send(pid, Signal::TERM);
        }
    }

    fn is_past_deadline(&self) -> bool {
        self.end_by.is_some_and(|end_by| Instant::now() > end_by)
    }

    /// Learns whether the program has exited; notes if its children run on.
    fn check_children(&mut self, watch: &mut dyn Watch) -> io::Result<()> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
            self.ended = self.status.map(|_| Instant::now());
        }
        let silent = self.ended.is_some_and(|ended| ended.elapsed() > SILENCE);
        if silent && self.end_by.is_none() {
            self.ended = None;
            watch.children_run_on();
        }
        Ok(())
    }

    /// The first interrupt ends the program, and the recording with it; a second one kills it.
    fn check_interrupts(&mut self, watch: &mut dyn Watch) {
        match watch.interrupt() {
            None => {}
            Some(Interrupt::First(signal)) => {
                self.end_by = Some(Instant::now() + GRACE);
                if let Some(signal) = signal {
                    self.kill(signal);
                }
            }
            Some(Interrupt::Again) => self.end_by = Some(Instant::now()),
        }
    }

    /// Sends `signal` to all processes; they are killed after a grace period.
    fn end(&mut self, signal: Signal) {
        self.end_by = Some(Instant::now() + GRACE);
        self.kill(signal);
    }

    fn kill(&self, signal: Signal) {
        if self.status.is_none() {
            send(self.child.id(), signal);
        }
        for pid in self.recorder.alive().filter(|&pid| pid != self.child.id()) {
            send(pid, signal);
        }
    }

    /// Waits for the program. Returns how it ended.
    ///
    /// # Errors
    ///
    /// Errors if it cannot be waited for.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        match self.status {
            Some(status) => Ok(status),
            None => self.child.wait(),
        }
    }

    /// Returns true if the sink wanted no more before the program ended.
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// Ends the recording. Returns the sink, the processes and what was added or left out.
    ///
    /// # Errors
    ///
    /// Errors if the sink fails.
    pub fn finish(self) -> io::Result<(K, Vec<ProcessSummary>, Repairs)> {
        self.recorder.finish()
    }
}

/// Sends a signal to a process; nothing if the process is gone.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
