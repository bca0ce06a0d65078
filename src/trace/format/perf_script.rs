//! Page faults as `perf script` prints them, of the software event page-faults and of the
//! tracepoints exceptions:page_fault_user and page_fault_kernel. Written from the output of perf
//! 6.1; the bits of the error code are those of x86 (Intel SDM volume 3, 4.7).

use super::Format;
use super::lines::{Complaint, LineParser, LineReader, bad_address, share};
use super::number::{decimal, hex, hex_0x, word};
use crate::trace::record::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "perf-script",
    about: "page faults as perf script prints them",
    layout: "\
One page fault per line, made by: perf record -e page-faults -c 1 -d PROG, then
perf script -F pid,tid,time,event,addr (comm before them and ip, sym behind them do not matter):
PID/TID, time, event (page-faults, minor-faults or major-faults), address (hexadecimal). What the
access does is not known: all are reads. Without addr, perf prints where the program stands
instead; such lines are refused where they can be told.
Or of the tracepoint: perf record -e exceptions:page_fault_user, then
perf script -F pid,tid,time,event,trace; its error code tells reads, writes and instruction fetches.
A number alone before the time is a thread, which is taken for a process.
    8055/8055   1618.458605: page-faults:     5555b9e9a5c0
    8055/8056 1618.458611: exceptions:page_fault_user: address=0x7fb1de51 ip=0x7fb1 error_code=0x6
",
    kind: TraceKind::FaultsOnly,
    sniff: |sample| share(sample, PerfScript),
    open: |input, path, options| Ok(Box::new(LineReader::new(input, path, options, PerfScript))),
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

/// What to do where the address is missing.
const ADDRESS: &str = "print the address: perf record -d, then perf script -F pid,tid,time,event,addr; \
                       or leave out such lines with --skip-bad";

struct PerfScript;

/// The event that a word names, without its colon and its modifiers (`page-faults:u:`).
fn event(word: &[u8]) -> Option<&[u8]> {
    let name = word.strip_suffix(b":")?;
    if TRACEPOINTS.contains(&name) {
        return Some(name);
    }
    let name = name.split(|&b| b == b':').next()?;
    SAMPLES.contains(&name).then_some(name)
}

/// Whether a word is a time, `1618.458605:`.
fn is_time(word: &[u8]) -> bool {
    let digits = word.strip_suffix(b":").unwrap_or_default();
    !digits.is_empty() && digits.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// `PID/TID` or one number.
fn process(word: &[u8]) -> Option<u32> {
    let pid = word.split(|&b| b == b'/').next()?;
    u32::try_from(decimal(pid).ok()?).ok()
}

/// The number behind `name=`.
fn value(line: &[u8], name: &[u8]) -> Option<u64> {
    let mut rest = line;
    loop {
        let (found, behind) = word(rest);
        if found.is_empty() {
            return None;
        }
        if let Some(number) = found.strip_prefix(name) {
            return hex_0x(number).ok();
        }
        rest = behind;
    }
}

impl LineParser for PerfScript {
    const NAME: &'static str = FORMAT.name;

    fn parse(&mut self, line: &[u8], out: &mut Vec<Access>) -> Result<(), Complaint> {
        // The name of the program may hold blanks: what counts stands before the event.
        let (mut before, mut last, mut rest): ([&[u8]; 3], _, _) = ([b""; 3], &b""[..], line);
        let name = loop {
            before = [before[1], before[2], last];
            (last, rest) = word(rest);
            if last.is_empty() {
                return Err("no page fault: no page-faults: or exceptions:page_fault_user:".into());
            }
            if let Some(name) = event(last) {
                break name;
            }
        };
        if !is_time(before[2]) {
            let help = ADDRESS;
            return Err(Complaint {
                help,
                ..Complaint::from(
                    "no time directly before the event, so that no address follows it",
                )
            });
        }
        let is_cpu = before[1].starts_with(b"[");
        let pid = process(if is_cpu { before[0] } else { before[1] });
        let pid = pid.ok_or("no process (PID/TID) before the time")?;
        let (addr, kind) = match TRACEPOINTS.contains(&name) {
            true => {
                let addr = value(rest, b"address=").ok_or("no address=0x… after the event")?;
                let code =
                    value(rest, b"error_code=").ok_or("no error_code=0x… after the event")?;
                let kind = match (code & WRITE != 0, code & FETCH != 0) {
                    (true, _) => Kind::Write,
                    (false, true) => Kind::Ifetch,
                    (false, false) => Kind::Read,
                };
                (addr, kind)
            }
            false => (sampled(word(rest).0)?, Kind::Read),
        };
        out.push(Access {
            pid,
            kind,
            size: 1,
            addr,
        });
        Ok(())
    }
}

/// The address of a sample. One of the kernel is none: no program faults there.
fn sampled(text: &[u8]) -> Result<u64, Complaint> {
    match hex(text).map_err(bad_address)? {
        0 => Err("the address is 0: record with perf record -d".into()),
        addr if addr >> 63 != 0 => Err(Complaint {
            help: ADDRESS,
            ..Complaint::from(
                "the address is one of the kernel, as where it stands and not what it accesses",
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
                ("1/1 1.5: cycles: 55e241cc15c0", "no page fault"),
                (
                    "ls 23732 1.5:    1 page-faults:  ffffffff8175016a elf_load+0x28a",
                    "no time directly",
                ),
                (
                    "1/1 1.5: page-faults: ffffffff8175016a elf_load",
                    "one of the kernel",
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
