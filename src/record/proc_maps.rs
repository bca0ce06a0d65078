//! The listing of a live process's mappings, `/proc/PID/maps`, and the owner of each mapping. valgrind
//! runs in the process that it watches, so its own mappings are in the listing too.

use crate::trace::model::event::Protection;
use std::ops::Range;

/// One line of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub range: Range<u64>,
    pub protection: Protection,
    pub shared: bool,
    /// The mapping's offset in the file.
    pub offset: u64,
    /// The file's device.
    pub device: Device,
    /// The inode of the file; 0 if the mapping is anonymous.
    pub inode: u64,
    /// The path of the file, or a name like `[stack]`; may be empty.
    pub name: String,
}

/// Major and minor number of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    pub major: u64,
    pub minor: u64,
}

impl Device {
    /// The number of the device in a file's metadata.
    pub fn number(self) -> u64 {
        let Device { major, minor } = self;
        (major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & !0xff) << 12 | minor & 0xff
    }
}

/// The lines of the listing, without malformed ones.
pub fn parse(listing: &str) -> impl Iterator<Item = Entry> {
    listing.lines().filter_map(entry)
}

/// Reads `START-END PERMISSIONS OFFSET MAJOR:MINOR INODE    NAME`.
fn entry(line: &str) -> Option<Entry> {
    let mut rest = line;
    let mut field = || {
        let (field, more) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = more;
        (!field.is_empty()).then_some(field)
    };
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = field()?.split_once('-')?;
    let permissions = field()?;
    let offset = hex(field()?)?;
    let (major, minor) = field()?.split_once(':')?;
    let inode = field()?.parse().ok()?;
    let entry = Entry {
        range: hex(start)?..hex(end)?,
        protection: Protection::parse(permissions.get(..3)?)?,
        shared: permissions.ends_with('s'),
        offset,
        device: Device {
            major: hex(major)?,
            minor: hex(minor)?,
        },
        inode,
        name: rest.trim_start().to_owned(),
    };
    (!entry.range.is_empty()).then_some(entry)
}

/// The owner of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The program's.
    Program,
    /// The program's stack.
    Stack,
    /// valgrind's or the system's.
    Other,
}

/// Returns the owners of the mappings of a listing. `tool` is the program that the process really runs,
/// which is valgrind's.
///
/// valgrind loads itself at a fixed address in the middle. Mappings below it are the program's. Above
/// it are valgrind's own memory and, as the last one without a name, the program's stack.
pub fn owners(entries: &[Entry], tool: &str) -> Vec<Owner> {
    let valgrind = entries
        .iter()
        .find(|entry| entry.inode != 0 && entry.name == tool)
        .map_or(u64::MAX, |entry| entry.range.start);
    let stack = entries.iter().rposition(|entry| {
        let anonymous = entry.inode == 0 && entry.name.is_empty();
        anonymous && entry.protection.write && entry.range.start > valgrind
    });
    let owner = |(index, entry): (usize, &Entry)| {
        if Some(index) == stack {
            return Owner::Stack;
        }
        let file = entry.inode != 0 && entry.name != tool;
        let below = entry.range.start < valgrind;
        let anonymous = entry.inode == 0 && entry.name.is_empty() && below;
        if file || anonymous {
            Owner::Program
        } else {
            Owner::Other
        }
    };
    entries.iter().enumerate().map(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const LISTING: &str = "\
00108000-0010b000 r--p 00000000 fe:00 247778                             /usr/bin/sort
0010b000-0011d000 r-xp 00003000 fe:00 247778                             /usr/bin/sort
00123000-00125000 rw-p 0001b000 fe:00 247778                             /usr/bin/my sort
00125000-00126000 rw-p 00000000 00:00 0 
04000000-04001000 r--p 00000000 fe:00 325843                             /usr/lib/ld.so
58000000-58001000 r--p 00000000 fe:00 328516                             /usr/libexec/valgrind/lackey-amd64-linux
58001000-5819a000 r-xp 00001000 fe:00 328516                             /usr/libexec/valgrind/lackey-amd64-linux
58232000-58c25000 rw-p 00000000 00:00 0 
1002001000-100278c000 rwxp 00000000 00:00 0 
100278c000-100278e000 ---p 00000000 00:00 0 
1ffefff000-1fff001000 rw-p 00000000 00:00 0 
7f6d0547b000-7f6d0547f000 r--p 00000000 00:00 0                          [vvar]
7ffe69990000-7ffe699b1000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn the_program_and_valgrind_are_distinguished() {
        let entries: Vec<_> = parse(LISTING).collect();
        assert_eq!(entries.len(), 14);
        assert_eq!(entries[2].name, "/usr/bin/my sort");
        assert_eq!((entries[2].offset, entries[2].inode), (0x1b000, 247_778));
        let device = Device {
            major: 0xfe,
            minor: 0,
        };
        assert_eq!(entries[2].device, device);
        assert_eq!(device.number(), 0xfe00);
        let owners = owners(&entries, "/usr/libexec/valgrind/lackey-amd64-linux");
        let mut expected = vec![Owner::Program; 5];
        expected.extend([Owner::Other; 5]);
        expected.push(Owner::Stack);
        expected.extend([Owner::Other; 3]);
        assert_eq!(owners, expected);
    }

    #[test]
    fn garbage_is_left_out() {
        for end in 0..LISTING.len() {
            parse(&LISTING[..end]).for_each(drop);
        }
        assert_eq!(
            parse("x\n\n1-2\n2-1 r--p 0 0:0 0\n-\n1-2 é--p 0 0:0 0").count(),
            0
        );
    }
}
