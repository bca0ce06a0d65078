//! Ramulator's request traces.

use super::{Layout, Row, address, check, hex};
use crate::trace::format::testing::{Random, accesses, bad_line_cases, error, guess_of, tuples};
use crate::trace::model::access::Kind;

/// 30 requests; those of lines 4, 6, 11, 19 and 27 cause write-backs.
const RAMULATOR: &str = include_str!("../../../tests/data/formats/ramulator.txt");

fn ramulator(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let mut numbers = line.split_whitespace();
    if numbers.next().is_none_or(|first| first.starts_with('#')) {
        return Vec::new();
    }
    let kinds = [Kind::Read, Kind::Write];
    let row = |(kind, number): (Kind, &str)| (0, kind, number.parse().unwrap(), 1);
    kinds.into_iter().zip(numbers).map(row).collect()
}

fn random_request(random: &mut Random) -> String {
    let (bubbles, read, back) = (random.below(300), address(random), address(random));
    match random.below(4) {
        0 => format!("{bubbles} {read} {back}"),
        1 => format!(" {bubbles}\t{read} "),
        _ => format!("{bubbles} {read}"),
    }
}

#[test]
fn ramulator_requests() {
    check(&Layout {
        format: "ramulator",
        text: RAMULATOR,
        naive: ramulator,
        accesses: 35,
        random: random_request,
        foreign: &[
            "LD 0x1400c0",
            "0x1000 R",
            "3 20734016 1 2",
            "3 0x1g",
            "I 4000000",
            "3",
        ],
    });
}

#[test]
fn the_case_with_bubbles_up_to_four() {
    let text = b"3 20734016\n1 20846400\n4 20734208\n0 20734144\n2 20918976\n3 20734016\n";
    assert_eq!(guess_of(text).unwrap(), "ramulator");
    let expected = [20734016, 20846400, 20734208, 20734144, 20918976, 20734016];
    assert_eq!(
        tuples(&accesses("ramulator", text)),
        expected.map(|addr| (Kind::Read, addr, 1))
    );
}

/// Times never fall, and other numbers are no addresses of cache lines.
#[test]
fn times_and_odd_addresses_are_not_guessed() {
    for text in [
        "109 26 1\n139 3 2\n158 3 2\n159 341 2\n",
        "1 64\n2 128\n3 64\n",
        "3 20734017\n1 20846400\n",
        "1 49152\n1 49664\n2 49152\n4 512\n",
    ] {
        let guessed = guess_of(text.as_bytes());
        assert!(
            guessed.is_err() || guessed.is_ok_and(|name| name != "ramulator"),
            "{text}"
        );
    }
    // Bubbles of 0 to 2 and decimal digits are also labels and hexadecimal addresses.
    let asked = guess_of(b"1 20846400\n0 20734144\n2 20918976\n").unwrap_err();
    assert!(asked.to_string().contains("ramulator"), "{asked}");
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    bad_line_cases(
        "ramulator",
        "3 20734016",
        &[
            ("x 20734016", "bubbles are not"),
            ("3", "address is missing"),
            ("3 -1", "address is not"),
            ("3 18446744073709551616", "over 64 bits"),
            ("3 64 x", "address is not"),
            ("3 64 128 192", "more on the line"),
            ("3 64\x01", "binary data"),
        ],
    );
}

/// 30 lines as Ramulator 2 takes them.
const LOADS: &str = include_str!("../../../tests/data/formats/ramulator2.txt");

fn loads(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [kind, place] = words[..] else {
        return Vec::new();
    };
    let place = place.to_lowercase();
    let addr = match place.strip_prefix("0x") {
        Some(digits) => hex(digits),
        None => place.parse().unwrap(),
    };
    let kind = if kind == "LD" {
        Kind::Read
    } else {
        Kind::Write
    };
    vec![(0, kind, addr, 1)]
}

fn random_load(random: &mut Random) -> String {
    let kind = ["LD", "ST"][random.below(2)];
    let addr = address(random);
    match random.below(6) {
        0 => format!("{kind} {addr}"),
        1 => format!("  {kind}\t0X{addr:X} "),
        2 => format!("{kind} 0x{:x}", random.next()),
        _ => format!("{kind} 0x{addr:x}"),
    }
}

#[test]
fn loads_and_stores_of_ramulator_2() {
    check(&Layout {
        format: "ramulator2",
        text: LOADS,
        naive: loads,
        accesses: 30,
        random: random_load,
        foreign: &[
            "3 20734016",
            "X 0x1000",
            "0x1000 7",
            "l 0x10 1",
            "LD 0x10 4",
            "LD 0x1g",
        ],
    });
    bad_line_cases(
        "ramulator2",
        "LD 0x10",
        &[
            ("ld 0x10", "LD or ST"),
            ("LD", "address is missing"),
            ("LD 1f", "address is not decimal"),
            ("LD 0x1g", "not hexadecimal"),
            ("ST 0x11112222333344445", "over 64 bits"),
        ],
    );
    assert_eq!(error("ramulator2", b"R 0,0,1,2\n").text, "R 0,0,1,2");
}
