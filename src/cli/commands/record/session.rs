//! Records a program: the valgrind that is found, the file, signals to pagebench, messages, exit code.

use super::{RecordArgs, Recorded, trace_name};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::progress::{is_hidden, note};
use crate::cli::setup::reading::{LINES_EVERY, SILENT};
use crate::cli::setup::signals::Signals;
use crate::exit::{self, ExitCode};
use crate::record::recording_file::RecordingFile;
use crate::record::session::{Interrupt, Session, Signal, Watch, find};
use crate::report::whole_file::WholeFile;
use crate::trace::model::selection::Selection;
use crate::trace::store::Summary;
use crate::units::{PageSize, Printable, show_count};
use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Instant;

/// The exit code of a recording: the program's own, which is not in the table of codes.
const PROGRAM: ExitCode = ExitCode {
    code: 0,
    name: "program",
    about: "what the recorded program returned",
};

/// Runs the program and stores its accesses.
pub fn run(args: &RecordArgs, output: &Path) -> Result<Recorded, Failure> {
    let signals = Signals::watch("nothing was recorded, and nothing written");
    let valgrind = find(OsStr::new("valgrind")).ok_or_else(no_valgrind)?;
    let program = args
        .command
        .first()
        .map(OsString::as_os_str)
        .unwrap_or_default();
    if find(program).is_none() {
        let name = program.printed();
        return Err(Failure::usage(format!(
            "{name}: no program that can be run; name one in PATH, or the path of one"
        )));
    }
    let fail = |e: io::Error| Failure::file(output, e);
    let file = WholeFile::create(output).map_err(fail)?;
    let out = BufWriter::with_capacity(1 << 18, file);
    let selection = Selection {
        data_only: args.data_only,
        limit: args.limit,
        ..Selection::default()
    };
    let page_size = args.page_size.unwrap_or(PageSize::DEFAULT);
    let recording =
        RecordingFile::new(selection, page_size, args.level.level, out).map_err(fail)?;
    let mut interrupts = Interrupts::watch(signals);
    let cannot = |what: String| Failure::new(exit::FAILURE, what);
    let (mut session, channel) =
        Session::start(&valgrind, &args.command, args.options(), recording)
            .map_err(|e| cannot(e.to_string()))?;
    let drained = session.drain(channel, &mut interrupts);
    let status = session
        .wait()
        .map_err(|e| cannot(format!("cannot wait for valgrind: {e}")))?;
    drained.map_err(fail)?;
    let limited = session.is_limited();
    let code = interrupts.first.unwrap_or_else(|| code(status, limited));
    let (recording, processes, repairs) = session.finish().map_err(fail)?;
    let references = recording.refs_by_process().to_vec();
    let summary = finish(
        recording,
        trace_name(args, output),
        output,
        status,
        interrupts.first,
    )?;
    Ok(Recorded {
        summary,
        references,
        processes,
        repairs,
        limited,
        code,
    })
}

/// Finishes the file. Errors if nothing was recorded, since valgrind failed or a `signal` to pagebench came;
/// no file is left then.
fn finish(
    recording: RecordingFile<BufWriter<WholeFile>>,
    name: String,
    output: &Path,
    status: ExitStatus,
    signal: Option<ExitCode>,
) -> Result<Summary, Failure> {
    let fail = |e: io::Error| Failure::file(output, e);
    if recording.refs_by_process().is_empty() {
        let (code, why) = match signal {
            Some(code) => (code, code.shown()),
            None => (exit::FAILURE, format!("valgrind ended with {status}")),
        };
        let message = format!("nothing was recorded, and nothing written: {why}");
        return Err(Failure::new(code, message));
    }
    let (out, summary) = recording.finish(name).map_err(fail)?;
    let file = out.into_inner().map_err(|e| fail(e.into_error()))?;
    file.finish().map_err(fail)?;
    Ok(summary)
}

/// Returns the exit code of the command: the program's, unless `--limit` ended it.
fn code(status: ExitStatus, limited: bool) -> ExitCode {
    if limited {
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

fn no_valgrind() -> Failure {
    let message = "valgrind is not installed: programs are recorded with it; \
                   sudo apt install valgrind (or: sudo dnf install valgrind)";
    Failure::new(exit::FAILURE, message)
}

/// Signals to pagebench itself during a recording.
struct Interrupts {
    signals: Signals,
    /// The number of signals that were handled.
    handled: u32,
    /// The exit code of the first signal.
    first: Option<ExitCode>,
    /// When the next line of progress is due. The terminal is the program's: no bar is drawn.
    next_line: Instant,
}

impl Interrupts {
    fn watch(signals: Signals) -> Interrupts {
        // The first ends the program, the second kills it.
        signals.leave_two();
        Interrupts {
            signals,
            handled: 0,
            first: None,
            next_line: Instant::now() + SILENT,
        }
    }
}

/// Returns the signal that recorded programs get for one to pagebench with this exit code.
pub fn sent_on(code: ExitCode) -> Signal {
    match code {
        exit::HUNG_UP => Signal::HUP,
        exit::TERMINATED => Signal::TERM,
        _ => Signal::INT,
    }
}

impl Watch for Interrupts {
    fn interrupt(&mut self) -> Option<Interrupt> {
        if self.signals.count() == self.handled {
            return None;
        }
        self.handled += 1;
        if self.first.is_some() {
            return Some(Interrupt::Again);
        }
        let code = self.signals.code()?;
        self.first = Some(code);
        // A terminal sends SIGINT to all processes itself.
        let sent_by_terminal = code == exit::INTERRUPTED && io::stdin().is_terminal();
        Some(Interrupt::First((!sent_by_terminal).then(|| sent_on(code))))
    }

    fn recorded(&mut self, accesses: u64) {
        if Instant::now() < self.next_line || is_hidden() {
            return;
        }
        self.next_line = Instant::now() + LINES_EVERY;
        note(&format!(
            "recorded {} accesses so far",
            show_count(accesses)
        ));
    }

    fn children_run_on(&mut self) {
        note("the program has ended; its children are still recorded (Ctrl-C ends them)");
    }
}
