//! Writes files that are either complete or absent: under a temporary name in the same folder, then
//! renamed. A device or a pipe is written in place, since a rename would replace it. A file that is
//! replaced keeps its mode, and a link stays a link. An input is never replaced or removed.
//!
//! A temporary file is locked while it is written. One that is not locked is of a killed process, and the
//! next process that writes into the folder removes it.

use super::fail_point;
use super::inputs::{behind_links, folder_of, input_at};
use crate::units::Printable;
use std::collections::HashSet;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use tempfile::{Builder, NamedTempFile};

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
    /// Errors if no file can be created in the folder, or if `path` is a folder or an input.
    pub fn create(path: &Path) -> io::Result<WholeFile> {
        refuse_input(path)?;
        let path = fs::canonicalize(path).unwrap_or_else(|_| behind_links(path));
        let earlier = fs::metadata(&path).ok();
        if let Some(meta) = &earlier {
            if meta.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if !meta.is_file() {
                let file = fs::OpenOptions::new().write(true).open(&path)?;
                let target = Target::InPlace(file);
                return Ok(WholeFile { target });
            }
        }
        let folder = folder_of(&path);
        remove_leftovers(folder);
        fail_point::pass("create")?;
        let file = temporary(folder, earlier.as_ref().map(fs::Metadata::permissions))?;
        if let Some(earlier) = earlier {
            keep_owner_and_mode(file.as_file(), &earlier)?;
        }
        let target = Target::Beside { file, path };
        Ok(WholeFile { target })
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be stored or renamed.
    pub fn finish(mut self) -> io::Result<()> {
        self.store()?;
        self.rename()
    }

    /// Stores the content on the disk, still under the temporary name.
    fn store(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::InPlace(file) => file.flush(),
            Target::Beside { file, .. } => {
                fail_point::pass("sync")?;
                file.as_file().sync_all()
            }
        }
    }

    fn rename(&self) -> io::Result<()> {
        match &self.target {
            Target::InPlace(_) => Ok(()),
            // Renamed by hand: `persist` takes the file, which dropping still has to look at.
            Target::Beside { file, path } => {
                fail_point::pass("rename")?;
                // A signal may not remove it meanwhile.
                unfinished(|_| fs::rename(file.path(), path))
            }
        }
    }

    /// Keeps the file that [`WholeFile::rename`] will replace under a temporary name; `None` if there is
    /// none.
    fn keep_earlier(&self) -> io::Result<Option<Kept>> {
        let Target::Beside { path, .. } = &self.target else {
            return Ok(None);
        };
        if fs::symlink_metadata(path).is_err() {
            return Ok(None);
        }
        let linked = builder().make_in(folder_of(path), |kept| fs::hard_link(path, kept));
        // Some file systems have no hard links.
        let kept = linked
            .or_else(|_| builder().make_in(folder_of(path), |kept| fs::copy(path, kept).map(drop)));
        let kept = kept.map_err(without_path)?.into_temp_path();
        let file = File::open(&kept)?;
        let _ = file.try_lock();
        Ok(Some(Kept {
            path: kept,
            _locked: file,
        }))
    }

    /// Brings back the state before [`WholeFile::rename`].
    fn undo(&self, earlier: Option<Kept>) {
        if let Target::Beside { path, .. } = &self.target {
            let _ = match earlier {
                Some(kept) => fs::rename(&kept.path, path),
                None => fs::remove_file(path),
            };
        }
    }
}

/// A file that is to be replaced, under a second, temporary name.
struct Kept {
    path: tempfile::TempPath,
    /// Keeps other processes from removing the file as a leftover.
    _locked: File,
}

/// Writes all of `files`, each a path with its content, or none: if one cannot be written or renamed,
/// those that were renamed before are brought back.
///
/// # Errors
///
/// Errors with the file that cannot be written.
pub fn write_together(files: &[(&Path, &[u8])]) -> Result<(), TableError> {
    let mut whole = Vec::new();
    for (path, bytes) in files {
        let fail = |e| TableError::io(path, "write", e);
        let mut file = WholeFile::create(path).map_err(fail)?;
        file.write_all(bytes)
            .and_then(|()| file.store())
            .map_err(fail)?;
        whole.push(file);
    }
    rename_together(&whole).map_err(|(place, e)| TableError::io(files[place].0, "write", e))
}

