//! Events of address spaces, which a trace may have beside its accesses: mappings made, changed and
//! removed, processes forked, started anew and ended. Their meaning, and whether they make sense, is
//! the business of `space`.

use super::access::Kind;
use crate::units::PageSize;
use std::fmt;

/// The first byte beyond user space: half of a 57-bit address space, the largest of today's
/// machines, belongs to the kernel.
pub const USER_END: u64 = 1 << 56;

/// How far below its end a stack may grow by being touched, in bytes: the usual limit of Linux.
pub const STACK_LIMIT: u64 = 8 << 20;

/// The accesses that a mapping allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Protection {
    /// Data may be read.
    pub read: bool,
    /// Data may be written.
    pub write: bool,
    /// Instructions may be fetched.
    pub execute: bool,
}

impl Protection {
    /// Reading and writing.
    pub const RW: Protection = Protection {
        read: true,
        write: true,
        execute: false,
    };

    /// Reading and executing.
    pub const RX: Protection = Protection {
        read: true,
        write: false,
        execute: true,
    };

    /// Returns true if accesses of this kind are allowed.
    pub fn allows(self, kind: Kind) -> bool {
        self.kinds() & 1 << kind as u8 != 0
    }

    /// The protection that also allows accesses of this kind.
    pub fn plus(mut self, kind: Kind) -> Protection {
        match kind {
            Kind::Ifetch => self.execute = true,
            Kind::Read => self.read = true,
            Kind::Write => self.write = true,
        }
        self
    }

    /// The kinds of access that are allowed, as bits by the code of the kind.
    pub fn kinds(self) -> u8 {
        let bit = |set: bool, kind: Kind| u8::from(set) << kind as u8;
        bit(self.execute, Kind::Ifetch) | bit(self.read, Kind::Read) | bit(self.write, Kind::Write)
    }

    /// Parses `rwx`, each letter or `-` in its place. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Protection> {
        let &[r, w, x] = text.as_bytes() else {
            return None;
        };
        let bit = |byte: u8, letter: u8| match byte {
            b'-' => Some(false),
            byte => (byte == letter).then_some(true),
        };
        Some(Protection {
            read: bit(r, b'r')?,
            write: bit(w, b'w')?,
            execute: bit(x, b'x')?,
        })
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |set, letter| if set { letter } else { '-' };
        write!(
            f,
            "{}{}{}",
            letter(self.read, 'r'),
            letter(self.write, 'w'),
            letter(self.execute, 'x')
        )
    }
}

/// The initial content of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backing {
    /// Zeros.
    Anonymous,
    /// The bytes of a file; beyond its end, zeros.
    File {
        /// The file: a number that means the same file in all processes of the trace.
        file: u32,
        /// The byte of the file at which the mapping begins.
        offset: u64,
        /// The length of the file in bytes.
        length: u64,
    },
}

/// A mapping that is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// The first byte.
    pub start: u64,
    /// Bytes; at least 1.
    pub length: u64,
    /// The accesses that it allows.
    pub protection: Protection,
    /// Writes are seen by all who map the same (after a fork, or of the same file); else they are
    /// private to the process.
    pub shared: bool,
    /// Replaces whatever the range maps (MAP_FIXED). If false, an overlap is an error.
    pub fixed: bool,
    /// A stack: an access a little below it extends it.
    pub grows_down: bool,
    /// Its file is memory (a memfd, a file in tmpfs): dirty pages go to swap, not to a file. Only
    /// with [`Backing::File`]; anonymous memory goes to swap anyway.
    pub swap_backed: bool,
    /// Its initial content.
    pub backing: Backing,
    /// The page size that the program asked for, if it did.
    pub page_size: Option<PageSize>,
    /// Its name in listings, as a file's name or `[stack]`; without blanks; may be empty.
    pub name: String,
}

impl Mapping {
    /// Private anonymous memory without a name.
    pub fn anonymous(start: u64, length: u64, protection: Protection) -> Mapping {
        Mapping {
            start,
            length,
            protection,
            shared: false,
            fixed: false,
            grows_down: false,
            swap_backed: false,
            backing: Backing::Anonymous,
            page_size: None,
            name: String::new(),
        }
    }
}

/// A range of mappings that moves, or grows or shrinks in place (mremap). Both ranges begin at the
/// start of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Move {
    /// The first byte before.
    pub old_start: u64,
    /// Bytes before; at least 1.
    pub old_length: u64,
    /// The first byte afterwards; that of before if the range grows or shrinks in place.
    pub new_start: u64,
    /// Bytes afterwards; at least 1.
    pub new_length: u64,
    /// Replaces whatever the new range maps (MREMAP_FIXED). If false, an overlap is an error.
    pub fixed: bool,
    /// The old range stays mapped, without its pages (MREMAP_DONTUNMAP).
    pub keep: bool,
}

/// A part of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileRange {
    /// The file, as in [`Backing::File`].
    pub file: u32,
    /// The first byte.
    pub offset: u64,
    /// Bytes; at least 1.
    pub length: u64,
}

/// Advice of a program on its future use of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// It will be needed: bring it in.
    WillNeed,
    /// It is not needed: drop it.
    DontNeed,
}

