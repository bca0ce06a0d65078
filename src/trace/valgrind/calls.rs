//! What system calls do to an address space: from a call that succeeded to the change that it
//! makes. Knows nothing of processes or of what is mapped.

use super::areas::{PAGE, USER_END};
use super::log::Call;
use crate::trace::event::{Advice, Protection};
use crate::units::PageSize;

/// A change of an address space. Ranges are whole pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new mapping.
    Map(NewMapping),
    /// What is mapped in the range goes.
    Unmap {
        /// The first byte.
        start: u64,
        /// The first byte behind it.
        end: u64,
    },
    /// The range is moved, made longer or shorter.
    Remap {
        /// The first byte.
        start: u64,
        /// The first byte behind it.
        end: u64,
        /// The first byte afterwards.
        new_start: u64,
        /// The first byte behind it afterwards.
        new_end: u64,
        /// The old range stays, empty.
        keep: bool,
    },
    /// Other things may be done in the range.
    Protect {
        /// The first byte.
        start: u64,
        /// The first byte behind it.
        end: u64,
        /// What may be done.
        protection: Protection,
    },
    /// The heap ends here.
    Brk(u64),
    /// Advice on a range.
    Advise {
        /// The first byte.
        start: u64,
        /// The first byte behind it.
        end: u64,
        /// The advice.
        advice: Advice,
    },
}

/// A mapping as a program asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMapping {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// What may be done there.
    pub protection: Protection,
    /// Writes are seen by others.
    pub shared: bool,
    /// It replaces what was there.
    pub fixed: bool,
    /// It is a stack.
    pub grows_down: bool,
    /// The descriptor of its file, and the byte at which it begins.
    pub file: Option<(u32, u64)>,
    /// The page size asked for.
    pub page_size: Option<PageSize>,
}

/// What a successful call changes, if anything.
pub fn change(call: &Call<'_>, result: u64) -> Option<Change> {
    let number = |index| call.number(index);
    let range = |start: u64, length: u64| whole_pages(start, length).map(|end| (start, end));
    match call.name {
        b"mmap" | b"mmap2" => mapping(call, result).map(Change::Map),
        b"munmap" => {
            let (start, end) = range(number(0)?, number(1)?)?;
            Some(Change::Unmap { start, end })
        }
        b"mremap" => {
            let (start, end) = range(number(0)?, number(1)?)?;
            let (new_start, new_end) = range(result, number(2)?)?;
            Some(Change::Remap {
                start,
                end,
                new_start,
                new_end,
                // MREMAP_DONTUNMAP
                keep: number(3)? & 4 != 0,
            })
        }
        b"mprotect" | b"pkey_mprotect" => {
            let (start, end) = range(number(0)?, number(1)?)?;
            let protection = protection(number(2)?);
            Some(Change::Protect {
                start,
                end,
                protection,
            })
        }
        b"brk" => (result < USER_END).then_some(Change::Brk(result)),
        b"madvise" => {
            let (start, end) = range(number(0)?, number(1)?)?;
            let advice = match number(2)? {
                3 => Advice::WillNeed,
                4 => Advice::DontNeed,
                _ => return None,
            };
            Some(Change::Advise { start, end, advice })
        }
        _ => None,
    }
}

fn mapping(call: &Call<'_>, result: u64) -> Option<NewMapping> {
    let number = |index| call.number(index);
    let flags = number(3)?;
    let has = |bit: u64| flags & bit != 0;
    let anonymous = has(0x20);
    let huge = has(0x4_0000).then_some(match (flags >> 26 & 63) as u8 {
        0 => 21,
        shift => shift,
    });
    Some(NewMapping {
        start: result,
        end: whole_pages(result, number(1)?)?,
        protection: protection(number(2)?),
        // MAP_SHARED or MAP_SHARED_VALIDATE
        shared: flags & 0xf != 2,
        fixed: has(0x10),
        grows_down: has(0x100),
        file: match anonymous {
            true => None,
            false => Some((number(4)? as u32, number(5).unwrap_or(0))),
        },
        page_size: huge.and_then(PageSize::from_shift),
    })
}

fn protection(bits: u64) -> Protection {
    Protection {
        read: bits & 1 != 0,
        write: bits & 2 != 0,
        execute: bits & 4 != 0,
    }
}

/// The end of the whole pages that begin with `start`; `None` if there are none or they are no
/// part of user space.
pub fn whole_pages(start: u64, length: u64) -> Option<u64> {
    let end = start.checked_add(length)?.checked_next_multiple_of(PAGE)?;
    (start.is_multiple_of(PAGE) && start < end && end <= USER_END).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::super::log::{Line, Outcome, parse};
    use super::*;

    fn of(line: &str) -> Option<Change> {
        match parse(line.as_bytes()) {
            Line::Call(call) => match call.outcome {
                Outcome::Success(result) => change(&call, result),
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
        assert_eq!((m.start, m.end), (0x483_7000, 0x483_c000));
        assert_eq!((m.shared, m.fixed, m.file), (false, false, Some((4, 0))));
        assert_eq!(m.protection.to_string(), "r--");
        let anonymous = of(
            "SYSCALL[1,1](9) sys_mmap ( 0x4a1a000, 53072, 3, 50, 4294967295, 0 ) --> [pre-success] Success(0x4a1a000) ",
        );
        let Some(Change::Map(m)) = anonymous else {
            panic!()
        };
        assert_eq!((m.fixed, m.file, m.end), (true, None, 0x4a2_7000));
        let huge = of(
            "SYSCALL[1,1](9) sys_mmap ( 0x0, 2097152, 3, 262177, 4294967295, 0 ) --> [pre-success] Success(0x5000000) ",
        );
        let Some(Change::Map(m)) = huge else { panic!() };
        assert_eq!((m.shared, m.page_size), (true, PageSize::from_shift(21)));
    }

    #[test]
    fn changes_of_ranges() {
        let unmap = of("SYSCALL[1,1](11) sys_munmap ( 0x483c000, 33699 )[sync] --> Success(0x0) ");
        let range = |start, end| (start, end);
        assert!(
            matches!(unmap, Some(Change::Unmap { start, end }) if range(start, end) == (0x483_c000, 0x484_5000))
        );
        let brk = of("SYSCALL[1,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4035000) ");
        assert_eq!(brk, Some(Change::Brk(0x403_5000)));
        let remap = of(
            "SYSCALL[1,1](25) sys_mremap ( 0x483c000, 8192, 1048576, 0x1 ) --> [pre-success] Success(0x522b000) ",
        );
        assert!(matches!(
            remap,
            Some(Change::Remap {
                keep: false,
                new_end: 0x532_b000,
                ..
            })
        ));
        for line in [
            "SYSCALL[1,1](10) sys_mprotect ( 0x4031001, 8192, 1 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](11) sys_munmap ( 0x483c000, 18446744073709551615 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](11) sys_munmap ( 0x483c000 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](11) sys_munmap ( 0x483c000, 0 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0xffffffffffffffff) ",
            "SYSCALL[1,1](28) sys_madvise ( 0x522b000, 4096, 8 )[sync] --> Success(0x0) ",
            "SYSCALL[1,1](3) sys_close ( 4 )[sync] --> Success(0x0) ",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
