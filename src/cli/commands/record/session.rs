//! Runs a program under valgrind and records it: finds both, drains the log into the file, and handles
//! signals and the end.

use super::{RecordArgs, Recorded, trace_name};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::progress::note;
use crate::exit::{self, ExitCode};
use crate::record::log_socket;
use crate::record::log_socket::{Channel, Received};
use crate::record::{Live, Recorder, RecordingSink};
use crate::report::whole_file::WholeFile;
use crate::trace::model::access::{Access, Addressing, TraceKind};
use crate::trace::model::assembler::Assembler;
use crate::trace::model::event::Event;
use crate::trace::model::refs::{Meta, References};
use crate::trace::model::selection::{Flow, Selection};
use crate::trace::model::sink::Sink as _;
use crate::trace::store::{Summary, Writer};
use crate::units::PageSize;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::collections::HashSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time between a program's SIGTERM or SIGINT and its SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// The time after a program's end until a note says that its children are still recorded.
const SILENCE: Duration = Duration::from_secs(2);

/// The exit code of a recording: the program's own, which is not in the table of codes.
const PROGRAM: ExitCode = ExitCode {
    code: 0,
    name: "program",
    about: "what the recorded program returned",
};

/// Runs the program and stores its accesses.
pub fn run(args: &RecordArgs, output: &Path) -> Result<Recorded, Failure> {
    let valgrind = find(OsStr::new("valgrind")).ok_or_else(no_valgrind)?;
    let program = args
        .command
        .first()
        .map(OsString::as_os_str)
        .unwrap_or_default();
    if find(program).is_none() {
        let name = program.display();
        return Err(Failure::usage(format!(
            "{name}: no program that can be run; name one in PATH, or the path of one"
        )));
    }
    let fail = |e: io::Error| Failure::file(output, e);
    let file = WholeFile::create(output).map_err(fail)?;
    let out = BufWriter::with_capacity(1 << 18, file);
    let recording = RecordingFile::new(args, out).map_err(fail)?;
    let interrupts = Interrupts::watch();
    let (child, channel) = start(&valgrind, &args.command)?;
    let mut session = Session {
        child,
        status: None,
        recorder: Recorder::new(Live, recording),
        interrupts,
        end_by: None,
        ended: None,
        limited: false,
        terminated_late: HashSet::new(),
    };
    let drained = session.drain(channel);
    if drained.is_err() {
        session.kill(Signal::KILL);
    }
    let status = session.wait()?;
    drained.map_err(fail)?;
    let code = session.code(status);
    let (recording, processes, repairs) = session.recorder.finish().map_err(fail)?;
    let references = recording.refs_by_process.clone();
    let summary = recording.finish(trace_name(args, output), output, status)?;
    Ok(Recorded {
        summary,
        references,
        processes,
        repairs,
        limited: session.limited,
        code,
    })
}

fn no_valgrind() -> Failure {
    let message = "valgrind is not installed: programs are recorded with it; \
                   sudo apt install valgrind (or: sudo dnf install valgrind)";
    Failure::new(exit::FAILURE, message)
}