/// Something that happens to an address space. Addresses and lengths are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A mapping is made.
    Map(Box<Mapping>),
    /// Mappings in the range are removed.
    Unmap {
        /// The first byte.
        start: u64,
        /// Bytes; at least 1.
        length: u64,
    },
    /// The protection of what is mapped in the range changes.
    Protect {
        /// The first byte.
        start: u64,
        /// Bytes; at least 1.
        length: u64,
        /// The new protection.
        protection: Protection,
    },
    /// The heap now ends here. The first such event of a process states the start of its empty heap.
    Brk {
        /// The first byte after the heap.
        end: u64,
    },
    /// Advice on a range.
    Advise {
        /// The first byte.
        start: u64,
        /// Bytes; at least 1.
        length: u64,
        /// The advice.
        advice: Advice,
    },
    /// A range of mappings moves, or changes its length.
    Move(Box<Move>),
    /// The pages of a range come in now (MAP_POPULATE, MADV_POPULATE_READ, MADV_POPULATE_WRITE).
    Populate {
        /// The first byte.
        start: u64,
        /// Bytes; at least 1.
        length: u64,
        /// Whether each page is written, so that it must be writable and a page shared copy-on-write
        /// is copied; otherwise each is read, and must be readable.
        write: bool,
    },
    /// The process reads a part of a file without mapping it.
    Read(FileRange),
    /// The process writes a part of a file without mapping it.
    Write(FileRange),
    /// A file now ends here: it was truncated, or it has grown.
    Length {
        /// The file, as in [`Backing::File`].
        file: u32,
        /// Its length in bytes.
        bytes: u64,
    },
    /// A file has no name any more and is gone once nothing maps it.
    Unlink {
        /// The file, as in [`Backing::File`].
        file: u32,
    },
    /// The process makes a child that uses the process's own address space until its exec or exit
    /// (vfork, posix_spawn).
    Vfork {
        /// The child, as in [`Event::Fork`].
        child: u32,
    },
    /// The process makes a copy of itself.
    Fork {
        /// The copy: a process id in an `EventRecord`, an index into
        /// [`Dictionary::pids`](super::refs::Dictionary::pids) in a [`Trace`](super::dense::Trace).
        child: u32,
    },
    /// The process starts another program: all its mappings go.
    Exec,
    /// The process ends.
    Exit,
}

impl Event {
    /// The first words of all events, in the order of the documentation.
    pub const NAMES: [&str; 15] = [
        "map", "unmap", "move", "protect", "brk", "advise", "populate", "read", "write", "length",
        "unlink", "fork", "vfork", "exec", "exit",
    ];

    /// The first word of its text.
    pub fn name(&self) -> &'static str {
        Event::NAMES[match self {
            Event::Map(_) => 0,
            Event::Unmap { .. } => 1,
            Event::Move(_) => 2,
            Event::Protect { .. } => 3,
            Event::Brk { .. } => 4,
            Event::Advise { .. } => 5,
            Event::Populate { .. } => 6,
            Event::Read(_) => 7,
            Event::Write(_) => 8,
            Event::Length { .. } => 9,
            Event::Unlink { .. } => 10,
            Event::Fork { .. } => 11,
            Event::Vfork { .. } => 12,
            Event::Exec => 13,
            Event::Exit => 14,
        }]
    }

    /// Returns the child of a fork, so that it can be renumbered.
    pub fn child_mut(&mut self) -> Option<&mut u32> {
        match self {
            Event::Fork { child } | Event::Vfork { child } => Some(child),
            _ => None,
        }
    }

    /// Returns the file of a mapping or of an event on a file, so that it can be renumbered.
    pub fn file_mut(&mut self) -> Option<&mut u32> {
        match self {
            Event::Map(mapping) => match &mut mapping.backing {
                Backing::File { file, .. } => Some(file),
                Backing::Anonymous => None,
            },
            Event::Read(range) | Event::Write(range) => Some(&mut range.file),
            Event::Length { file, .. } | Event::Unlink { file } => Some(file),
            _ => None,
        }
    }
}

/// An event in a trace.
#[derive(Debug, Clone, Eq)]
pub struct EventAt {
    /// It happens before the reference at this position.
    pub position: u64,
    /// The process, as an index into [`Dictionary::pids`](super::refs::Dictionary::pids).
    pub process: u32,
    /// What happens.
    pub event: Event,
    /// The line of the file, for messages; 0 where there are no lines. It is not part of the trace:
    /// two events that differ in nothing else are equal.
    pub line: u64,
}

impl EventAt {
    /// Returns the process id and the event, with the ids `pids` in place of indices, as a file states
    /// them.
    pub fn with_pids(&self, pids: &[u32]) -> (u32, Event) {
        let pid = |process: u32| pids[process as usize];
        let mut event = self.event.clone();
        if let Some(child) = event.child_mut() {
            *child = pid(*child);
        }
        (pid(self.process), event)
    }
}

impl PartialEq for EventAt {
    fn eq(&self, other: &EventAt) -> bool {
        (self.position, self.process, &self.event) == (other.position, other.process, &other.event)
    }
}

/// An event as read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Index in the batch of the access that follows it; the batch's length if none follows.
    pub before: usize,
    /// The process, as the file numbers it.
    pub pid: u32,
    /// What happens; [`Event::Fork`] has a process id.
    pub event: Event,
    /// The line of the file, from 1; 0 where there are no lines.
    pub line: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protections_allow_kinds() {
        for kind in Kind::ALL {
            let none = Protection::default();
            assert!(!none.allows(kind) && none.plus(kind).allows(kind));
            assert_eq!(none.plus(kind).kinds(), 1 << kind as u8);
        }
        assert!(Protection::RX.allows(Kind::Ifetch) && !Protection::RX.allows(Kind::Write));
    }

    #[test]
    fn protections_read_and_show() {
        for text in ["rwx", "r--", "---", "--x", "rw-"] {
            assert_eq!(Protection::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "rw", "wrx", "rwxp", "RW-", "rw "] {
            assert_eq!(Protection::parse(text), None, "{text}");
        }
    }
}
