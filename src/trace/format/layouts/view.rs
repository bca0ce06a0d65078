//! The text of DynamoRIO's view tool, in the form of three of its versions.

use super::{Layout, Row, address, check, hex};
use crate::trace::format::testing::{Random, accesses, bad_line_cases, guess_of, tuples};
use crate::trace::model::access::Kind;

const VIEW: &str = include_str!("../../../tests/data/formats/drmemtrace-view.txt");

/// Takes the word after the `@`, or the first with `0x` of a line in the old form.
fn view(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(colon) = words.iter().position(|word| word.ends_with(':')) else {
        return Vec::new();
    };
    if line.contains("non-fetched") || !line.contains("byte(s)") {
        return Vec::new();
    }
    let unit = words.iter().position(|&word| word == "byte(s)").unwrap();
    let size = words[unit - 1].parse().unwrap();
    let after = words.iter().position(|&word| word == "@");
    let place = after.map_or(colon + 2, |at| at + 1);
    let kind = match words[colon + 2] {
        "read" => Kind::Read,
        "write" => Kind::Write,
        "ifetch" => Kind::Ifetch,
        old if old.starts_with("0x") => Kind::Ifetch,
        _ => return Vec::new(),
    };
    let process = words[colon + 1].strip_prefix('W');
    let process = process.map_or(0, |text| text.split('.').next().unwrap().parse().unwrap());
    vec![(process, kind, hex(words[place]), size)]
}

fn random_record(random: &mut Random) -> String {
    let (number, addr, size) = (random.below(9999), address(random), 1 + random.below(64));
    let head = match random.below(4) {
        0 => format!("{number:>9}: T{}", random.below(9999)),
        1 => format!(
            "{number:>12}{:>12}: W{}.T{}",
            7,
            random.below(3),
            random.below(99)
        ),
        _ => format!("{number:>12}{:>12}: {:>11}", 7, random.below(9999)),
    };
    match random.below(7) {
        0 => format!("{head} <marker: timestamp {}>", random.next()),
        1 => format!(
            "{head} {:<12}{size:>2} byte(s) @ 0x{addr:016x} by PC 0x{addr:x}",
            "pref-r"
        ),
        2 => format!(
            "{head} {:<12}{size:>2} byte(s) @ 0x{addr:016x} 5d pop %rbp",
            "ifetch"
        ),
        3 => format!("{head} 0x{addr:016x}  conditional jump {size} byte(s)"),
        4 => format!("{head} {:<12}{size:>2} byte(s) @ 0x{addr:016x}", "read"),
        _ => format!(
            "{head} {:<12}{size:>2} byte(s) @ 0x{addr:016x} by PC 0x{addr:x}",
            "write"
        ),
    }
}

#[test]
fn records_of_the_view_tool() {
    check(&Layout {
        format: "drmemtrace-view",
        text: VIEW,
        naive: view,
        accesses: 22,
        random: random_record,
        foreign: &[
            "0x1000 R",
            " L 0401ab70,4",
            "  9  2: 27 fetch 5 byte(s) @ 0x10",
            "  9  2: 27 read 5 byte(s) @ 10",
            "LD 0x10",
            "Adios world!",
        ],
    });
}

/// The older form, with a T before the thread and only the address of an instruction.
#[test]
fn the_case_of_an_older_version() {
    let text = "   10: T100   0x00007f7fe453152a  non-branch 5 byte(s)
   11: T100     read  1 byte(s) @ 0x00007f7fe3ec538c
   12: T100     write 8 byte(s) @ 0x00007f7fe454e90d
";
    let expected = [
        (Kind::Ifetch, 0x7f7f_e453_152a, 5),
        (Kind::Read, 0x7f7f_e3ec_538c, 1),
        (Kind::Write, 0x7f7f_e454_e90d, 8),
    ];
    let got = accesses("drmemtrace-view", text.as_bytes());
    assert_eq!(tuples(&got), expected);
    assert!(got.iter().all(|access| access.pid == 0));
    assert_eq!(guess_of(text.as_bytes()).unwrap(), "drmemtrace-view");
}

#[test]
fn what_is_wrong_with_a_record_is_said() {
    bad_line_cases(
        "drmemtrace-view",
        "1 1: 7 read 8 byte(s) @ 0x10",
        &[
            ("x 1: 7 read 8 byte(s) @ 0x10", "record's number"),
            ("1 1: x read 8 byte(s) @ 0x10", "record's number"),
            ("1 1: 7 load 8 byte(s) @ 0x10", "not ifetch"),
            ("1 1: 7 read 8 bytes @ 0x10", "no size in byte(s)"),
            ("1 1: 7 read 8 byte(s) 0x10", "no @ 0x"),
            ("1 1: 7 read 8 byte(s) @ 0x1g", "not hexadecimal"),
            ("1 1: 7 read 2097152 byte(s) @ 0x10", "over 1048576"),
            ("1 1: 7 read 8 byte(s) @ 0xffffffffffffffff", "past the end"),
            ("1 1: 7 read 8 byte(s) @ 0x10 from 0x40", "by PC"),
            ("1 1: 7 read 8 byte(s) @ 0x10 \x01", "binary data"),
        ],
    );
}
