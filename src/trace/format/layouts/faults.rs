//! Page faults: ftrace, bpftrace, perf script.

use super::{Layout, Row, address, check, hex};
use crate::trace::format::options::Base;
use crate::trace::format::testing::{
    Random, accesses, bad_line_cases, error, guess_of, read, tuples,
};
use crate::trace::format::{ReadOptions, by_name};
use crate::trace::model::access::Kind;

/// trace_pipe and trace-cmd report, with other events, a stack trace, and threads with their process.
const FTRACE: &str = include_str!("../../../tests/data/formats/ftrace.txt");

fn kind(code: u64) -> Kind {
    match code {
        code if code / 2 % 2 == 1 => Kind::Write,
        code if code / 16 % 2 == 1 => Kind::Ifetch,
        _ => Kind::Read,
    }
}

fn after<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = &line[line.find(name)? + name.len()..];
    rest.split_whitespace().next()
}

fn ftrace(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    if !line.contains("page_fault_user:") && !line.contains("page_fault_kernel:") {
        return Vec::new();
    }
    let task = line[..line.find(" [0").unwrap()].trim();
    let thread = task.split(" (").next().unwrap().trim();
    let thread = thread.rsplit('-').next().unwrap();
    let group = task
        .strip_suffix(')')
        .map(|task| task.rsplit('(').next().unwrap().trim());
    let pid = match group {
        Some(group) if !group.starts_with('-') => group.parse().unwrap(),
        _ => thread.parse().unwrap(),
    };
    let addr = hex(after(line, "address=").unwrap());
    vec![(pid, kind(hex(after(line, "error_code=").unwrap())), addr, 1)]
}

fn random_ftrace(random: &mut Random) -> String {
    let task = ["bash", "Web Content", "a-b", "x [1"][random.below(4)];
    let flags = ["d... ", "", "..s1. "][random.below(3)];
    let event = ["page_fault_user", "page_fault_kernel", "sched_switch"][random.below(3)];
    let code = [0, 2, 4, 6, 7, 0x14, 0x15][random.below(7)];
    let (pid, cpu) = (random.below(40_000), random.below(100));
    let group = [
        "".to_owned(),
        format!(" ({:>7})", random.below(999)),
        " (-------)".to_owned(),
    ];
    format!(
        "{task:>16}-{pid:<7}{} [{cpu:03}] {flags}{}.5: {event}: address=0x{:x} ip=0x40 error_code=0x{code:x}",
        group[random.below(3)],
        random.below(9999),
        address(random),
    )
}

#[test]
fn faults_of_ftrace() {
    check(&Layout {
        format: "ftrace",
        text: FTRACE,
        naive: ftrace,
        accesses: 21,
        random: random_ftrace,
        foreign: &[
            "8055/8055   1618.458605: page-faults:     5555b9e9a5c0",
            "ls 24190 [000] 34685.3: exceptions:page_fault_user: address=0x10 ip=0x1 error_code=0x4",
            "bash-930 [003] d... 6288.8: page_fault_user: ip=0x7ff74f7aa84c error_code=0x7",
            "bash-930 [003] d... 6288.8: page_fault_user: address=sym ip=0x7ff error_code=0x7",
            "pid=930 address=0x55bc6c5557d0 error_code=0x7",
            "bash-930 [003] d... page_fault_user: address=0x10 ip=0x7ff error_code=0x7",
        ],
    });
    // perf-script reads the same lines if it is named, and is never guessed for them.
    let named = accesses("perf-script", ftrace_only().as_bytes());
    assert_eq!(named, accesses("ftrace", ftrace_only().as_bytes()));
    assert_eq!(guess_of(ftrace_only().as_bytes()).unwrap(), "ftrace");
}

