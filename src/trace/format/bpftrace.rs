//! Page faults as a bpftrace script prints them. bpftrace has no layout of its own: what is read is
//! what the scripts of the wild have in common, names with values or a row of columns.

use super::complaint::{Complaint, bad_address};
use super::fault_text::{kind_of, quick_kind};
use super::lines::{self, LineParser, sample_lines};
use super::options::{Base, Numbers, ReadOptions};
use super::quick;
use super::quick::{Head, Quick};
use super::report::ReadReport;
use super::tokens::{NumberFault, decimal, decimal_u32, strip_0x, trim, words};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "bpftrace",
    about: "page faults as a bpftrace script prints them",
    layout: "\
One page fault per line, made by a script such as: tracepoint:exceptions:page_fault_user {
printf(\"pid=%d address=%p error_code=0x%lx\\n\", pid, args.address, args.error_code); }
Either names with values between blanks: address, and if they are there pid and error_code; other
names are ignored. Or a row: process, name of the program or none, address, address of the
instruction or none, error code or none. Addresses begin with 0x (print them with %p or 0x%lx; else
--base says how they are meant), the process is decimal, 0 if absent. The error code distinguishes
reads, writes and fetches; without it all are reads. The line \"Attaching 1 probe...\" identifies a
row; lines with @ (maps) and \"Lost 12 events\" are dropped and counted.
    Attaching 1 probe...
    pid=930 address=0x55bc6c5557d0 ip=0x7ff74f7aa84c error_code=0x7
    pid=930 address=0x55bc6c5506a0 ip=0x55bc6b805177 error_code=0x4
",
    kind: TraceKind::FaultsOnly,
    numbers: Numbers::HEX_BYTES,
    sniff,
    open: lines::open::<Bpftrace>,
    written: None,
};

/// Names of the address of a fault.
const ADDRESS: [&[u8]; 5] = [b"address", b"addr", b"fault_addr", b"fault_address", b"va"];

/// Names of the error code.
const CODE: [&[u8]; 3] = [b"error_code", b"code", b"error"];

/// Names of the process, the best one first.
const PROCESS: [&[u8]; 3] = [b"tgid", b"pid", b"tid"];

/// Help if an address does not begin with `0x`.
const BASE_HELP: &str = "print addresses with %p or 0x%lx, or say --base hex or --base dec; bad lines are left out with \
     --skip-bad";

struct Bpftrace {
    /// The base of numbers without `0x`; `None` if these are errors.
    base: Option<Base>,
    dropped: Vec<(&'static str, u64)>,
}

/// Guesses a row of columns only after the line that bpftrace begins with: any program could print
/// such a row.
fn sniff(sample: &Sample<'_>) -> Fit {
    let attached = sample_lines(sample)
        .map(trim)
        .find(|line| !line.is_empty())
        .is_some_and(is_attaching);
    let named = |line: &[u8]| is_head(line) || is_named(line);
    let mut texts = sample_lines(sample)
        .map(trim)
        .filter(|line| !line.is_empty());
    if attached || texts.all(named) {
        lines::sniff::<Bpftrace>(sample)
    } else {
        Fit::No
    }
}

/// Returns true for the line that bpftrace begins with.
fn is_attaching(line: &[u8]) -> bool {
    line.starts_with(b"Attaching ")
        && (line.ends_with(b" probe...") || line.ends_with(b" probes..."))
}

/// Returns true for a line that is bpftrace's own.
fn is_head(line: &[u8]) -> bool {
    is_attaching(line) || line.starts_with(b"@") || is_lost(line) || line == b"^C"
}

fn is_lost(line: &[u8]) -> bool {
    let lost = line.strip_prefix(b"Lost ").unwrap_or_default();
    lost.strip_suffix(b" events")
        .is_some_and(|n| decimal(n).is_ok())
}

/// Returns true if all words of a line are names with values.
fn is_named(line: &[u8]) -> bool {
    words(line).all(|word| name_and_value(word).is_some())
}

/// Splits `name=value`. Returns `None` for other words.
fn name_and_value(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = word.iter().position(|&b| b == b'=')?;
    let (name, value) = (&word[..at], &word[at + 1..]);
    let value = value.strip_suffix(b",").unwrap_or(value);
    let is_name = name.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_');
    (is_name && !name.is_empty()).then_some((name, value))
}

impl Bpftrace {
    fn address(&self, text: &[u8]) -> Result<u64, Complaint> {
        match (strip_0x(text), self.base) {
            (Some(_), _) => Base::Hex.number(text).map_err(bad_address),
            (None, Some(base)) => base.number(text).map_err(bad_address),
            (None, None) if text.is_empty() => Err(bad_address(NumberFault::Missing)),
            (None, None) => Err(Complaint {
                help: BASE_HELP,
                ..Complaint::from("the address does not begin with 0x")
            }),
        }
    }

