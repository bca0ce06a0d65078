//! Page faults as `perf script` prints them: the software event page-faults and the tracepoints
//! exceptions:page_fault_user and page_fault_kernel. Written from the output of perf 6.1.

use super::complaint::{Complaint, address};
use super::fault_text::FaultText;
use super::ftrace::{self, Ftrace};
use super::lines::{self, LineParser, sample_lines};
use super::options::{Base, Numbers, ReadOptions};
use super::quick;
use super::quick::{Block, Head, Quick, Word};
use super::report::ReadReport;
use super::tokens::{decimal_u32, words};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "perf-script",
    about: "page faults as perf script prints them",
    layout: "\
One page fault per line, made by: perf record -e page-faults -c 1 -d PROG, then
perf script -F pid,tid,time,event,addr (comm before them and ip, sym behind them do not matter):
PID/TID, time, event (page-faults, minor-faults or major-faults), address (hexadecimal). What the
access does is not known: all are reads. Without addr, perf prints the program counter instead;
such lines are refused where they can be recognised.
Or of the tracepoint: perf record -e exceptions:page_fault_user, then
perf script -F pid,tid,time,event,trace; its error code distinguishes reads, writes and fetches.
A number alone before the time is a thread, which is taken for a process. Lines in ftrace's form
(TASK-PID [CPU] FLAGS TIME: page_fault_user: ...) are read, too; such a file is taken for ftrace.
    8055/8055   1618.458605: page-faults:     5555b9e9a5c0
    8055/8056 1618.458611: exceptions:page_fault_user: address=0x7fb1de51 ip=0x7fb1 error_code=0x6
",
    kind: TraceKind::FaultsOnly,
    numbers: Numbers::HEX_BYTES,
    sniff,
    open: lines::open::<PerfScript>,
    written: None,
};

/// Events whose samples have the address of the fault.
const SAMPLES: [&[u8]; 4] = [b"page-faults", b"faults", b"minor-faults", b"major-faults"];

/// Tracepoints that print the address of the fault.
const TRACEPOINTS: [&[u8]; 2] = [
    b"exceptions:page_fault_user",
    b"exceptions:page_fault_kernel",
];

/// Help if the address is missing.
const ADDRESS: &str = "print the address: perf record -d, then perf script -F pid,tid,time,event,addr; \
                       or leave out such lines with --skip-bad";

struct PerfScript {
    base: Base,
    faults: FaultText,
    /// Reads lines in ftrace's form.
    ftrace: Ftrace,
}

/// Guesses the format only without lines in ftrace's form, which has its own.
fn sniff(sample: &Sample<'_>) -> Fit {
    if sample_lines(sample).any(ftrace::is_event) {
        return Fit::No;
    }
    lines::sniff::<PerfScript>(sample)
}

/// The event that a word names, without colon and modifiers (`page-faults:u:`); `None` if the word
/// names no page-fault event.
fn event(word: &[u8]) -> Option<&[u8]> {
    let name = word.strip_suffix(b":")?;
    if TRACEPOINTS.contains(&name) {
        return Some(name);
    }
    let name = name.split(|&b| b == b':').next()?;
    SAMPLES.contains(&name).then_some(name)
}

