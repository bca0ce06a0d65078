//! The listing of a live process's mappings, `/proc/PID/maps`, and which of them are the
//! program's. valgrind lives in the process that it watches, so its own are in the listing too.

use crate::trace::event::Protection;

/// One line of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// What may be done there.
    pub protection: Protection,
    /// Writes are seen by others.
    pub shared: bool,
    /// The byte of the file at which it begins.
    pub offset: u64,
    /// The device and the inode of the file; an inode of 0 is no file.
    pub device: (u64, u64),
    /// The inode of the file; 0 if it is anonymous.
    pub inode: u64,
    /// The path of the file, or a name like `[stack]`; may be empty.
    pub name: &'a str,
}

/// The lines of the listing; one that is malformed is left out.
pub fn parse(listing: &str) -> impl Iterator<Item = Entry<'_>> {
    listing.lines().filter_map(entry)
}

/// `START-END PERMISSIONS OFFSET MAJOR:MINOR INODE    NAME`
fn entry(line: &str) -> Option<Entry<'_>> {
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
        start: hex(start)?,
        end: hex(end)?,
        protection: Protection::parse(permissions.get(..3)?)?,
        shared: permissions.ends_with('s'),
        offset,
        device: (hex(major)?, hex(minor)?),
        inode,
        name: rest.trim_start(),
    };
    (entry.start < entry.end).then_some(entry)
}

/// Whose a mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The program's.
    Program,
    /// The program's stack.
    Stack,
    /// valgrind's or the system's.
    Other,
}

/// Tells whose the mappings of a listing are; `tool` is the program that the process really runs,
/// valgrind's.
///
/// valgrind puts itself at a fixed place in the middle: what is below is the program's, above come
/// valgrind's own memory and, as the last that has no name, the program's stack.
pub fn owners(entries: &[Entry<'_>], tool: &str) -> Vec<Owner> {
    let valgrind = entries
        .iter()
        .find(|entry| entry.inode != 0 && entry.name == tool)
        .map_or(u64::MAX, |entry| entry.start);
    let stack = entries.iter().rposition(|entry| {
        let anonymous = entry.inode == 0 && entry.name.is_empty();
        anonymous && entry.protection.write && entry.start > valgrind
    });
    let owner = |(index, entry): (usize, &Entry<'_>)| {
        if Some(index) == stack {
            return Owner::Stack;
        }
        let file = entry.inode != 0 && entry.name != tool;
        let anonymous = entry.inode == 0 && entry.name.is_empty() && entry.start < valgrind;
        match file || anonymous {
            true => Owner::Program,
            false => Owner::Other,
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
    fn the_program_and_valgrind_are_told_apart() {
        let entries: Vec<_> = parse(LISTING).collect();
        assert_eq!(entries.len(), 14);
        assert_eq!(entries[2].name, "/usr/bin/my sort");
        assert_eq!((entries[2].offset, entries[2].inode), (0x1b000, 247_778));
        assert_eq!(entries[2].device, (0xfe, 0));
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
