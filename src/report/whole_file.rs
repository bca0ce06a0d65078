//! Writes files that are either complete or absent: under a temporary name in the same folder, then
//! renamed. A device or a pipe is written in place, since a rename would replace it.

use crate::units::Printable;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::NamedTempFile;

/// Prefix and suffix of temporary files; the part between is random.
const PREFIX: &str = ".pagebench-";
const SUFFIX: &str = ".tmp";

/// Temporary files not yet renamed, and folders that were made; removed when a signal ends the program,
/// folders if they are empty.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Why a file cannot be read or written: the file, the line if there is one, and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The system refused.
    #[error("{path}: cannot {action}: {source}", path = path.printed())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// Its error.
        source: io::Error,
    },
    /// The content is not what it should be.
    #[error("{path}{at}: {what}", path = path.printed(), at = line.map_or(String::new(), |l| format!(":{l}")))]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<u64>,
        /// What is wrong and what to do.
        what: String,
    },
}

impl TableError {
    /// Makes an error about the content of a file.
    pub fn content(path: &Path, line: Option<u64>, what: impl Into<String>) -> TableError {
        TableError::Content {
            path: path.to_path_buf(),
            line,
            what: what.into(),
        }
    }

    /// Makes an error of the system about a file.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> TableError {
        TableError::Io {
            path: path.to_path_buf(),
            action,
            source,
        }
    }
}

/// Writes a file that is either complete or absent.
///
/// # Errors
///
/// Errors if the file cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    WholeFile::create(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.finish()))
        .map_err(|e| TableError::io(path, "write", e))
}

/// A file being written. Dropped without [`WholeFile::finish`] it leaves nothing behind.
pub struct WholeFile {
    target: Target,
}

enum Target {
    Beside { file: NamedTempFile, path: PathBuf },
    InPlace(File),
}

impl WholeFile {
    /// Begins the file `path`. Links are followed, so that they stay links.
    ///
    /// # Errors
    ///
    /// Errors if no file can be created in the folder, or if `path` is a folder.
    pub fn create(path: &Path) -> io::Result<WholeFile> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| behind_links(path));
        if let Ok(meta) = fs::metadata(&path) {
            if meta.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if !meta.is_file() {
                let file = fs::OpenOptions::new().write(true).open(&path)?;
                let target = Target::InPlace(file);
                return Ok(WholeFile { target });
            }
        }
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        // Temporary files are private; results are what the user's umask makes them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // Made and listed in one step, which a signal comes before or after.
        let made = unfinished(|paths| {
            let file = builder.tempfile_in(folder)?;
            paths.push(file.path().to_path_buf());
            Ok(file)
        });
        let file = made.map_err(without_path)?;
        let target = Target::Beside { file, path };
        Ok(WholeFile { target })
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be stored or renamed.
    pub fn finish(mut self) -> io::Result<()> {
        match &mut self.target {
            Target::InPlace(file) => file.flush(),
            Target::Beside { file, path } => {
                file.as_file().sync_all()?;
                // Renamed by hand: `persist` takes the file, which dropping still has to look at.
                // Nor may a signal remove it meanwhile.
                unfinished(|_| fs::rename(file.path(), path))
            }
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Beside { file, .. } => file.as_file_mut().write(bytes),
            Target::InPlace(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Target::Beside { file, .. } = &self.target {
            unfinished(|paths| paths.retain(|path| path != file.path()));
        }
    }
}

/// Follows the links of `path`, whether or not a file is at their end.
fn behind_links(path: &Path) -> PathBuf {
    const LINKS_MAX: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

fn unfinished<T>(change: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    // The list is whole between any two of its changes.
    let mut paths = UNFINISHED.lock().unwrap_or_else(|e| e.into_inner());
    change(&mut paths)
}

/// Has the folder `path`, which was made, removed if a signal ends the program while it is empty.
pub fn leave_no_empty_folder(path: &Path) {
    unfinished(|paths| paths.push(path.to_path_buf()));
}

/// Removes the temporary files of this process. Called before it ends by a signal: another thread that
/// begins or finishes a file from now on waits for that end.
pub fn remove_unfinished() {
    let mut paths = UNFINISHED.lock().unwrap_or_else(|e| e.into_inner());
    // Folders are older than what is in them.
    for path in paths.drain(..).rev() {
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    }
    std::mem::forget(paths);
}

/// Removes the temporary files that killed processes left in `folder`. No other process may be
/// writing to the folder.
///
/// # Errors
///
/// Errors if the folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Returns the error without the path that `tempfile` adds: the user never chose that name.
pub fn without_path(error: io::Error) -> io::Error {
    // tempfile keeps the error it adds the path to for itself, so only the text is left to go by.
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((word, _)) => io::Error::new(error.kind(), word),
        None => error,
    }
}
