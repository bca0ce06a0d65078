//! Files that are whole or not there: written beside their final name and renamed. What is no
//! regular file (a device, a pipe) is written in place, since a rename would replace it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::NamedTempFile;

/// What files are called that have no final name yet, before and behind a part by chance.
const PREFIX: &str = ".pagebench-";
const SUFFIX: &str = ".tmp";

/// The files that are not renamed yet, for the end by a signal.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file being written. Dropped without [`WholeFile::finish`] it leaves nothing behind.
pub struct WholeFile {
    target: Target,
}

enum Target {
    Beside { file: NamedTempFile, path: PathBuf },
    InPlace(File),
}

impl WholeFile {
    /// Begins a file of this name. Links are followed, so that they stay links.
    ///
    /// # Errors
    ///
    /// The folder does not take a file, or the name is that of a folder.
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
        let file = builder.tempfile_in(folder).map_err(without_path)?;
        unfinished(|paths| paths.push(file.path().to_path_buf()));
        let target = Target::Beside { file, path };
        Ok(WholeFile { target })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// The system does not store or rename it.
    pub fn finish(mut self) -> io::Result<()> {
        match &mut self.target {
            Target::InPlace(file) => file.flush(),
            Target::Beside { file, path } => {
                file.as_file().sync_all()?;
                // Renamed by hand: `persist` takes the file, which dropping still has to look at.
                fs::rename(file.path(), path)
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

/// Where the links of this name lead, whether or not there is a file.
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

/// Removes the files that have no final name yet: for a process about to end.
pub fn remove_unfinished() {
    unfinished(|paths| {
        for path in paths.drain(..) {
            let _ = fs::remove_file(path);
        }
    });
}

/// Removes the unfinished files that killed processes left in a folder to which nobody writes now.
///
/// # Errors
///
/// The folder cannot be read, or a file of it not be removed.
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

/// The system's word alone, without the name of a temporary file that nobody asked for.
pub fn without_path(error: io::Error) -> io::Error {
    // tempfile keeps the error it adds the path to for itself, so only the text is left to go by.
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((word, _)) => io::Error::new(error.kind(), word),
        None => error,
    }
}