fn ftrace_only() -> String {
    let lines = FTRACE.lines().filter(|line| line.contains("page_fault_"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_ftrace_leaves_out_is_counted() {
    let format = by_name("ftrace").unwrap();
    let input = Box::new(FTRACE.as_bytes());
    let mut reader = (format.open)(input, "t".into(), &ReadOptions::default()).unwrap();
    while reader.fill(&mut Vec::new(), 1000).unwrap() {}
    let expected = [
        ("comment", 4),
        ("line of a stack trace", 3),
        ("other event", 3),
        ("mark of lost events", 1),
    ];
    assert_eq!(reader.report().dropped, expected);
}

/// A script's output: names with values, then rows are for another file.
const BPFTRACE: &str = include_str!("../../../tests/data/formats/bpftrace.txt");

fn bpftrace(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let line = line.replace(',', " ");
    let words: Vec<&str> = line.split_whitespace().collect();
    let value = |names: &[&str]| {
        let pairs = || words.iter().filter_map(|word| word.split_once('='));
        let find = |name: &&str| pairs().find(|pair| pair.0 == *name).map(|pair| pair.1);
        names.iter().find_map(find)
    };
    if let Some(place) = value(&["address", "addr"]) {
        let pid = value(&["tgid", "pid"]).map_or(0, |pid| pid.parse().unwrap());
        let code = value(&["error_code", "code", "error"]).map_or(0, hex);
        return vec![(pid, kind(code), hex(place), 1)];
    }
    let Some(at) = words.iter().position(|word| word.starts_with("0x")) else {
        return Vec::new();
    };
    let pid = if at == 0 {
        0
    } else {
        words[0].parse().unwrap()
    };
    let code = if at + 1 < words.len() {
        hex(words.last().unwrap())
    } else {
        0
    };
    vec![(pid, kind(code), hex(words[at]), 1)]
}

fn random_bpftrace(random: &mut Random) -> String {
    let (addr, pid) = (address(random), random.below(40_000));
    let code = [4, 6, 7, 0x14, 0x8006][random.below(5)];
    match random.below(5) {
        0 => format!("pid={pid} address=0x{addr:x} error_code=0x{code:x}"),
        1 => format!(
            "{pid} some prog 0x{addr:x} 0x{:x} 0x{code:x}",
            random.next()
        ),
        2 => format!("{pid} 0x{addr:x} 0x{code:x}"),
        3 => format!("Lost {pid} events"),
        _ => format!("{pid} 0x{addr:x}"),
    }
}

#[test]
fn faults_of_bpftrace() {
    check(&Layout {
        format: "bpftrace",
        text: BPFTRACE,
        naive: bpftrace,
        accesses: 24,
        random: random_bpftrace,
        foreign: &[
            "8055/8055   1618.458605: page-faults:     5555b9e9a5c0",
            "bash-930 [003] d... 6288.8: page_fault_user: address=0x10 ip=0x7 error_code=0x7",
            "pid=930 address=0x55bc6c5557d0 bash",
            "930 bash 55bc6c5557d0",
            "930 0x55bc6c5557d0 0x7ff74f7aa84c",
            "0x1000 R",
        ],
    });
}

#[test]
fn addresses_without_0x_need_a_base() {
    let text = b"Attaching 1 probe...\n930 55bc6000 6\n930 123456 4\n";
    assert!(error("bpftrace", text).help.contains("--base"));
    for (base, addr) in [(Base::Hex, 0x12_3456), (Base::Dec, 123_456)] {
        let options = ReadOptions {
            base: Some(base),
            ..ReadOptions::default()
        };
        let input = Box::new(&b"Attaching 1 probe...\n930 123456 6\n"[..]);
        let (got, result) = read(by_name("bpftrace").unwrap(), input, &options);
        result.unwrap();
        assert_eq!(tuples(&got), [(Kind::Write, addr, 1)]);
    }
    // Rows are only guessed after bpftrace's first line.
    assert_eq!(
        guess_of(b"Attaching 1 probe...\n930 0x1000\n").unwrap(),
        "bpftrace"
    );
    assert!(guess_of(b"930 0x1000\n931 0x2000\n").is_err());
}

#[test]
fn what_is_wrong_with_a_fault_is_said() {
    bad_line_cases(
        "bpftrace",
        "pid=930 address=0x10 error_code=0x7",
        &[
            ("pid=930 ip=0x10", "no address="),
            ("pid=x address=0x10", "pid= is not"),
            ("pid=1 address=10", "does not begin with 0x"),
            (
                "pid=1 address=0x10 error_code=14",
                "error code does not begin",
            ),
            ("pid=1 address=0x10 error_code=0x10000", "no error code"),
            ("pid=1 address=0x1g", "not hexadecimal"),
            ("pid=1 faulted address=0x1", "a word without ="),
            ("bash 0x10", "neither a process"),
            ("7 0x10 0x1 0x2 0x3", "more on the line"),
            ("hello", "does not begin with 0x"),
        ],
    );
    bad_line_cases(
        "ftrace",
        "a-1 [000] d... 1.5: page_fault_user: address=0x10 ip=0x1 error_code=0x4",
        &[
            ("a 1 [000] d... 1.5: page_fault_user:", "TASK-PID"),
            ("a-1 000 d... 1.5: page_fault_user:", "TASK-PID"),
            ("a-1 [000] d... 1.5:", "no event"),
            (
                "a-1 [000] d... 1.5: page_fault_user: error_code=0x4",
                "no address=",
            ),
            (
                "a-1 [000] d... 1.5: page_fault_user: address=0x4",
                "no error_code=",
            ),
        ],
    );
}
