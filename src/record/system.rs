//! Facts that the running system reports about a process that is being recorded: its mappings, its
//! open files. The log alone does not show where the program, its loader and its stack are, because
//! they are mapped before the first line.
//!
//! The process runs ahead of the reader by no more than the channel holds, some hundred lines, so the
//! facts are nearly of the same moment. The process may have ended, though: every fact is optional.

use super::proc_maps::Device;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    /// It is memory: a memfd, or a file of a file system in memory (tmpfs).
    pub in_memory: bool,
}

/// Returns true if a path, as the system lists it, is that of memory without a mounted file system: a
/// memfd, or a segment of `shmget`.
pub fn names_memory(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.starts_with("/memfd:") || path.starts_with("/SYSV")
}

/// Returns the device numbers of the file systems in memory that a `/proc/PID/mountinfo` lists.
fn memory_devices(mounts: &str) -> Vec<u64> {
    let of_memory = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let kind = kind.split(' ').next()?;
        let (major, minor) = place.split(' ').nth(2)?.split_once(':')?;
        let device = Device {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        };
        matches!(kind, "tmpfs" | "ramfs" | "hugetlbfs").then(|| device.number())
    };
    mounts.lines().filter_map(of_memory).collect()
}

/// Returns whether `device` is a file system in memory. What is mounted is read once.
fn is_memory(device: u64) -> bool {
    static DEVICES: OnceLock<Vec<u64>> = OnceLock::new();
    let read = || memory_devices(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    DEVICES.get_or_init(read).contains(&device)
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
        in_memory: names_memory(&path) || is_memory(meta.dev()),
        path,
    })
}

#[cfg(not(unix))]
fn facts(_: &Metadata, _: PathBuf) -> Option<FileFacts> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_from_disks() {
        let mounts = "22 28 0:21 / /proc rw,nosuid - proc proc rw\n\
                      28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                      31 28 0:26 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw,size=65536k\n\
                      40 28 0:300 / /run rw master:2 shared:7 - ramfs none rw\n\
                      broken line - tmpfs\n";
        let numbers = [(0, 26), (0, 300)].map(|(major, minor)| Device { major, minor }.number());
        assert_eq!(memory_devices(mounts), numbers);
        for (path, memory) in [
            ("/memfd:x (deleted)", true),
            ("/SYSV00000000 (deleted)", true),
            ("/home/memfd:x", false),
            ("/dev/zero", false),
        ] {
            assert_eq!(names_memory(Path::new(path)), memory, "{path}");
        }
    }
}
