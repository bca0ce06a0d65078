//! Page faults as `perf script` prints them: the software event page-faults and the tracepoints exceptions:page_fault_user and page_fault_kernel. Written from the output of perf
//! 6.1; the bits of the error code are those of x86 (Intel SDM volume 3, 4.7).

use super::Format;
use super::complaint::{Complaint, address};
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::tokens::{decimal_u32, words};
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
A number alone before the time is a thread, which is taken for a process.
    8055/8055   1618.458605: page-faults:     5555b9e9a5c0
    8055/8056 1618.458611: exceptions:page_fault_user: address=0x7fb1de51 ip=0x7fb1 error_code=0x6
",
    kind: TraceKind::FaultsOnly,
    numbers: Numbers::HEX_BYTES,
    sniff: lines::sniff::<PerfScript>,
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

/// Bits of the error code.
const WRITE: u64 = 1 << 1;
const FETCH: u64 = 1 << 4;

/// Help if the address is missing.
const ADDRESS: &str = "print the address: perf record -d, then perf script -F pid,tid,time,event,addr; \
                       or leave out such lines with --skip-bad";

struct PerfScript {
    base: Base,
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

/// The number of this base after `name`, which ends with `=`.
fn value<'a>(mut words: impl Iterator<Item = &'a [u8]>, name: &[u8], base: Base) -> Option<u64> {
    base.number(words.find_map(|word| word.strip_prefix(name))?)
        .ok()
}

impl LineParser for PerfScript {
    const NAME: &'static str = FORMAT.name;

    fn new(options: &ReadOptions) -> PerfScript {
        PerfScript {
            base: options.base.unwrap_or(Base::Hex),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
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
            let addr = value(words.clone(), b"address=", self.base);
            let addr = addr.ok_or("no address=0x… after the event")?;
            let code = value(words, b"error_code=", Base::Hex);
            let code = code.ok_or("no error_code=0x… after the event")?;
            let kind = match (code & WRITE != 0, code & FETCH != 0) {
                (true, _) => Kind::Write,
                (false, true) => Kind::Ifetch,
                (false, false) => Kind::Read,
            };
            (addr, kind)
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
