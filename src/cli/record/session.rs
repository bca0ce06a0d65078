//! Running a program under valgrind while it is recorded: finding both, the way of the log into
//! the file, signals, and the end.

use super::{RecordArgs, Recorded, trace_name};
use crate::cli::failure::Failure;
use crate::cli::progress::note;
use crate::exit::{self, ExitCode};
use crate::report::file::WholeFile;
use crate::trace::dense::{Meta, References};
use crate::trace::event::Event;
use crate::trace::record::{Access, Addressing, TraceKind};
use crate::trace::select::{Assembler, Flow, Selection, Sink as _};
use crate::trace::store::Writer;
use crate::trace::valgrind::channel::{self, Channel, Received};
use crate::trace::valgrind::{Live, Recorder, Sink};
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

/// How long a program that is to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// How long after its own end the children of a program are waited for in silence.
const SILENCE: Duration = Duration::from_secs(2);

/// The exit code of a recording is the program's; the table of our own does not list them.
const PROGRAM: ExitCode = ExitCode {
    code: 0,
    name: "program",
    about: "what the recorded program returned",
};

/// Runs the program and stores what it touches.
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
    let store = Store::new(args, BufWriter::with_capacity(1 << 18, file)).map_err(fail)?;
    let signals = Signals::watch();
    let (child, channel) = start(&valgrind, &args.command)?;
    let mut session = Session {
        child,
        status: None,
        recorder: Recorder::new(Live, store),
        signals,
        end_by: None,
        ended: None,
        limited: false,
        asked: HashSet::new(),
    };
    let drained = session.drain(channel);
    if drained.is_err() {
        session.kill(Signal::KILL);
    }
    let status = session.wait()?;
    drained.map_err(fail)?;
    let code = session.code(status);
    let (store, processes, repairs) = session.recorder.finish().map_err(fail)?;
    let references = store.taken.clone();
    let summary = store.finish(trace_name(args, output), output, status)?;
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

/// The file of a program, as a shell finds it.
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
        channel::open().map_err(|e| fail("cannot make a way for valgrind's log", e))?;
    let child = Command::new(valgrind)
        .args(["--tool=lackey", "--basic-counts=no", "--trace-mem=yes"])
        .args(["--trace-syscalls=yes", "--trace-children=yes"])
        // No server for a debugger: it would leave files in /tmp if the program is killed.
        .arg("--vgdb=no")
        .arg(format!("--log-fd={}", writing.descriptor()))
        .arg("--")
        .args(command)
        .spawn()
        .map_err(|e| fail(&format!("{}: cannot start", valgrind.display()), e))?;
    Ok((child, channel))
}

/// Where the recording goes.
struct Store {
    assembler: Assembler,
    /// References on their way from the assembler to the writer.
    references: References,
    writer: Writer<BufWriter<WholeFile>>,
    page_size: crate::units::PageSize,
    /// References recorded, by the number of their process.
    taken: Vec<u64>,
}

impl Store {
    fn new(args: &RecordArgs, out: BufWriter<WholeFile>) -> io::Result<Store> {
        let selection = Selection {
            data_only: args.data_only,
            limit: args.limit,
            ..Selection::default()
        };
        let page_size = args.page_size.unwrap_or(crate::units::PageSize::DEFAULT);
        Ok(Store {
            assembler: Assembler::new(selection, Addressing::Bytes, page_size),
            references: References::default(),
            writer: Writer::new(out, args.level)?,
            page_size,
            taken: Vec::new(),
        })
    }

    fn finish(
        self,
        name: String,
        output: &Path,
        status: ExitStatus,
    ) -> Result<crate::trace::store::Summary, Failure> {
        let fail = |e: io::Error| Failure::file(output, e);
        if self.taken.is_empty() {
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

impl Store {
    /// Makes references of accesses and counts them by process.
    fn assemble(&mut self, accesses: &[Access]) -> io::Result<Flow> {
        for access in accesses {
            let before = self.references.len();
            let flow = self.assembler.access(access, &mut self.references);
            let count = (self.references.len() - before) as u64;
            if count > 0 {
                let process = access.pid as usize;
                self.taken.resize(self.taken.len().max(process + 1), 0);
                self.taken[process] += count;
            }
            if flow.map_err(io::Error::other)? == Flow::Done {
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::More)
    }
}

impl Sink for Store {
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

/// A recording under way.
struct Session {
    child: Child,
    status: Option<ExitStatus>,
    recorder: Recorder<Live, Store>,
    signals: Signals,
    /// When what still runs is killed.
    end_by: Option<Instant>,
    /// When the program itself ended, until that was told.
    ended: Option<Instant>,
    limited: bool,
    /// Who was asked to end, having spoken after the limit.
    asked: HashSet<u32>,
}

impl Session {
    /// Takes the log until all processes have ended.
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
                Received::Bytes(pid, _) => self.end_late_comer(pid),
                Received::Nothing => self.look_after_children()?,
            }
            self.look_after_signals();
            if self.late() {
                self.kill(Signal::KILL);
                if self.end_by.is_some_and(|end_by| end_by.elapsed() > GRACE) {
                    // Something holds the channel that cannot be killed.
                    return Ok(());
                }
            }
        }
    }

    /// One that speaks after the limit may not have been known when the others were told to end.
    fn end_late_comer(&mut self, pid: u32) {
        if self.late() {
            send(pid, Signal::KILL);
        } else if self.asked.insert(pid) {
            send(pid, Signal::TERM);
        }
    }

    fn late(&self) -> bool {
        self.end_by.is_some_and(|end_by| Instant::now() > end_by)
    }

    fn look_after_children(&mut self) -> io::Result<()> {
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
    fn look_after_signals(&mut self) {
        if !self.signals.came.swap(false, Ordering::Relaxed) {
            return;
        }
        let first = self.signals.first.is_none();
        let terminated = self.signals.terminated.load(Ordering::Relaxed);
        if !first {
            self.end_by = Some(Instant::now());
            return;
        }
        let (signal, code) = match terminated {
            true => (Signal::TERM, exit::TERMINATED),
            false => (Signal::INT, exit::INTERRUPTED),
        };
        self.signals.first = Some(code);
        // A terminal has told everybody already.
        let told = !terminated && io::stdin().is_terminal();
        self.end_by = Some(Instant::now() + GRACE);
        if !told {
            self.kill(signal);
        }
    }

    /// Asks everybody to end, and gives them a moment.
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

    /// The exit code of the whole: of a signal to us, or the program's unless we ended it.
    fn code(&self, status: ExitStatus) -> ExitCode {
        if let Some(code) = self.signals.first {
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

/// Signals to us while a program is recorded.
struct Signals {
    came: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
    /// The exit code that the first one asks for.
    first: Option<ExitCode>,
}

impl Signals {
    fn watch() -> Signals {
        let signals = Signals {
            came: Arc::default(),
            terminated: Arc::default(),
            first: None,
        };
        // Without handlers a signal ends us at once, and nothing is kept.
        let _ = signal_hook::flag::register(SIGTERM, signals.terminated.clone());
        for signal in [SIGINT, SIGTERM] {
            let _ = signal_hook::flag::register(signal, signals.came.clone());
        }
        signals
    }
}

/// A process that is gone needs no signal.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
