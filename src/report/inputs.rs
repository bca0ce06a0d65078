//! The files that this process reads, and those that it writes: no output replaces an input. A command
//! declares both before its work (`cli::setup::paths`). [`whole_file`](super::whole_file) refuses to
//! replace or remove an input, whatever was declared.
//!
//! Files are compared by device and inode, so that neither links of both kinds nor another spelling of a
//! path hide that two names are one file. Only regular files are compared: writing to a device or a pipe
//! replaces nothing.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard};

/// What makes two paths one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum FileId {
    /// The device and the inode of a file that exists.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The place of a file that does not exist, links resolved.
    Place(PathBuf),
}

impl FileId {
    /// Returns the identity of the file at `path`, whether or not it exists; `None` for a folder, a
    /// device or a pipe.
    fn of(path: &Path) -> Option<FileId> {
        match fs::metadata(path) {
            Ok(meta) if meta.is_file() => Some(FileId::of_existing(path, &meta)),
            Ok(_) => None,
            Err(_) => {
                let path = behind_links(path);
                let folder = folder_of(&path);
                let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
                Some(FileId::Place(folder.join(path.file_name()?)))
            }
        }
    }

    #[cfg(unix)]
    fn of_existing(_: &Path, meta: &Metadata) -> FileId {
        use std::os::unix::fs::MetadataExt;
        FileId::Inode(meta.dev(), meta.ino())
    }

    #[cfg(not(unix))]
    fn of_existing(path: &Path, _: &Metadata) -> FileId {
        FileId::Place(fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()))
    }
}

/// The file that a declared path would be one with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clash {
    /// An input, by the path that it was declared with.
    Input(PathBuf),
    /// An output, by the path that it was declared with.
    Output(PathBuf),
}

/// The declared files. Each has the path that it was declared with last.
#[derive(Default)]
struct Declared {
    inputs: HashMap<FileId, PathBuf>,
    outputs: HashMap<FileId, PathBuf>,
}

static DECLARED: LazyLock<Mutex<Declared>> = LazyLock::new(Mutex::default);

fn declared() -> MutexGuard<'static, Declared> {
    // The maps are whole between any two of their changes.
    DECLARED.lock().unwrap_or_else(|e| e.into_inner())
}

/// Declares that the process reads `path`. Does nothing if there is no such file: reading it will say so.
///
/// # Errors
///
/// Errors if it is an output.
pub fn declare_input(path: &Path) -> Result<(), Clash> {
    let Some(id) = FileId::of(path).filter(|_| path.exists()) else {
        return Ok(());
    };
    let mut declared = declared();
    let output = known_at(&declared.outputs, &id);
    // Also if it is an output: a command that says what failed may write it even then.
    declared.inputs.insert(id, path.to_path_buf());
    match output {
        Some(output) => Err(Clash::Output(output)),
        None => Ok(()),
    }
}

/// Declares that the process writes `path`.
///
/// # Errors
///
/// Errors if it is an input or another output.
pub fn declare_output(path: &Path) -> Result<(), Clash> {
    let Some(id) = FileId::of(path) else {
        return Ok(());
    };
    let mut declared = declared();
    if let Some(input) = known_at(&declared.inputs, &id) {
        return Err(Clash::Input(input));
    }
    let other = known_at(&declared.outputs, &id);
    declared.outputs.insert(id, path.to_path_buf());
    match other {
        Some(other) => Err(Clash::Output(other)),
        None => Ok(()),
    }
}

/// Returns the input that would be lost if `path` were replaced or removed; `None` if there is none.
pub fn input_at(path: &Path) -> Option<PathBuf> {
    let id = FileId::of(path)?;
    known_at(&declared().inputs, &id)
}

/// Returns the path with which the file `id` was declared; `None` if it was not. A file that was removed
/// since then does not count: its inode may be that of a new file.
fn known_at(files: &HashMap<FileId, PathBuf>, id: &FileId) -> Option<PathBuf> {
    let path = files.get(id)?;
    (FileId::of(path).as_ref() == Some(id)).then(|| path.clone())
}

/// Returns the folder of the file `path`; `.` if the path names none.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Follows the links of `path`, whether or not a file is at their end.
pub(super) fn behind_links(path: &Path) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_of_an_input_are_found_and_new_files_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["in", "other"] {
            fs::write(at(name), "x").unwrap();
        }
        fs::create_dir(at("d")).unwrap();
        declare_input(&at("in")).unwrap();
        declare_input(&at("missing")).unwrap();
        assert_eq!(input_at(&at("d/../in")), Some(at("in")));
        assert_eq!(input_at(&at("other")), None);
        assert_eq!(input_at(&at("missing")), None);
        // An input that is gone may have left its inode to another file.
        fs::write(at("gone"), "x").unwrap();
        declare_input(&at("gone")).unwrap();
        fs::rename(at("gone"), at("later")).unwrap();
        assert_eq!(input_at(&at("later")), None);
        assert_eq!(declare_output(&at("d/../in")), Err(Clash::Input(at("in"))));
        assert_eq!(declare_output(&at("new")), Ok(()));
        let twice = declare_output(&at("d/../new"));
        assert_eq!(twice, Err(Clash::Output(at("new"))));
        assert_eq!(declare_output(&at("other")), Ok(()));
        let read_too = declare_input(&at("other"));
        assert_eq!(read_too, Err(Clash::Output(at("other"))));
        assert_eq!(input_at(&at("other")), Some(at("other")));
    }

    #[cfg(unix)]
    #[test]
    fn links_of_both_kinds_are_seen_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("in"), "x").unwrap();
        fs::hard_link(at("in"), at("hard")).unwrap();
        std::os::unix::fs::symlink("in", at("soft")).unwrap();
        std::os::unix::fs::symlink("new", at("dangling")).unwrap();
        declare_input(&at("soft")).unwrap();
        for name in ["in", "hard", "soft"] {
            assert_eq!(input_at(&at(name)), Some(at("soft")), "{name}");
        }
        declare_output(&at("dangling")).unwrap();
        let behind = declare_output(&at("new"));
        assert_eq!(behind, Err(Clash::Output(at("dangling"))));
        // A device loses nothing.
        assert_eq!(declare_input(Path::new("/dev/null")), Ok(()));
        assert_eq!(declare_output(Path::new("/dev/null")), Ok(()));
        assert_eq!(declare_output(Path::new("/dev/null")), Ok(()));
    }
}
