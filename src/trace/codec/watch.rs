//! Trace files that must not change while they are read: a file that is cut, written to or replaced in
//! the meantime is an error, never other references.
//!
//! Knows nothing of codecs and of what the bytes mean. A change that keeps the length and the time of
//! the last change, as two writes within one tick of the clock may, cannot be seen here.

use crate::trace::model::error::TraceError;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How a file changed while it was read: a fragment of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the file {0} while it was read")]
pub(in crate::trace) struct FileChanged(String);

impl FileChanged {
    /// What the user can do about it.
    pub const HELP: &'static str = "read it again once no other program changes it";

    /// Returns the error if it is the cause of `error`.
    pub fn cause_of(error: &io::Error) -> Option<&FileChanged> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<FileChanged> for io::Error {
    fn from(changed: FileChanged) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, changed)
    }
}

/// What changes when a file is changed or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Device and number of the file, where the system has such.
    identity: Option<(u64, u64)>,
}

impl FileState {
    fn of(meta: &Metadata) -> FileState {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            Some((meta.dev(), meta.ino()))
        };
        #[cfg(not(unix))]
        let identity = None;
        FileState {
            bytes: meta.len(),
            modified: meta.modified().ok(),
            identity,
        }
    }
}

/// An open file and its state at opening.
#[derive(Debug)]
pub(in crate::trace) struct WatchedFile {
    file: File,
    path: PathBuf,
    /// `None` for a pipe, a device or the like.
    opened: Option<FileState>,
}

impl WatchedFile {
    /// Opens the file at `path`, which must be no folder.
    pub fn open(path: &Path) -> Result<WatchedFile, TraceError> {
        let fail = |e| TraceError::io(path, "cannot open", e);
        let file = File::open(path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if meta.is_dir() {
            let error = io::Error::from(ErrorKind::IsADirectory);
            return Err(TraceError::io(path, "cannot read", error).help("name a trace file in it"));
        }
        Ok(WatchedFile {
            opened: meta.is_file().then(|| FileState::of(&meta)),
            path: path.to_path_buf(),
            file,
        })
    }

    /// Returns the length in bytes at opening; `None` for anything but a regular file.
    pub fn bytes(&self) -> Option<u64> {
        self.opened.as_ref().map(|state| state.bytes)
    }

    /// Errors if the file is not what it was at opening, or if its name now belongs to another one. A
    /// file whose name was removed is unchanged.
    pub fn unchanged(&self) -> Result<(), FileChanged> {
        let Some(opened) = &self.opened else {
            return Ok(());
        };
        let changed = |how: String| Err(FileChanged(how));
        let Ok(now) = self.file.metadata().map(|meta| FileState::of(&meta)) else {
            return changed("went away".into());
        };
        if now.bytes < opened.bytes {
            let (from, to) = (opened.bytes, now.bytes);
            return changed(format!("was cut from {from} to {to} bytes"));
        }
        if now != *opened {
            return changed("was written to".into());
        }
        match std::fs::metadata(&self.path) {
            Ok(named) if FileState::of(&named).identity != opened.identity => {
                changed("was replaced by another one".into())
            }
            _ => Ok(()),
        }
    }

    /// Fills `into` from the byte `at` on.
    pub fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        let read = read_exact_at(&self.file, into, at);
        read.map_err(|error| match self.unchanged() {
            Err(changed) => changed.into(),
            Ok(()) => error,
        })
    }
}

/// Reads a [`WatchedFile`] from its beginning. At its end the file must be unchanged.
pub(in crate::trace) struct WatchedReader {
    file: Arc<WatchedFile>,
    read: u64,
}

impl WatchedReader {
    /// Returns a reader of `file`. A file has one reader at a time.
    pub fn new(file: Arc<WatchedFile>) -> WatchedReader {
        WatchedReader { file, read: 0 }
    }

    fn at_end(&self) -> Result<(), FileChanged> {
        self.file.unchanged()?;
        match self.file.bytes() {
            // Files of a system's own, as in /proc, have no length.
            Some(bytes) if bytes > 0 && self.read < bytes => {
                let how = format!("ended after {} of {bytes} bytes", self.read);
                Err(FileChanged(how))
            }
            _ => Ok(()),
        }
    }
}

impl Read for WatchedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = (&self.file.file).read(into)?;
        self.read += n as u64;
        if n == 0 && !into.is_empty() {
            self.at_end()?;
        }
        Ok(n)
    }
}

/// Fills `into` from the byte `at` of `file` on, without regard to where others read it.
#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

/// The portable twin: other threads wait, since they share the place of the file.
#[cfg(not(unix))]
fn read_exact_at(mut file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _held = ONE_AT_A_TIME.lock();
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A file of 100,000 bytes, of which the first 1,000 are read.
    fn begun(folder: &Path) -> (PathBuf, WatchedReader) {
        let path = folder.join("t.txt");
        fs::write(&path, vec![b'a'; 100_000]).unwrap();
        let mut reader = WatchedReader::new(Arc::new(WatchedFile::open(&path).unwrap()));
        reader.read_exact(&mut [0; 1000]).unwrap();
        (path, reader)
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        let cut = |path: &Path, bytes| File::options().write(true).open(path)?.set_len(bytes);
        // Long ago, so that no coarse clock hides the change.
        let write = |path: &Path, bytes: usize| {
            fs::write(path, vec![b'b'; bytes])?;
            let file = File::options().write(true).open(path)?;
            file.set_modified(SystemTime::UNIX_EPOCH)
        };
        let replace = |path: &Path, bytes: usize| {
            fs::write(&other, vec![b'a'; bytes])?;
            fs::rename(&other, path)
        };
        type Change<'a> = &'a dyn Fn(&Path) -> io::Result<()>;
        let changes: [(Change<'_>, &str); 5] = [
            (&|path| cut(path, 500), "was cut from 100000 to 500 bytes"),
            (&|path| cut(path, 99_999), "was cut from 100000 to 99999"),
            (&|path| write(path, 100_000), "was written to"),
            (&|path| write(path, 100_001), "was written to"),
            (&|path| replace(path, 100_000), "was replaced by another"),
        ];
        for (change, how) in changes {
            let (path, mut reader) = begun(folder.path());
            change(&path).unwrap();
            let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
            let changed = FileChanged::cause_of(&error).unwrap().to_string();
            assert!(changed.contains(how), "{changed}");
        }
    }

    #[test]
    fn a_file_that_stays_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut reader) = begun(folder.path());
        // Other names of the file and reading it are no changes; nor is losing its name.
        fs::hard_link(&path, folder.path().join("second")).unwrap();
        fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.len(), 99_000);
        let empty = folder.path().join("empty");
        fs::write(&empty, "").unwrap();
        let empty = Arc::new(WatchedFile::open(&empty).unwrap());
        let mut rest = Vec::new();
        WatchedReader::new(empty).read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
    }
}
