//! The effect of system calls on an address space: from a call that succeeded to the change that it
//! makes. Does not know processes or what is mapped.

use super::areas::PAGE;
use super::log_line::Call;
use crate::trace::model::event::{Advice, Protection, USER_END};
use crate::units::PageSize;
use std::ops::Range;
use std::path::PathBuf;

// Constants of `man 2 mmap`, `mprotect`, `mremap`, `madvise` and `clone`, as on x86-64.
const PROT_READ: u64 = 1;
const PROT_WRITE: u64 = 2;
const PROT_EXEC: u64 = 4;
const MAP_PRIVATE: u64 = 2;
/// The bits of MAP_SHARED, MAP_PRIVATE and MAP_SHARED_VALIDATE.
const MAP_TYPE: u64 = 0xf;
const MAP_FIXED: u64 = 0x10;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_GROWSDOWN: u64 = 0x100;
const MAP_POPULATE: u64 = 0x8000;
const MAP_NONBLOCK: u64 = 0x1_0000;
const MAP_HUGETLB: u64 = 0x4_0000;
const MAP_HUGE_SHIFT: u32 = 26;
const MAP_HUGE_MASK: u64 = 63;
const MREMAP_FIXED: u64 = 2;
const MREMAP_DONTUNMAP: u64 = 4;
const MADV_WILLNEED: u64 = 3;
const MADV_DONTNEED: u64 = 4;
const MADV_POPULATE_READ: u64 = 22;
const MADV_POPULATE_WRITE: u64 = 23;
const CLONE_VM: u64 = 0x100;
const CLONE_VFORK: u64 = 0x4000;
/// The numbers of the system call `vfork` on x86-64 and x86. valgrind makes a fork of it, and calls it so.
const VFORK: [u32; 2] = [58, 190];

/// A change of an address space. Ranges are whole pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new mapping.
    Map(NewMapping),
    /// Everything in the range is unmapped.
    Unmap(Range<u64>),
    /// A range is moved, or made longer or shorter.
    Remap {
        old: Range<u64>,
        new: Range<u64>,
        /// It replaces what was there.
        fixed: bool,
        /// The old range stays mapped, without its content.
        keep: bool,
    },
    /// What a shared mapping has from `from` on is mapped at `to`, too. It stays where it is.
    Again {
        from: u64,
        to: Range<u64>,
        /// It replaces what was there.
        fixed: bool,
    },
    /// The protection of the range changes.
    Protect {
        range: Range<u64>,
        protection: Protection,
    },
    /// The heap ends here.
    Brk(u64),
    /// A file has a new length.
    Resize {
        file: Resized,
        bytes: u64,
        /// It may be longer already.
        at_least: bool,
    },
    Advise {
        range: Range<u64>,
        advice: Advice,
    },
    /// The pages of the range come in now, as if each were read, or written.
    Populate {
        range: Range<u64>,
        write: bool,
    },
}

/// How a call names a file to which it gives a length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resized {
    Descriptor(u32),
    /// From the current folder on, if it is relative.
    Path(PathBuf),
}

/// A mapping as a program asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMapping {
    pub range: Range<u64>,
    pub protection: Protection,
    pub shared: bool,
    /// It replaces what was there.
    pub fixed: bool,
    /// True for a stack.
    pub grows_down: bool,
    /// Its pages come in at once.
    pub populates: bool,
    /// The descriptor of its file, and the mapping's offset in the file.
    pub file: Option<(u32, u64)>,
    pub page_size: Option<PageSize>,
}

