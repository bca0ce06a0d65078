//! The errors of reading a trace: which file, where in it, what stands there and what to do.
//! Messages are lowercase fragments that follow `error: `.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where in a (decompressed) trace something stands.
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
    /// What lies behind it, where the exit code or the search of a folder depends on that.
    pub cause: Cause,
}

/// What lies behind an error.
#[derive(Debug)]
pub enum Cause {
    /// What the message says.
    Content,
    /// The operating system or a codec.
    Io(io::Error),
    /// The file looks like no trace at all.
    UnknownFormat,
}

/// The longest piece of offending text shown, in bytes.
const TEXT_MAX: usize = 72;

impl TraceError {
    /// An error about the file as a whole.
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

    /// The file could not be opened or read.
    pub fn io(path: &Path, what: &str, error: io::Error) -> TraceError {
        TraceError {
            what: format!("{what}: {error}").into(),
            cause: Cause::Io(error),
            ..TraceError::new(path, "")
        }
    }

    /// Says where.
    pub fn at(mut self, position: Position) -> TraceError {
        self.position = position;
        self
    }

    /// Shows the offending bytes, unprintable ones escaped, cut at 72.
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

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> TraceError {
        self.help = help.into();
        self
    }

    /// True where the cause is the operating system (not found, permission, device), so that the
    /// exit code is that of an I/O failure and not that of a bad trace. A codec that finds its
    /// stream corrupt or cut short is a bad trace.
    pub fn is_io(&self) -> bool {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
        let Cause::Io(error) = &self.cause else {
            return false;
        };
        error.raw_os_error().is_some()
            || !matches!(
                error.kind(),
                InvalidData | InvalidInput | Other | UnexpectedEof
            )
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
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
