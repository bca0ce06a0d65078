//! Page faults as `perf trace -F all --no-syscalls` prints them. Written from the output of perf 6.1.

use super::Format;
use super::complaint::{Complaint, address};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::quick;
use super::quick::{Block, Head, Quick, Word};
use super::tokens::{decimal_u32, word};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};
use memchr::memmem;
use rustc_hash::FxHashMap;

pub(super) const FORMAT: Format = Format {
    name: "perf-trace",
    about: "page faults as perf trace -F all prints them",
    layout: "\
One page fault per line of perf trace -F all --no-syscalls PROG: time, program/TID, minfault or
majfault, the program counter, =>, and what it accesses: an address, a mapping without a file
and an address ([stack]@0x, [heap]@0x, //anon@0x), or a file and an offset in it. Offsets become
addresses: each file begins at a multiple of 4 GiB from 0x400000000000 on, in order of the trace.
What the access does is not known: all are reads. The thread is taken for a process.
         0.020 ( 0.000 ms): ls/24187 minfault [elf_load+0x28a] => 0x7f294ef06110 (?k)
         0.043 ( 0.000 ms): ls/24187 majfault [_start+0x0] => /usr/lib/ld-linux.so.2@0x1ab70 (d.)
",
    kind: TraceKind::FaultsOnly,
    numbers: Numbers::HEX_BYTES,
    sniff: lines::sniff::<PerfTrace>,
    open: lines::open::<PerfTrace>,
    written: None,
};

/// Address at which the first file begins: far from those of a program.
const FILES: u64 = 1 << 46;

/// Number of address bits of a file: its offsets are below 4 GiB.
const FILE_BITS: u32 = 32;

/// Largest number of files: the rest of the lower half of the address space.
const FILES_MAX: usize = 1 << 14;

struct PerfTrace {
    base: Base,
    /// The files so far, numbered in order of the trace.
    files: FxHashMap<Vec<u8>, u64>,
}

impl PerfTrace {
    /// Returns the address of a target, the text between `=>` and the last word.
    fn address(&mut self, target: &[u8]) -> Result<u64, Complaint> {
        let Some(at) = memchr::memrchr(b'@', target) else {
            return address(self.base, target);
        };
        let (name, offset) = (&target[..at], address(self.base, &target[at + 1..])?);
        if name.starts_with(b"[") || name.starts_with(b"//anon") || name.starts_with(b"/SYSV") {
            return Ok(offset);
        }
        if offset >> FILE_BITS != 0 {
            return Err("the offset in the file is 4 GiB or more".into());
        }
        let next = self.files.len();
        let number = match self.files.get(name) {
            Some(&number) => number,
            None if next < FILES_MAX => {
                self.files.insert(name.to_vec(), next as u64);
                next as u64
            }
            None => return Err(format!("more than {FILES_MAX} different files").into()),
        };
        Ok(FILES + (number << FILE_BITS) + offset)
    }
}

/// Returns the process, and the place after the bracket that opens the program counter.
#[inline(always)]
fn quick_head<L: Lanes>(block: Block<'_, L>) -> Option<(u32, u32)> {
    let digits = block.digits();
    let open = quick::first(block.equal(b'['));
    let fault = open.checked_sub(10)?;
    let named = block.has(fault, b" minfault [") || block.has(fault, b" majfault [");
    let slash = quick::last(block.equal(b'/') & !quick::from(fault))?;
    let tid = Word {
        from: slash + 1,
        to: fault,
    };
    let in_line = block.equal(b'\n') & !quick::from(open) == 0;
    let is_comment = block.byte(quick::first(!block.blanks())) == b'#';
    if !(named && in_line) || open > 63 || is_comment {
        return None;
    }
    let pid = u32::try_from(block.decimal(digits, tid)?).ok()?;
    Some((pid, open + 1))
}

impl LineParser for PerfTrace {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> PerfTrace {
        PerfTrace {
            base: options.base.unwrap_or(Base::Hex),
            files: FxHashMap::default(),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let fault = [&b" minfault ["[..], b" majfault ["];
        let found = fault.iter().find_map(|word| memmem::find(line, word));
        let at = found.ok_or("no minfault or majfault on the line")?;
        let tid = line[..at].rsplit(|&b| b == b'/').next().unwrap_or_default();
        let pid = decimal_u32(tid).ok_or("no program/TID before the fault")?;
        let arrow = memmem::find(&line[at..], b"] => ").ok_or("no => after the fault")?;
        let target = &line[at + arrow + 5..];
        // A path may hold blanks; the word after it is the type of the mapping.
        let end = memmem::rfind(target, b" (").unwrap_or(target.len());
        if word(&target[..end]).0.is_empty() {
            return Err("no address after =>".into());
        }
        let addr = self.address(&target[..end])?;
        Ok(Some(Access {
            pid,
            ..Access::single(Kind::Read, addr)
        }))
    }

    /// Reads lines of a known file or none, with the type of the mapping at the end.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let (pid, counter) = quick_head(head.first())?;
        let block = head.block(counter)?;
        let close = quick::first(block.equal(b']'));
        let others = (block.equal(b'[') | block.equal(b'\n')) & !quick::from(close);
        if others != 0 || close > 58 || !block.has(close, b"] => ") {
            return None;
        }
        let start = counter + close + 5;
        let block = head.block(start)?;
        let end = block.end()?;
        let text = !quick::from(end.text);
        let paren = quick::last(block.equal(b'(') & text)?;
        let target = Word {
            from: 0,
            to: paren.checked_sub(1)?,
        };
        // A second fault cannot be on the line: its bracket is not at the beginning.
        let others = block.equal(b'[') & text & !1;
        if others != 0 || block.byte(target.to) != b' ' || block.blanks() & 1 != 0 {
            return None;
        }
        let at = quick::last(block.equal(b'@') & target.bits());
        let addr = match at {
            None => block.number(self.base, target)?,
            Some(at) => {
                let place = Word {
                    from: at + 1,
                    ..target
                };
                let offset = block.number(self.base, place)?;
                let no_file =
                    block.has(0, b"[") || block.has(0, b"//anon") || block.has(0, b"/SYSV");
                match no_file {
                    true => offset,
                    false if offset >> FILE_BITS != 0 => return None,
                    false => {
                        let name = block.slice(Word { from: 0, to: at });
                        FILES + (*self.files.get(name)? << FILE_BITS) + offset
                    }
                }
            }
        };
        let access = Access {
            pid,
            ..Access::single(Kind::Read, addr)
        };
        Quick::access(access, start + end.next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    /// Lines of perf 6.1 for `ls`, one changed to a file with a blank.
    const LINES: &str = "
     0.000 ( 0.000 ms): ls/24187 minfault [elf_load+0x28a] => 0x55c3f1f9b5c0 (?k)
     0.043 ( 0.000 ms): ls/24187 minfault [_start+0x0] => /usr/lib/ld-linux-x86-64.so.2@0x1ab70 (d.)
     0.057 ( 0.000 ms): ls/24187 majfault [_dl_sysdep_start+0x12] => [stack]@0x7fffb8faefe8 (d.)
     0.157 ( 0.000 ms): My Prog/7 minfault [dl_main+0x6e8] => /home/a b@0x40 (d.)
     0.177 ( 0.000 ms): ls/24187 minfault [copy_hwcaps+0x51] => //anon@0x7f294eec8000 (d.)
     0.202 ( 0.000 ms): ls/24187 minfault [_start+0x0] => /usr/lib/ld-linux-x86-64.so.2@0x8 (d.)
";

    #[test]
    fn addresses_and_offsets_in_files() {
        let got = accesses("perf-trace", LINES.as_bytes());
        let addresses: Vec<u64> = got.iter().map(|a| a.addr).collect();
        let expected = [
            0x55c3_f1f9_b5c0,
            0x4000_0001_ab70,
            0x7fff_b8fa_efe8,
            0x4001_0000_0040,
            0x7f29_4eec_8000,
            0x4000_0000_0008,
        ];
        assert_eq!(addresses, expected);
        assert_eq!((got[0].pid, got[3].pid), (24187, 7));
        assert_eq!(tuples(&got)[0].0, Kind::Read);
        assert_eq!(guess_of(LINES.as_bytes()).unwrap(), "perf-trace");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "perf-trace",
            "0.0 ( 0.0 ms): ls/1 minfault [x+0x1] => 0x10 (d.)",
            &[
                ("0.0 ( 0.0 ms): ls/1 brk() = 0", "no minfault"),
                (
                    "0.0 ( 0.0 ms): ls minfault [x] => 0x10 (d.)",
                    "no program/TID",
                ),
                ("0.0 ( 0.0 ms): ls/1 minfault [x]", "no =>"),
                ("0.0 ( 0.0 ms): ls/1 minfault [x] =>  (d.)", "no address"),
                (
                    "0.0 ( 0.0 ms): ls/1 minfault [x] => 0x1g (d.)",
                    "not hexadecimal",
                ),
                (
                    "0.0 ( 0.0 ms): ls/1 minfault [x] => /a@0x100000000 (d.)",
                    "4 GiB or more",
                ),
                ("0.0 ( 0.0 ms): ls/1\x01", "binary data"),
            ],
        );
        let good = "0.0 ( 0.0 ms): ls/1 minfault [x+0x1] => 0x10 (d.)\nx\n";
        assert_eq!(skipping("perf-trace", good.as_bytes()).1, 1);
    }
}