/// Returns what a successful call changes, if anything.
pub fn change(call: &Call<'_>, result: u64) -> Option<Change> {
    let number = |index| call.number(index);
    match call.name {
        b"mmap" | b"mmap2" => mapping(call, result).map(Change::Map),
        b"munmap" => whole_pages(number(0)?, number(1)?).map(Change::Unmap),
        b"mremap" if number(1) == Some(0) => Some(Change::Again {
            from: number(0).filter(|from| from.is_multiple_of(PAGE))?,
            to: whole_pages(result, number(2)?)?,
            fixed: number(3)? & MREMAP_FIXED != 0,
        }),
        b"mremap" => Some(Change::Remap {
            old: whole_pages(number(0)?, number(1)?)?,
            new: whole_pages(result, number(2)?)?,
            fixed: number(3)? & MREMAP_FIXED != 0,
            keep: number(3)? & MREMAP_DONTUNMAP != 0,
        }),
        b"mprotect" | b"pkey_mprotect" => Some(Change::Protect {
            range: whole_pages(number(0)?, number(1)?)?,
            protection: protection(number(2)?),
        }),
        b"brk" => (result < USER_END).then_some(Change::Brk(result)),
        b"ftruncate" => Some(Change::Resize {
            file: Resized::Descriptor(number(0)? as u32),
            bytes: number(1)?,
            at_least: false,
        }),
        b"truncate" => Some(Change::Resize {
            file: Resized::Path(PathBuf::from(&*String::from_utf8_lossy(call.path()?))),
            bytes: number(1)?,
            at_least: false,
        }),
        // Other modes keep the length, or move what is in the file.
        b"fallocate" if number(1) == Some(0) => Some(Change::Resize {
            file: Resized::Descriptor(number(0)? as u32),
            bytes: number(2)?.checked_add(number(3)?)?,
            at_least: true,
        }),
        b"madvise" => {
            let range = whole_pages(number(0)?, number(1)?)?;
            Some(match number(2)? {
                MADV_WILLNEED => Change::Advise {
                    range,
                    advice: Advice::WillNeed,
                },
                MADV_DONTNEED => Change::Advise {
                    range,
                    advice: Advice::DontNeed,
                },
                advice @ (MADV_POPULATE_READ | MADV_POPULATE_WRITE) => Change::Populate {
                    range,
                    write: advice == MADV_POPULATE_WRITE,
                },
                _ => return None,
            })
        }
        _ => None,
    }
}

/// Returns the bytes that the kernel wrote for a call that returned `result`, if they are in one piece.
pub fn written_by_kernel(call: &Call<'_>, result: u64) -> Option<Range<u64>> {
    match call.name {
        b"read" | b"pread64" | b"recvfrom" | b"getdents64" => {
            let start = call.number(1)?;
            let end = start.checked_add(result)?;
            (start < end && end <= USER_END).then_some(start..end)
        }
        _ => None,
    }
}

/// Returns true if the child of a call that makes a process uses the memory of its parent until its
/// exec or exit.
pub fn borrows(call: &Call<'_>) -> bool {
    let both = CLONE_VM | CLONE_VFORK;
    let flags = call.flags().filter(|_| call.name == b"clone");
    let is_vfork = call.name == b"fork" && call.number.is_some_and(|n| VFORK.contains(&n));
    call.name == b"vfork" || is_vfork || flags.is_some_and(|flags| flags & both == both)
}

/// Returns true if a call makes a process, and not a thread.
pub fn makes_process(call: &Call<'_>) -> bool {
    match call.name {
        b"fork" | b"vfork" => true,
        b"clone" | b"clone3" => {
            let is_thread = |flags| flags & (CLONE_VM | CLONE_VFORK) == CLONE_VM;
            !call.flags().is_some_and(is_thread)
        }
        _ => false,
    }
}

fn mapping(call: &Call<'_>, result: u64) -> Option<NewMapping> {
    let number = |index| call.number(index);
    let flags = number(3)?;
    let has = |bit: u64| flags & bit != 0;
    let huge = has(MAP_HUGETLB).then_some(match flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK {
        // The default: 2 MiB.
        0 => 21,
        shift => shift as u8,
    });
    let file = if has(MAP_ANONYMOUS) {
        None
    } else {
        Some((number(4)? as u32, number(5).unwrap_or(0)))
    };
    Some(NewMapping {
        range: whole_pages(result, number(1)?)?,
        protection: protection(number(2)?),
        shared: flags & MAP_TYPE != MAP_PRIVATE,
        fixed: has(MAP_FIXED),
        grows_down: has(MAP_GROWSDOWN),
        populates: has(MAP_POPULATE) && !has(MAP_NONBLOCK),
        file,
        page_size: huge.and_then(PageSize::from_shift),
    })
}