/// Returns the file of a program, as a shell finds it; `None` if there is none that can be run.
fn find(program: &OsStr) -> Option<PathBuf> {
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

fn start(valgrind: &Path, command: &[OsString]) -> Result<(Child, Channel), Failure> {
    let fail = |what: &str, e: io::Error| Failure::new(exit::FAILURE, format!("{what}: {e}"));
    let (writing, channel) =
        log_socket::open().map_err(|e| fail("cannot open a channel for valgrind's log", e))?;
    let child = Command::new(valgrind)
        .args(["--tool=lackey", "--basic-counts=no", "--trace-mem=yes"])
        .args(["--trace-syscalls=yes", "--trace-children=yes"])
        // A server for debuggers would leave files in /tmp if the program is killed.
        .arg("--vgdb=no")
        .arg(format!("--log-fd={}", writing.descriptor()))
        .arg("--")
        .args(command)
        .spawn()
        .map_err(|e| fail(&format!("{}: cannot start", valgrind.display()), e))?;
    Ok((child, channel))
}

/// The `.pbt` that is recorded.
struct RecordingFile {
    assembler: Assembler,
    /// References on their way from the assembler to the writer.
    references: References,
    writer: Writer<BufWriter<WholeFile>>,
    page_size: PageSize,
    /// The number of references of each process, by its number.
    refs_by_process: Vec<u64>,
}

impl RecordingFile {
    fn new(args: &RecordArgs, out: BufWriter<WholeFile>) -> io::Result<RecordingFile> {
        let selection = Selection {
            data_only: args.data_only,
            limit: args.limit,
            ..Selection::default()
        };
        let page_size = args.page_size.unwrap_or(PageSize::DEFAULT);
        Ok(RecordingFile {
            assembler: Assembler::new(selection, Addressing::Bytes, page_size),
            references: References::default(),
            writer: Writer::new(out, args.level.level)?,
            page_size,
            refs_by_process: Vec::new(),
        })
    }

    fn finish(self, name: String, output: &Path, status: ExitStatus) -> Result<Summary, Failure> {
        let fail = |e: io::Error| Failure::file(output, e);
        if self.refs_by_process.is_empty() {
            let message =
                format!("nothing was recorded, and nothing written: valgrind ended with {status}");
            return Err(Failure::new(exit::FAILURE, message));
        }
        let meta = Meta {
            name,
            format: "valgrind".into(),
            kind: TraceKind::Full,
            addressing: Addressing::Bytes,
            page_size: self.page_size,
            skipped: 0,
        };
        let dictionary = self.assembler.into_dictionary();
        let (out, summary) = self.writer.finish(&meta, &dictionary).map_err(fail)?;
        let file = out.into_inner().map_err(|e| fail(e.into_error()))?;
        file.finish().map_err(fail)?;
        Ok(summary)
    }
}

impl RecordingFile {
    /// Makes references of `accesses` and counts them by process.
    fn assemble(&mut self, accesses: &[Access]) -> io::Result<Flow> {
        for access in accesses {
            let before = self.references.len();
            let flow = self.assembler.access(access, &mut self.references);
            let count = (self.references.len() - before) as u64;
            if count > 0 {
                let process = access.pid as usize;
                let counts = &mut self.refs_by_process;
                counts.resize(counts.len().max(process + 1), 0);
                counts[process] += count;
            }
            if flow.map_err(io::Error::other)? == Flow::Done {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::More)
    }
}

impl RecordingSink for RecordingFile {
    fn accesses(&mut self, accesses: &[Access]) -> io::Result<bool> {
        self.references.clear();
        let flow = self.assemble(accesses);
        let References { refs, kinds } = &self.references;
        self.writer.references(refs, kinds);
        // A failed write is reported at the end.
        Ok(flow? == Flow::More && self.writer.wants_more())
    }

    fn event(&mut self, process: u32, event: Event) -> io::Result<()> {
        let event = self.assembler.event(process, event, 0);
        self.writer.event(event);
        Ok(())
    }
}

/// A recording in progress.
struct Session {
    child: Child,
    status: Option<ExitStatus>,
    recorder: Recorder<Live, RecordingFile>,
    interrupts: Interrupts,
    /// Deadline for killing remaining processes.
    end_by: Option<Instant>,
    /// When the program exited; `None` once its children were mentioned.
    ended: Option<Instant>,
    /// Whether `--limit` ended the recording.
    limited: bool,
    /// Late processes already sent SIGTERM.
    terminated_late: HashSet<u32>,
}

impl Session {
    /// Drains the log into the file until all processes have ended.
    fn drain(&mut self, mut channel: Channel) -> io::Result<()> {
        loop {
            match channel.receive()? {
                Received::End => return Ok(()),
                Received::Bytes(pid, bytes) if !self.limited => {
                    if !self.recorder.take(pid, bytes)? {
                        self.limited = true;
                        self.end(Signal::TERM);
                    }
                }
                Received::Bytes(pid, _) => self.end_late_process(pid),
                Received::Nothing => self.check_children()?,
            }
            self.check_interrupts();
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
    fn check_children(&mut self) -> io::Result<()> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
            self.ended = self.status.map(|_| Instant::now());
        }
        let silent = self.ended.is_some_and(|ended| ended.elapsed() > SILENCE);
        if silent && self.end_by.is_none() {
            self.ended = None;
            note("the program has ended; its children are still recorded (Ctrl-C ends them)");
        }
        Ok(())
    }

    /// The first signal ends the program, and the recording with it; a second one kills it.
    fn check_interrupts(&mut self) {
        if !self.interrupts.came.swap(false, Ordering::Relaxed) {
            return;
        }
        if self.interrupts.first.is_some() {
            self.end_by = Some(Instant::now());
            return;
        }
        let terminated = self.interrupts.terminated.load(Ordering::Relaxed);
        let (signal, code) = if terminated {
            (Signal::TERM, exit::TERMINATED)
        } else {
            (Signal::INT, exit::INTERRUPTED)
        };
        self.interrupts.first = Some(code);
        self.end_by = Some(Instant::now() + GRACE);
        // A terminal sends SIGINT to all processes itself.
        let sent_by_terminal = !terminated && io::stdin().is_terminal();
        if !sent_by_terminal {
            self.kill(signal);
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

    fn wait(&mut self) -> Result<ExitStatus, Failure> {
        match self.status {
            Some(status) => Ok(status),
            None => self
                .child
                .wait()
                .map_err(|e| Failure::new(exit::FAILURE, format!("cannot wait for valgrind: {e}"))),
        }
    }

    /// Returns the exit code of the command: the code of a signal to pagebench, or else the program's,
    /// unless `--limit` ended it.
    fn code(&self, status: ExitStatus) -> ExitCode {
        if let Some(code) = self.interrupts.first {
            return code;
        }
        if self.limited {
            return exit::OK;
        }
        let code = status.code().or_else(|| Some(128 + status.signal()?));
        ExitCode {
            code: code
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(exit::FAILURE.code),
            ..PROGRAM
        }
    }
}

/// Signals to pagebench itself during a recording.
struct Interrupts {
    /// A signal came that was not handled yet.
    came: Arc<AtomicBool>,
    /// SIGTERM came.
    terminated: Arc<AtomicBool>,
    /// The exit code of the first signal.
    first: Option<ExitCode>,
}

impl Interrupts {
    fn watch() -> Interrupts {
        let interrupts = Interrupts {
            came: Arc::default(),
            terminated: Arc::default(),
            first: None,
        };
        // If a registration fails, the default action remains: exit, and nothing is kept.
        let _ = signal_hook::flag::register(SIGTERM, interrupts.terminated.clone());
        for signal in [SIGINT, SIGTERM] {
            let _ = signal_hook::flag::register(signal, interrupts.came.clone());
        }
        interrupts
    }
}

/// Sends a signal to a process; nothing if the process is gone.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