/// Returns true if a word is a time, such as `1618.458605:`.
fn is_time(word: &[u8]) -> bool {
    let digits = word.strip_suffix(b":").unwrap_or_default();
    !digits.is_empty() && digits.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// Reads `PID/TID` or one number.
fn process(word: &[u8]) -> Option<u32> {
    decimal_u32(word.split(|&b| b == b'/').next()?)
}

/// Returns the process and the place of the event's name, of a line that is not in ftrace's form.
#[inline(always)]
fn quick_head<L: Lanes>(block: Block<'_, L>) -> Option<(u32, u32)> {
    let (digits, blanks) = (block.digits(), block.blanks());
    // No word before the time can be an event.
    let colon = quick::first(block.equal(b':'));
    let time = block.word_before((colon + 1).min(63))?;
    let is_time = time.to == colon + 1
        && time.len() > 1
        && time.bits() & !(digits | block.equal(b'.') | 1 << (colon & 63)) == 0;
    let before = block.word_before(time.from)?;
    let open = block.equal(b'[');
    let (process, cpu) = match block.byte(before.from) {
        b'[' => (block.word_before(before.from)?, before),
        _ => (before, Word { from: 0, to: 0 }),
    };
    // In ftrace's form a dash stands before the processor.
    let is_ftrace = open & !cpu.bits() != 0 || {
        let dash = block.equal(b'-') & !quick::from(cpu.from);
        !cpu.is_empty() && dash != 0
    };
    let is_cpu = cpu.is_empty() || open & cpu.bits() == 1 << cpu.from;
    let slash = quick::first(block.equal(b'/') & process.bits());
    let process = Word {
        to: slash.min(process.to),
        ..process
    };
    let event = quick::first(!blanks & quick::from(time.to));
    let in_line = event < 64 && block.equal(b'\n') & !quick::from(event) == 0;
    let is_comment = block.byte(quick::first(!blanks)) == b'#';
    if !(is_time && in_line && is_cpu) || is_ftrace || is_comment || event == time.to {
        return None;
    }
    let pid = u32::try_from(block.decimal(digits, process)?).ok()?;
    Some((pid, event))
}

impl LineParser for PerfScript {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> PerfScript {
        PerfScript {
            base: options.base.unwrap_or(Base::Hex),
            faults: FaultText::default(),
            ftrace: Ftrace::new(options),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        if ftrace::is_event(line) {
            return self.ftrace.parse(line);
        }
        let mut words = words(line);
        // The three words before the event. The name of the program, which may hold blanks, comes
        // before them.
        let mut before: [&[u8]; 3] = [b""; 3];
        let name = loop {
            let Some(word) = words.next() else {
                return Err("the line names no page-fault event (page-faults:, \
                            exceptions:page_fault_user:)"
                    .into());
            };
            if let Some(name) = event(word) {
                break name;
            }
            before = [before[1], before[2], word];
        };
        if !is_time(before[2]) {
            return Err(Complaint {
                help: ADDRESS,
                ..Complaint::from(
                    "the word before the event is not a time, so what follows the event is not \
                     the fault's address",
                )
            });
        }
        let is_cpu = before[1].starts_with(b"[");
        let pid = process(if is_cpu { before[0] } else { before[1] });
        let pid = pid.ok_or("no process (PID/TID) before the time")?;
        let (addr, kind) = if TRACEPOINTS.contains(&name) {
            self.faults.read(words, self.base)?
        } else {
            (
                sampled(words.next().unwrap_or_default(), self.base)?,
                Kind::Read,
            )
        };
        Ok(Some(Access {
            pid,
            ..Access::single(kind, addr)
        }))
    }

    /// Reads samples, and tracepoints with nothing after them.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let (pid, event) = quick_head(head.first())?;
        let block = head.block(event)?;
        let (colons, blanks) = (block.equal(b':'), block.blanks());
        let name = Word {
            from: 0,
            to: quick::first(blanks),
        };
        let text = quick::first(!blanks & quick::from(name.to));
        let tracepoint = block.has(0, b"exceptions:page_")
            && (block.has(16, b"fault_user: ") || block.has(16, b"fault_kernel: "));
        if tracepoint {
            let (addr, kind, end) = self.faults.quick(head.block(event + text)?, self.base)?;
            let access = Access {
                pid,
                ..Access::single(kind, addr)
            };
            return Quick::access(access, event + text + end.next);
        }
        let first = Word {
            to: quick::first(colons),
            ..name
        };
        let known = block.is(first, b"page-faults")
            || block.is(first, b"minor-faults")
            || block.is(first, b"major-faults")
            || block.is(first, b"faults");
        let in_line = block.equal(b'\n') & name.bits() == 0;
        if !(known && in_line && block.byte(name.last()) == b':') {
            return None;
        }
        let sample = head.block(event + text)?;
        let end = sample.end()?;
        let place = sample.words(end.text).next();
        let addr = sample.number(self.base, place)?;
        let brackets = sample.equal(b'[') & !quick::from(end.text);
        let user = addr != 0 && addr >> 63 == 0;
        if !user || brackets != 0 || place.from != 0 {
            return None;
        }
        let access = Access {
            pid,
            ..Access::single(Kind::Read, addr)
        };
        Quick::access(access, event + text + end.next)
    }

    fn report(&self) -> ReadReport {
        self.ftrace.report()
    }
}

/// Reads the address of a sample. Errors for a kernel address: no program faults there.
fn sampled(text: &[u8], base: Base) -> Result<u64, Complaint> {
    match address(base, text)? {
        0 => Err("the address is 0: record with perf record -d".into()),
        addr if addr >> 63 != 0 => Err(Complaint {
            help: ADDRESS,
            ..Complaint::from(
                "a kernel address: probably the program counter, not the fault's address",
            )
        }),
        addr => Ok(addr),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    /// Lines of perf 6.1, of a run of `ls` and of a program with a blank in its name.
    const LINES: &str = "\
23732/23732 34657.050787: page-faults:     55e241cc15c0
              ls 23732/23732 34657.050805: page-faults:     7ff85d30e110 dl_close_state.2 ffffffff8175016a elf_load
Web Content 23733/23740 [001] 34657.1: page-faults:u:     7ff85d30e110
              ls 24190 [000] 34685.307433: exceptions:page_fault_user: address=0x7fb1de4ffb70 ip=0x7fb1de4ffb70 error_code=0x14
              ls 24190/24191 34685.307437: exceptions:page_fault_user: address=0x7fb1de518e06 ip=0x7fb1de5007ad error_code=0x6
              ls 24190/24190 [000] 34685.307440: exceptions:page_fault_kernel: address=0x7fb1de517a80 ip=0xffffffff81 error_code=0x0
";

    #[test]
    fn samples_and_tracepoints() {
        let got = accesses("perf-script", LINES.as_bytes());
        let expected = [
            (Kind::Read, 0x55e2_41cc_15c0, 1),
            (Kind::Read, 0x7ff8_5d30_e110, 1),
            (Kind::Read, 0x7ff8_5d30_e110, 1),
            (Kind::Ifetch, 0x7fb1_de4f_fb70, 1),
            (Kind::Write, 0x7fb1_de51_8e06, 1),
            (Kind::Read, 0x7fb1_de51_7a80, 1),
        ];
        assert_eq!(tuples(&got), expected);
        let pids: Vec<u32> = got.iter().map(|a| a.pid).collect();
        assert_eq!(pids, [23732, 23732, 23733, 24190, 24190, 24190]);
        assert_eq!(guess_of(LINES.as_bytes()).unwrap(), "perf-script");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "perf-script",
            "1/1 1.5: page-faults: 55e241cc15c0",
            &[
                ("1/1 1.5: cycles: 55e241cc15c0", "no page-fault event"),
                (
                    "ls 23732 1.5:    1 page-faults:  ffffffff8175016a elf_load+0x28a",
                    "not a time",
                ),
                (
                    "1/1 1.5: page-faults: ffffffff8175016a elf_load",
                    "a kernel address",
                ),
                ("1/1 1.5: page-faults: 0", "perf record -d"),
                ("1/1 1.5: page-faults:", "the address is missing"),
                ("1/1 1.5: page-faults: x", "not hexadecimal"),
                ("ls 1.5: page-faults: 10", "no process"),
                ("1/1 1.5: exceptions:page_fault_user: ip=0x1", "no address="),
                (
                    "1/1 1.5: exceptions:page_fault_user: address=0x1",
                    "no error_code=",
                ),
                ("\x01", "binary data"),
            ],
        );
        assert_eq!(
            skipping("perf-script", b"1/1 1.5: faults: 10\n1/1 x\n").1,
            1
        );
    }
}