fn protection(bits: u64) -> Protection {
    Protection {
        read: bits & PROT_READ != 0,
        write: bits & PROT_WRITE != 0,
        execute: bits & PROT_EXEC != 0,
    }
}

/// The whole pages that hold `length` bytes from `start` on. Returns `None` if there are none, if
/// `start` is not the beginning of a page, or if they do not lie in user space.
fn whole_pages(start: u64, length: u64) -> Option<Range<u64>> {
    let end = start.checked_add(length)?.checked_next_multiple_of(PAGE)?;
    (start.is_multiple_of(PAGE) && start < end && end <= USER_END).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::log_line::{CallResult, Line, parse};

    fn of(line: &str) -> Option<Change> {
        match parse(line.as_bytes()) {
            Line::Call(call) => match call.result {
                CallResult::Success(result) => change(&call, result),
                _ => None,
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn mappings_as_asked_for() {
        let of_file = of(
            "SYSCALL[1,1](9) sys_mmap ( 0x0, 16400, 1, 2050, 4, 0 ) --> [pre-success] Success(0x4837000) ",
        );
        let Some(Change::Map(m)) = of_file else {
            panic!()
        };
        assert_eq!(m.range, 0x483_7000..0x483_c000);
        assert_eq!((m.shared, m.fixed, m.file), (false, false, Some((4, 0))));
        assert_eq!(m.protection.to_string(), "r--");
        let anonymous = of(
            "SYSCALL[1,1](9) sys_mmap ( 0x4a1a000, 53072, 3, 50, 4294967295, 0 ) --> [pre-success] Success(0x4a1a000) ",
        );
        let Some(Change::Map(m)) = anonymous else {
            panic!()
        };
        assert_eq!((m.fixed, m.file, m.range.end), (true, None, 0x4a2_7000));
        let huge = of(
            "SYSCALL[1,1](9) sys_mmap ( 0x0, 2097152, 3, 262177, 4294967295, 0 ) --> [pre-success] Success(0x5000000) ",
        );
        let Some(Change::Map(m)) = huge else { panic!() };
        assert_eq!((m.shared, m.page_size), (true, PageSize::from_shift(21)));
    }

    #[test]
    fn a_thread_is_no_process() {
        for (line, expected) in [
            ("SYSCALL[1,1](58) sys_vfork ( )", true),
            ("SYSCALL[1,1](58) sys_fork ( ) vfork", true),
            ("SYSCALL[1,1](190) sys_fork ( ) vfork", true),
            ("SYSCALL[1,1](57) sys_fork ( )", true),
            ("SYSCALL[1,1](2) sys_fork ( )", true),
            ("SYSCALL[1,1](56) sys_clone ( 1200011, 0x0 )", true),
            ("SYSCALL[1,1](56) sys_clone ( 4111, 0x0 )", true),
            ("SYSCALL[1,1](56) sys_clone ( 3d0f00, 0x52 )", false),
            ("SYSCALL[1,1](3) sys_close ( 4 )", false),
        ] {
            let Line::Call(call) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(makes_process(&call), expected, "{line}");
            let vforks = line.contains("vfork") || line.contains("4111");
            assert_eq!(borrows(&call), vforks, "{line}");
        }
    }

    #[test]
    fn lengths_of_files() {
        for (line, file, length) in [
            (
                "sys_ftruncate ( 3, 16384 )",
                Resized::Descriptor(3),
                (16384, false),
            ),
            (
                "sys_truncate ( 0x4b0(a.dat), 0 )",
                Resized::Path("a.dat".into()),
                (0, false),
            ),
            (
                "sys_fallocate ( 4, 0, 4096, 8192 )",
                Resized::Descriptor(4),
                (12288, true),
            ),
        ] {
            let line = format!("SYSCALL[1,1](77) {line}[sync] --> Success(0x0) ");
            let (bytes, at_least) = length;
            let wanted = Change::Resize {
                file,
                bytes,
                at_least,
            };
            assert_eq!(of(&line), Some(wanted), "{line}");
        }
        let keep = "SYSCALL[1,1](285) sys_fallocate ( 4, 1, 4096, 8192 )[sync] --> Success(0x0) ";
        assert_eq!(of(keep), None);
    }

    #[test]
    fn changes_of_ranges() {
        let unmap = of("SYSCALL[1,1](11) sys_munmap ( 0x483c000, 33699 )[sync] --> Success(0x0) ");
        assert_eq!(unmap, Some(Change::Unmap(0x483_c000..0x484_5000)));
        let brk = of("SYSCALL[1,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4035000) ");
        assert_eq!(brk, Some(Change::Brk(0x403_5000)));
        let remap = of(
            "SYSCALL[1,1](25) sys_mremap ( 0x483c000, 8192, 1048576, 0x1 ) --> [pre-success] Success(0x522b000) ",
        );
        let expected = Change::Remap {
            old: 0x483_c000..0x483_e000,
            new: 0x522_b000..0x532_b000,
            fixed: false,
            keep: false,
        };
        assert_eq!(remap, Some(expected));
        for (flags, wanted) in [(3, (true, false)), (5, (false, true)), (7, (true, true))] {
            let line = format!(
                "SYSCALL[1,1](25) sys_mremap ( 0x483c000, 4096, 4096, 0x{flags:x} ) --> [pre-success] Success(0x522b000) "
            );
            let Some(Change::Remap { fixed, keep, .. }) = of(&line) else {
                panic!("{line}")
            };
            assert_eq!((fixed, keep), wanted);
        }
        // Without an old length.
        for (flags, fixed) in [(1, false), (3, true)] {
            let line = format!(
                "SYSCALL[1,1](25) sys_mremap ( 0x483c000, 0, 5000, 0x{flags:x} ) --> [pre-success] Success(0x522b000) "
            );
            let again = Change::Again {
                from: 0x483_c000,
                to: 0x522_b000..0x522_d000,
                fixed,
            };
            assert_eq!(of(&line), Some(again));
        }
        for (advice, write) in [(22, false), (23, true)] {
            let line = format!(
                "SYSCALL[1,1](28) sys_madvise ( 0x4a2a000, 8192, {advice} )[sync] --> Success(0x0) "
            );
            let range = 0x4a2_a000..0x4a2_c000;
            assert_eq!(of(&line), Some(Change::Populate { range, write }));
        }
        for (flags, wanted) in [(34, false), (32_802, true), (98_338, false)] {
            let line = format!(
                "SYSCALL[1,1](9) sys_mmap ( 0x0, 65536, 3, {flags}, 4294967295, 0 ) --> [pre-success] Success(0x4a2a000) "
            );
            let Some(Change::Map(m)) = of(&line) else {
                panic!("{line}")
            };
            assert_eq!(m.populates, wanted, "{flags}");
        }
        for line in [
            "SYSCALL[1,1](10) sys_mprotect ( 0x4031001, 8192, 1 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](11) sys_munmap ( 0x483c000, 18446744073709551615 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](11) sys_munmap ( 0x483c000 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](11) sys_munmap ( 0x483c000, 0 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0xffffffffffffffff) ",
            "SYSCALL[1,1](28) sys_madvise ( 0x522b000, 4096, 8 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](25) sys_mremap ( 0x483c001, 0, 4096, 0x1 ) --> [pre-success] Success(0x522b000) ",
            "SYSCALL[1,1](3) sys_close ( 4 )[sync] --> Success(0x0) ",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
