//! Facts that the running system reports about a process that is being recorded: its mappings, its
//! open files. The log alone does not show where the program, its loader and its stack are, because
//! they are mapped before the first line.
//!
//! The process runs ahead of the reader by no more than the channel holds, some hundred lines, so the
//! facts are nearly of the same moment. The process may have ended, though: every fact is optional.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Identifies a file, whatever its names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileKey {
    /// The number of the device.
    pub device: u64,
    pub inode: u64,
}

/// A file, as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub key: FileKey,
    /// Its length in bytes.
    pub length: u64,
    pub path: PathBuf,
}

/// The questions to the system.
pub trait System {
    /// The listing of a process's mappings.
    fn mappings(&self, pid: u32) -> Option<String>;
    /// The program that a process really runs, which is valgrind's.
    fn tool(&self, pid: u32) -> Option<PathBuf>;
    /// The file of a descriptor of a process.
    fn descriptor(&self, pid: u32, descriptor: u32) -> Option<FileFacts>;
    /// The current folder of a process.
    fn folder(&self, pid: u32) -> Option<PathBuf>;
    /// The file at a path.
    fn file(&self, path: &Path) -> Option<FileFacts>;
}

/// The system that we run on, through `/proc`.
#[derive(Debug, Default)]
pub struct Live;

impl System for Live {
    fn mappings(&self, pid: u32) -> Option<String> {
        let bytes = fs::read(format!("/proc/{pid}/maps")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn tool(&self, pid: u32) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{pid}/exe")).ok()
    }

    fn descriptor(&self, pid: u32, descriptor: u32) -> Option<FileFacts> {
        let link = format!("/proc/{pid}/fd/{descriptor}");
        let meta = fs::metadata(&link).ok()?;
        let path = fs::read_link(&link).ok()?;
        facts(&meta, path)
    }

    fn folder(&self, pid: u32) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{pid}/cwd")).ok()
    }

    fn file(&self, path: &Path) -> Option<FileFacts> {
        facts(&fs::metadata(path).ok()?, path.to_path_buf())
    }
}

#[cfg(unix)]
fn facts(meta: &Metadata, path: PathBuf) -> Option<FileFacts> {
    use std::os::unix::fs::MetadataExt;
    Some(FileFacts {
        key: FileKey {
            device: meta.dev(),
            inode: meta.ino(),
        },
        length: meta.len(),
        path,
    })
}

#[cfg(not(unix))]
fn facts(_: &Metadata, _: PathBuf) -> Option<FileFacts> {
    None
}
