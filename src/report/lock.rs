//! Locks between processes. They end with the process that holds them, however it ends.
//!
//! [`FolderLock`] is for an output folder, for as long as a command writes there: a second command is
//! refused and told which process has it. [`wait_for`] is for the short time in which a file is read,
//! changed and written: a second process waits.
//!
//! Where the file system has no locks, each process goes on as if it were alone.

use super::inputs::{behind_links, folder_of};
use super::whole_file::{forget_unfinished, is_linked, remember_unfinished};
use crate::units::Printable;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

/// The file of a folder's lock. It holds the process id, and is removed when the lock ends. By its name
/// it is a temporary file: one that a killed process left goes as those do.
const LOCK: &str = ".pagebench-lock.tmp";

/// A process may look at a lock for a moment, or may not have written its id yet: how often and how
/// long to try again.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The process that holds a lock, if it has written its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder(pub Option<u32>);

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held(Holder),
    /// The file of the lock cannot be opened.
    Io(io::Error),
}

/// A lock that is a file with the process id, until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    _file: File,
}

impl FileLock {
    /// Takes the lock `path`, which [`WholeFile`](super::whole_file::WholeFile) must know as a name of
    /// a temporary file.
    ///
    /// # Errors
    ///
    /// Errors if another process holds the lock, or if the file cannot be opened.
    pub fn take(path: &Path) -> Result<FileLock, LockError> {
        for _ in 0..TRIES {
            let mut file = open(path).map_err(LockError::Io)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if holder_in(path).0.is_some() => break,
                Err(TryLockError::WouldBlock) => {
                    sleep(PAUSE);
                    continue;
                }
                // The process that had the lock removed this file meanwhile.
                Ok(()) if !is_linked(&file, path) => continue,
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // The id is only for messages.
            let _ = file.set_len(0).and_then(|()| file.rewind());
            let _ = writeln!(file, "{}", std::process::id());
            remember_unfinished(path);
            let path = path.to_path_buf();
            return Ok(FileLock { path, _file: file });
        }
        Err(LockError::Held(holder_in(path)))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Still locked: no other process can take this file before it is gone.
        let _ = fs::remove_file(&self.path);
        forget_unfinished(&self.path);
    }
}

/// The folders that this process has locked, links resolved. It may write two kinds of files into one.
static LOCKED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn locked<T>(change: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    let mut folders = LOCKED.lock().unwrap_or_else(|e| e.into_inner());
    change(&mut folders)
}

/// The lock of an output folder, until it is dropped.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    /// `None` if this process had locked the folder before.
    lock: Option<FileLock>,
}

impl FolderLock {
    /// Locks `folder`, which exists.
    ///
    /// # Errors
    ///
    /// Errors if another process holds the lock, or if the lock's file cannot be opened.
    pub fn take(folder: &Path) -> Result<FolderLock, LockError> {
        let folder = fs::canonicalize(folder).map_err(LockError::Io)?;
        if locked(|folders| folders.contains(&folder)) {
            return Ok(FolderLock { folder, lock: None });
        }
        let lock = Some(FileLock::take(&folder.join(LOCK))?);
        locked(|folders| folders.push(folder.clone()));
        Ok(FolderLock { folder, lock })
    }

    /// Returns the other process that has locked `folder`; `None` if there is none. Changes nothing.
    pub fn holder(folder: &Path) -> Option<Holder> {
        let folder = fs::canonicalize(folder).ok()?;
        if locked(|folders| folders.contains(&folder)) {
            return None;
        }
        let path = folder.join(LOCK);
        if !path.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let file = File::open(&path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(holder_in(&path)),
            _ => None,
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            locked(|folders| folders.retain(|folder| *folder != self.folder));
        }
    }
}

/// Opens the file of a lock, or creates it. Errors if something else has its name.
fn open(path: &Path) -> io::Result<File> {
    if path.symlink_metadata().is_ok_and(|meta| !meta.is_file()) {
        let what = format!("{}: not a regular file", path.printed());
        return Err(io::Error::other(what));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

/// Returns the process whose id stands in the file of a lock.
fn holder_in(path: &Path) -> Holder {
    let text = fs::read_to_string(path).unwrap_or_default();
    Holder(text.trim().parse().ok())
}

/// The time in which no other process changes the files of a folder that are changed under
/// [`wait_for`].
#[derive(Debug)]
pub struct Turn {
    /// The locked folder; `None` where there are no locks.
    _folder: Option<File>,
}

/// Waits until no other process changes files in the folder of `file`, and keeps others waiting until
/// the turn is dropped. The folder itself is locked: a file of its own would stay behind, and the file
/// that is changed is replaced by another.
///
/// # Errors
///
/// Errors if the folder cannot be opened.
pub fn wait_for(file: &Path) -> io::Result<Turn> {
    let path = behind_links(file);
    if cfg!(not(unix)) {
        return Ok(Turn { _folder: None });
    }
    let folder = File::open(folder_of(&path))?;
    loop {
        match folder.lock() {
            Ok(()) => {
                let _folder = Some(folder);
                return Ok(Turn { _folder });
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(Turn { _folder: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_names_its_holder_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        // A lock of a process that was killed.
        fs::write(&path, "1\n").unwrap();
        assert_eq!(FolderLock::holder(folder.path()), None);
        let lock = FolderLock::take(folder.path()).unwrap();
        let own = Holder(Some(std::process::id()));
        assert_eq!(holder_in(&path), own);
        // This process may take it again.
        let again = FolderLock::take(folder.path()).unwrap();
        drop(again);
        assert!(path.exists());
        drop(lock);
        assert!(!path.exists());
        // Another process holds it.
        fs::write(&path, "7\n").unwrap();
        let other = File::open(&path).unwrap();
        other.lock().unwrap();
        assert_eq!(FolderLock::holder(folder.path()), Some(Holder(Some(7))));
        match FolderLock::take(folder.path()) {
            Err(LockError::Held(Holder(Some(7)))) => {}
            other => panic!("{other:?}"),
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_does_not_write_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine");
        fs::write(&mine, "mine").unwrap();
        std::os::unix::fs::symlink(&mine, folder.path().join(LOCK)).unwrap();
        assert!(matches!(
            FolderLock::take(folder.path()),
            Err(LockError::Io(_))
        ));
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
    }

    #[test]
    fn turns_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("b.csv");
        fs::write(&file, "0").unwrap();
        let add = || {
            let _turn = wait_for(&file).unwrap();
            let count: u32 = fs::read_to_string(&file).unwrap().parse().unwrap();
            sleep(Duration::from_millis(5));
            fs::write(&file, (count + 1).to_string()).unwrap();
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(add);
            }
        });
        assert_eq!(fs::read_to_string(&file).unwrap(), "8");
    }
}