    /// Reads an error code. One digit means the same in both bases.
    fn code(&self, text: &[u8]) -> Result<Kind, Complaint> {
        let base = match self.base {
            Some(base) => base,
            None if strip_0x(text).is_some() || text.len() == 1 => Base::Hex,
            None => {
                return Err(Complaint {
                    help: BASE_HELP,
                    ..Complaint::from("the error code does not begin with 0x")
                });
            }
        };
        let code = base
            .number(text)
            .map_err(|_| "the error code is no number")?;
        kind_of(code)
    }

    /// Reads a line of names and values.
    fn named(&self, line: &[u8]) -> Result<Access, Complaint> {
        let pairs = || words(line).filter_map(name_and_value);
        let value = |name: &[u8]| pairs().find(|pair| pair.0 == name).map(|pair| pair.1);
        let find = |names: &[&[u8]]| names.iter().find_map(|name| value(name));
        let addr = self.address(find(&ADDRESS).ok_or("no address= on the line")?)?;
        let pid = match find(&PROCESS) {
            Some(pid) => decimal_u32(pid).ok_or("pid= is not a decimal number of 32 bits")?,
            None => 0,
        };
        let kind = find(&CODE).map_or(Ok(Kind::Read), |code| self.code(code))?;
        Ok(Access {
            pid,
            ..Access::single(kind, addr)
        })
    }

    /// Reads a row: process, program, address, instruction, error code.
    fn row(&self, line: &[u8]) -> Result<Access, Complaint> {
        let row: Vec<&[u8]> = words(line).collect();
        let prefixed = row.iter().position(|word| strip_0x(word).is_some());
        // Without 0x the name of a program could be taken for a number: there must be none.
        let at = prefixed.unwrap_or(usize::from(row.len() > 1));
        let pid = match at {
            0 => 0,
            _ => decimal_u32(row[0]).ok_or("the line begins with neither a process nor 0x")?,
        };
        let addr = self.address(row.get(at).copied().unwrap_or_default())?;
        let kind = match row.get(at + 1..).unwrap_or_default() {
            [] => Kind::Read,
            [code] | [_, code] => self.code(code)?,
            _ => return Err("more on the line than instruction and error code".into()),
        };
        Ok(Access {
            pid,
            ..Access::single(kind, addr)
        })
    }
}

impl LineParser for Bpftrace {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Bpftrace {
        Bpftrace {
            base: options.base,
            dropped: Vec::new(),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let text = trim(line);
        if is_attaching(text) || text == b"^C" {
            return Ok(None);
        }
        if is_head(text) {
            let lost = is_lost(text);
            let kind = if lost {
                "mark of lost events"
            } else {
                "line of a map"
            };
            ReadReport::drop_one(&mut self.dropped, kind);
            return Ok(None);
        }
        let named = words(text)
            .next()
            .is_some_and(|word| name_and_value(word).is_some());
        match named {
            true if !is_named(text) => Err("a word without = among names with values".into()),
            true => self.named(text).map(Some),
            false => self.row(text).map(Some),
        }
    }

    /// Reads `pid= address= ip= error_code=`, with or without `ip=`, and rows with a program and an error
    /// code; numbers but the process and an error code of one digit begin with `0x`.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let digits = block.digits();
        let mut words = block.words(64);
        let (first, second, third, fourth) =
            (words.next(), words.next(), words.next(), words.next());
        let named = block.has(first.from, b"pid=");
        let with_ip = block.has(third.from, b"ip=");
        let (process, place, code) = match named {
            true if !block.has(second.from, b"address=0x") => return None,
            true => (
                first.after(4),
                second.after(8),
                if with_ip { fourth } else { third },
            ),
            false if block.has(second.from, b"0") => return None,
            false => (first, third, words.next()),
        };
        if code.is_empty()
            || self.base.is_some()
            || block.equal(b'\n') & !quick::from(code.from) != 0
        {
            return None;
        }
        let pid = u32::try_from(block.decimal(digits, process)?).ok()?;
        if !block.has(place.from, b"0x") {
            return None;
        }
        let addr = block.hex(block.hex_digits(), place.after(2))?;
        let at = code.from;
        let tail = head.block(at)?;
        let end = tail.end()?;
        let mut words = tail.words(end.text);
        let code = words.next();
        let value = match named {
            true if !tail.has(0, b"error_code=0x") => return None,
            true => code.after(13),
            false if tail.has(0, b"0x") => code.after(2),
            false if code.len() == 1 => code,
            false => return None,
        };
        let kind = quick_kind(tail.hex(tail.hex_digits(), value)?)?;
        if !words.is_empty() || code.from != 0 {
            return None;
        }
        let access = Access {
            pid,
            ..Access::single(kind, addr)
        };
        Quick::access(access, at + end.next)
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: self.dropped.clone(),
            ..ReadReport::default()
        }
    }
}
