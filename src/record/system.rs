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
    /// The kernel keeps its pages in memory: it is a regular file, and no facts about the system.
    pub cached: bool,
    /// The number of its names.
    pub links: u64,
    /// The path is that of a symbolic link.
    pub through_link: bool,
}

/// An open file that a recording begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The descriptor.
    pub number: u32,
    pub facts: FileFacts,
    /// Where its next read or write begins.
    pub position: u64,
    /// The flags of `open`.
    pub flags: u64,
}

/// The kinds of file systems whose files are memory.
const MEMORY: [&str; 3] = ["tmpfs", "ramfs", "hugetlbfs"];
/// The kinds of file systems whose files are facts about the system.
const FACTS: [&str; 6] = ["proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs"];

/// Returns true if a path, as the system lists it, is that of memory without a mounted file system: a
/// memfd, or a segment of `shmget`.
pub fn names_memory(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.starts_with("/memfd:") || path.starts_with("/SYSV")
}

/// Returns the device numbers of the file systems of these kinds that a `/proc/PID/mountinfo` lists.
fn devices(mounts: &str, kinds: &[&str]) -> Vec<u64> {
    let of_memory = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let kind = kind.split(' ').next()?;
        let (major, minor) = place.split(' ').nth(2)?.split_once(':')?;
        let device = Device {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        };
        kinds.contains(&kind).then(|| device.number())
    };
    mounts.lines().filter_map(of_memory).collect()
}

/// Returns whether `device` is a file system in memory, and whether it is one of facts about the system.
/// What is mounted is read once.
#[cfg(unix)]
fn kinds_of(device: u64) -> [bool; 2] {
    static DEVICES: OnceLock<[Vec<u64>; 2]> = OnceLock::new();
    let read = || {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        [&MEMORY[..], &FACTS[..]].map(|kinds| devices(&mounts, kinds))
    };
    let known = DEVICES.get_or_init(read);
    [&known[0], &known[1]].map(|devices| devices.contains(&device))
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
    /// The open files that the first process has from the start.
    fn inherited(&self) -> Vec<Inherited>;
}

/// The system that we run on, through `/proc`.
#[derive(Debug, Default)]
pub struct Live {
    inherited: Vec<Inherited>,
}

impl Live {
    /// The system before a program begins, which will have our standard streams.
    pub fn before_program() -> Live {
        let streams = (0..3).filter_map(|number| {
            let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
            let field = |name: &str| {
                let mut lines = info.lines();
                lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
            };
            Some(Inherited {
                number,
                facts: Live::default().descriptor(std::process::id(), number)?,
                position: field("pos:")?.parse().ok()?,
                flags: u64::from_str_radix(&field("flags:")?, 8).ok()?,
            })
        });
        Live {
            inherited: streams.collect(),
        }
    }
}

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
        let own = fs::symlink_metadata(path).ok()?;
        if !own.file_type().is_symlink() {
            return facts(&own, path.to_path_buf());
        }
        let through_link = true;
        Some(FileFacts {
            through_link,
            ..facts(&fs::metadata(path).ok()?, path.to_path_buf())?
        })
    }

    fn inherited(&self) -> Vec<Inherited> {
        self.inherited.clone()
    }
}

#[cfg(unix)]
fn facts(meta: &Metadata, path: PathBuf) -> Option<FileFacts> {
    use std::os::unix::fs::MetadataExt;
    let [is_memory, is_facts] = kinds_of(meta.dev());
    Some(FileFacts {
        key: FileKey {
            device: meta.dev(),
            inode: meta.ino(),
        },
        length: meta.len(),
        in_memory: names_memory(&path) || is_memory,
        cached: meta.is_file() && !is_facts,
        links: meta.nlink(),
        through_link: false,
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
        assert_eq!(devices(mounts, &MEMORY), numbers);
        assert_eq!(devices(mounts, &FACTS), [21]);
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
