//! The errors of reading a trace: which file, where in it, the offending text and what to do.
//! Messages are lowercase fragments that follow `error: `.

use crate::units::Printable;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A position in a (decompressed) trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// A line of text, counted from 1.
    Line(u64),
    /// A byte offset, counted from 0.
    Byte(u64),
    /// The file as a whole.
    Whole,
}

/// Why a trace cannot be read.
#[derive(Debug)]
pub struct TraceError {
    /// The file as the user named it; `-` is standard input.
    pub path: PathBuf,
    /// Where the fault is.
    pub position: Position,
    /// What is wrong, a lowercase fragment.
    pub what: Box<str>,
    /// The offending text, cut to a printable length; empty if there is none.
    pub text: String,
    /// What the user can do; empty if there is nothing to say.
    pub help: String,
    /// The cause, where the exit code or the search of a folder depends on it.
    pub cause: Cause,
}

/// The cause of an error.
#[derive(Debug)]
pub enum Cause {
    /// The content of the file, or a name that cannot be one of a file.
    Content,
    /// The operating system: not found, permission, device.
    Io(io::Error),
    /// The options do not fit the file: the command line is wrong, not the file.
    Options,
    /// The file looks like no trace at all.
    UnknownFormat,
}

impl Cause {
    /// Returns the cause of an I/O error. A codec that finds its stream corrupt or cut short is a bad
    /// trace, not a failure of the operating system.
    pub fn of(error: io::Error) -> Cause {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let is_content = matches!(
            error.kind(),
            InvalidData | InvalidInput | Other | UnexpectedEof
        );
        match error.raw_os_error().is_none() && is_content {
            true => Cause::Content,
            false => Cause::Io(error),
        }
    }
}

/// Upper limit of the offending text shown, in bytes.
const TEXT_MAX: usize = 72;

impl TraceError {
    /// Returns an error about the file as a whole.
    pub fn new(path: &Path, what: impl Into<String>) -> TraceError {
        TraceError {
            path: path.to_path_buf(),
            position: Position::Whole,
            what: what.into().into_boxed_str(),
            text: String::new(),
            help: String::new(),
            cause: Cause::Content,
        }
    }

    /// Returns the error for a file that could not be opened or read; `what` names the attempt.
    pub fn io(path: &Path, what: &str, error: io::Error) -> TraceError {
        TraceError {
            what: format!("{what}: {error}").into(),
            cause: Cause::of(error),
            ..TraceError::new(path, "")
        }
    }

    /// Sets the position.
    pub fn at(mut self, position: Position) -> TraceError {
        self.position = position;
        self
    }

    /// Sets the offending bytes. Escapes unprintable ones and cuts after 72 bytes.
    pub fn text(mut self, bytes: &[u8]) -> TraceError {
        let shown = &bytes[..bytes.len().min(TEXT_MAX)];
        self.text = shown
            .escape_ascii()
            .to_string()
            .replace("\\'", "'")
            .replace("\\\"", "\"");
        if shown.len() < bytes.len() {
            self.text.push('…');
        }
        self
    }

    /// Sets what the user can do.
    pub fn help(mut self, help: impl Into<String>) -> TraceError {
        self.help = help.into();
        self
    }

    /// Returns true if the exit code is that of an I/O failure and not that of a bad trace.
    pub fn is_io(&self) -> bool {
        matches!(self.cause, Cause::Io(_))
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.printed())?;
        match self.position {
            Position::Line(line) => write!(f, ":{line}")?,
            Position::Byte(offset) => write!(f, ": byte {offset}")?,
            Position::Whole => {}
        }
        write!(f, ": {}", self.what)?;
        if !self.text.is_empty() {
            match self.position {
                Position::Line(line) => write!(f, "\n  {line} | {}", self.text)?,
                _ => write!(f, "\n  found: {}", self.text)?,
            }
        }
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for TraceError {}