/// Renames all of `files` or none; the error has the place of the one that cannot be renamed.
fn rename_together(files: &[WholeFile]) -> Result<(), (usize, io::Error)> {
    let mut renamed: Vec<(&WholeFile, Option<Kept>)> = Vec::new();
    for (place, file) in files.iter().enumerate() {
        let done = file.keep_earlier().and_then(|earlier| {
            file.rename()?;
            renamed.push((file, earlier));
            Ok(())
        });
        if let Err(error) = done {
            for (file, earlier) in renamed.into_iter().rev() {
                file.undo(earlier);
            }
            return Err((place, error));
        }
    }
    Ok(())
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        fail_point::pass("write")?;
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
            forget_unfinished(file.path());
        }
    }
}

/// Errors if `path` is an input of this process.
fn refuse_input(path: &Path) -> io::Result<()> {
    match input_at(path) {
        None => Ok(()),
        Some(input) => Err(io::Error::other(format!(
            "this file is read ({}), and is not replaced; choose another name",
            input.printed()
        ))),
    }
}

/// Removes the file `path`, which a run wrote; nothing if there is none. A link stays, and the file
/// behind it is removed.
///
/// # Errors
///
/// Errors if the file is an input, or cannot be removed.
pub fn remove_own(path: &Path) -> io::Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    refuse_input(path)?;
    fs::remove_file(behind_links(path))
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Creates a temporary file in `folder` and locks it. `mode` is that of the file to replace.
fn temporary(folder: &Path, mode: Option<Permissions>) -> io::Result<NamedTempFile> {
    let mut builder = builder();
    // Temporary files are private; results are what the user's umask makes them.
    #[cfg(unix)]
    builder
        .permissions(mode.unwrap_or_else(|| std::os::unix::fs::PermissionsExt::from_mode(0o666)));
    loop {
        // Made and listed in one step, which a signal comes before or after.
        let made = unfinished(|paths| {
            let file = builder.tempfile_in(folder)?;
            paths.push(file.path().to_path_buf());
            Ok(file)
        });
        let file = made.map_err(without_path)?;
        let lost = match file.as_file().try_lock() {
            // Another process took the file for a leftover before it was locked.
            Err(TryLockError::WouldBlock) => true,
            Ok(()) => !is_linked(file.as_file(), file.path()),
            // The file system has no locks: leftovers are not removed there either.
            Err(TryLockError::Error(_)) => false,
        };
        if !lost {
            return Ok(file);
        }
        forget_unfinished(file.path());
    }
}

