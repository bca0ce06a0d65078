//! What a system call reads or writes of open files without a mapping: from a call that succeeded to
//! descriptors and ranges. Does not know which files the descriptors are.

use super::log_line::Call;

/// The file position in `preadv2` and `pwritev2` that stands for the descriptor's own.
const OWN_POSITION: u64 = u64::MAX;

/// Where in its file a call reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the position of the descriptor, which moves on.
    Position,
    /// At this offset.
    At(u64),
    /// At an offset that the log does not show.
    Unknown,
}

/// A use of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileUse {
    pub descriptor: u32,
    pub writes: bool,
    pub place: Place,
    /// Bytes; at least 1.
    pub length: u64,
}

/// Returns what a successful call that returned `result` uses of files.
pub fn uses(call: &Call<'_>, result: u64) -> Vec<FileUse> {
    let number = |index: usize| call.number(index);
    let one = |index: usize, writes: bool, place: Place| {
        Some(FileUse {
            descriptor: number(index)? as u32,
            writes,
            place,
            length: result,
        })
    };
    let at = |index: usize| match number(index) {
        None => Place::Unknown,
        Some(OWN_POSITION) => Place::Position,
        Some(offset) => Place::At(offset),
    };
    // The address of an offset; without one it is the position of the descriptor.
    let through = |index: usize| match number(index) {
        Some(0) => Place::Position,
        _ => Place::Unknown,
    };
    let found = match call.name {
        b"read" | b"readv" => [one(0, false, Place::Position), None],
        b"write" | b"writev" => [one(0, true, Place::Position), None],
        b"pread64" | b"preadv" | b"preadv2" => [one(0, false, at(3)), None],
        b"pwrite64" | b"pwritev" | b"pwritev2" => [one(0, true, at(3)), None],
        b"sendfile" | b"sendfile64" => [one(1, false, through(2)), one(0, true, Place::Position)],
        b"copy_file_range" | b"splice" => [one(0, false, through(1)), one(2, true, through(3))],
        _ => return Vec::new(),
    };
    let found = found.into_iter().flatten();
    found.filter(|used| used.length > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::log_line::{Line, parse};

    #[test]
    fn calls_name_descriptors_and_offsets() {
        let used = |descriptor, writes, place| FileUse {
            descriptor,
            writes,
            place,
            length: 40,
        };
        for (call, wanted) in [
            (
                "sys_read ( 4, 0x1ff, 100 )",
                vec![used(4, false, Place::Position)],
            ),
            (
                "sys_writev ( 4, 0x1ff, 2 )",
                vec![used(4, true, Place::Position)],
            ),
            (
                "sys_pread64 ( 4, 0x1ff, 50, 8000 )",
                vec![used(4, false, Place::At(8000))],
            ),
            (
                "sys_pwritev ( 4, 0x1ff, 2, 4000 )",
                vec![used(4, true, Place::At(4000))],
            ),
            (
                "sys_preadv2 ( 4, 0x1ff, 2, 18446744073709551615, 0 )",
                vec![used(4, false, Place::Position)],
            ),
            (
                "sys_preadv ( 4, 0x1ff )",
                vec![used(4, false, Place::Unknown)],
            ),
            (
                "sys_sendfile ( 6, 4, 0x1ff, 10 )",
                vec![
                    used(4, false, Place::Unknown),
                    used(6, true, Place::Position),
                ],
            ),
            (
                "sys_copy_file_range (4, 0, 6, 0, 5, 0)",
                vec![
                    used(4, false, Place::Position),
                    used(6, true, Place::Position),
                ],
            ),
            ("sys_mmap ( 0x0, 1, 1 )", Vec::new()),
        ] {
            let line = format!("SYSCALL[1,1](0) {call}[sync] --> Success(0x28) ");
            let Line::Call(call) = parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(uses(&call, 40), wanted, "{line}");
            // The end of a file.
            assert_eq!(uses(&call, 0), []);
        }
    }
}