/// Gives `file` the mode of the file that it replaces, and its owner and group if the process may.
#[cfg(unix)]
fn keep_owner_and_mode(file: &File, earlier: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (earlier.uid(), earlier.gid())
        && fchown(file, Some(earlier.uid()), Some(earlier.gid())).is_err()
    {
        let _ = fchown(file, None, Some(earlier.gid()));
    }
    // After the owner: a change of owner clears bits of the mode.
    file.set_permissions(earlier.permissions())
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Returns whether `path` still names the open file `file`.
#[cfg(unix)]
pub(super) fn is_linked(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => id(open) == id(named),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(super) fn is_linked(_: &File, path: &Path) -> bool {
    path.exists()
}

fn unfinished<T>(change: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    // The list is whole between any two of its changes.
    let mut paths = UNFINISHED.lock().unwrap_or_else(|e| e.into_inner());
    change(&mut paths)
}

/// From now on [`remove_unfinished`] removes `path`.
pub(super) fn remember_unfinished(path: &Path) {
    unfinished(|paths| paths.push(path.to_path_buf()));
}

/// From now on [`remove_unfinished`] leaves `path` alone.
pub(super) fn forget_unfinished(path: &Path) {
    unfinished(|paths| paths.retain(|other| other != path));
}

/// Has the folder `path`, which was made, removed if a signal ends the program while it is empty.
pub fn leave_no_empty_folder(path: &Path) {
    remember_unfinished(path);
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

/// Removes the temporary files that killed processes left in `folder`; those that a process holds stay.
/// Looks into each folder once. What cannot be removed does not hinder writing.
fn remove_leftovers(folder: &Path) {
    static SEEN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let mut seen = SEEN.lock().unwrap_or_else(|e| e.into_inner());
    if !seen.insert(folder.clone()) {
        return;
    }
    drop(seen);
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        // Opening anything but a file could wait for ever.
        if is_temporary(&entry.file_name().to_string_lossy())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            let path = entry.path();
            let file = File::open(&path);
            if file.is_ok_and(|file| file.try_lock().is_ok() && is_linked(&file, &path)) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Returns whether a file name is one that [`temporary`] gives.
fn is_temporary(name: &str) -> bool {
    let middle = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| {
        !middle.is_empty() && middle.chars().all(|c| c.is_ascii_alphanumeric())
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::inputs::declare_input;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    #[test]
    fn modes_stay_and_links_too() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for mode in [0o600, 0o640, 0o755, 0o444, 0o666] {
            fs::write(at("file"), "old").unwrap();
            fs::set_permissions(at("file"), Permissions::from_mode(mode)).unwrap();
            let mut file = WholeFile::create(&at("file")).unwrap();
            let Target::Beside {
                file: temporary, ..
            } = &file.target
            else {
                panic!("written in place");
            };
            // Other users cannot read a private file while it is written.
            let during = temporary.as_file().metadata().unwrap().permissions();
            assert_eq!(during.mode() & 0o7777, mode);
            file.write_all(b"new").unwrap();
            file.finish().unwrap();
            let now = fs::metadata(at("file")).unwrap().permissions();
            assert_eq!(now.mode() & 0o7777, mode, "{mode:o}");
            assert_eq!(fs::read(at("file")).unwrap(), b"new");
            fs::remove_file(at("file")).unwrap();
        }
        symlink("file", at("link")).unwrap();
        for content in ["first", "second"] {
            write_file(&at("link"), content.as_bytes()).unwrap();
            assert!(at("link").is_symlink());
            assert_eq!(fs::read_to_string(at("file")).unwrap(), content);
        }
        remove_own(&at("link")).unwrap();
        assert!(at("link").is_symlink() && !at("file").exists());
        remove_own(&at("link")).unwrap();
    }

    #[test]
    fn only_what_no_process_holds_is_a_leftover() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let live = temporary(folder.path(), None).unwrap();
        let live_name = live
            .path()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for name in [
            ".pagebench-dead01.tmp",
            ".pagebench-.tmp",
            ".pagebench-a.b.tmp",
            "x.tmp",
        ] {
            fs::write(at(name), "x").unwrap();
        }
        fs::create_dir(at(".pagebench-folder.tmp")).unwrap();
        write_file(&at("new"), b"new").unwrap();
        let mut expected = vec![
            ".pagebench-.tmp",
            ".pagebench-a.b.tmp",
            ".pagebench-folder.tmp",
            "new",
            "x.tmp",
        ];
        expected.push(&live_name);
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn an_input_is_neither_replaced_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.txt");
        fs::write(&path, "R 1000\n").unwrap();
        declare_input(&path).unwrap();
        let error = write_file(&path, b"report").unwrap_err().to_string();
        assert!(error.contains("this file is read"), "{error}");
        assert!(remove_own(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"R 1000\n");
        assert_eq!(names(folder.path()), ["trace.txt"]);
    }

    /// A folder takes the place of the second file once both are written, so that its rename fails.
    #[test]
    fn a_pair_is_renamed_both_or_none() {
        for has_first in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            if has_first {
                fs::write(at("first"), "old").unwrap();
            }
            let mut files =
                [at("first"), at("second")].map(|path| WholeFile::create(&path).unwrap());
            for file in &mut files {
                file.write_all(b"new").unwrap();
            }
            fs::create_dir(at("second")).unwrap();
            let failed = rename_together(&files).unwrap_err();
            assert_eq!(failed.0, 1);
            drop(files);
            let expected: &[&str] = if has_first {
                &["first", "second"]
            } else {
                &["second"]
            };
            assert_eq!(names(folder.path()), expected);
            if has_first {
                assert_eq!(fs::read(at("first")).unwrap(), b"old");
            }
            fs::remove_dir(at("second")).unwrap();
            let [first, second] = [at("first"), at("second")];
            write_together(&[(&first, b"1"), (&second, b"2")]).unwrap();
            assert_eq!(names(folder.path()), ["first", "second"]);
            assert_eq!(
                (fs::read(first).unwrap(), fs::read(second).unwrap()),
                (b"1".into(), b"2".into())
            );
        }
    }
}
