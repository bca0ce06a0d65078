//! Traces of courses: addr-rw, spec, lackey, and reference strings.

use super::{Layout, Row, address, check, hex};
use crate::trace::format::options::Base;
use crate::trace::format::testing::{
    Random, Slow, accesses, error, guess_of, read, read_slowly, skipping, tuples,
};
use crate::trace::format::{ReadOptions, by_name};
use crate::trace::model::access::{Addressing, Kind, TraceKind};
use crate::trace::model::error::Position;

/// Every spelling, with comments of three kinds.
const ADDR_RW: &str = "\
// a title
0041f7a0 R
0x13f5e2c0 W
0X13F5E2C8\tr
; a note
  ffffffffffffffff   w
R 0x00401000
W 0x00402abc
r 7fff1234
w\t0X7FFF1234
0x1000 READ
0x1004 Write // why
0x1008 LD
0x100c st
0x1010 load ; a note
0x1014 STORE
0x1018 L
0x101c S #comment
READ 0x1020
WRITE 0x1024#comment
LD 0x1028
ST 0x102c
Load 0x1030
store 0x1034
# R 0x1000
0 R
1 W
0000000000000000002 R
   // indented
0xdeadbeef R
R deadbeef
";

fn addr_rw(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let text = line
        .split(['#', ';'])
        .next()
        .unwrap()
        .split("//")
        .next()
        .unwrap();
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let [first, second] = &words[..] else {
        return Vec::new();
    };
    let digit = |word: &str| word.starts_with(|c: char| c.is_ascii_hexdigit());
    let (place, kind) = if digit(first) {
        (first, second)
    } else {
        (second, first)
    };
    let kind = match kind.as_str() {
        "r" | "read" | "ld" | "load" | "l" => Kind::Read,
        _ => Kind::Write,
    };
    vec![(0, kind, hex(place), 1)]
}

fn random_addr_rw(random: &mut Random) -> String {
    let kind = ["R", "W", "r", "w", "READ", "Store"][random.below(6)];
    let addr = address(random);
    match random.below(8) {
        0 => format!("{kind} {addr:x}"),
        1 => format!("{addr:X}\t{kind}"),
        2 => format!("0x{addr:x} {kind} // {addr}"),
        3 => format!("0x{:x} {kind}", random.next()),
        4 => format!("{kind} 0x{addr:x}"),
        5 => format!("0x{addr:020x} {kind}"),
        _ => format!("0x{addr:x} {kind}"),
    }
}

#[test]
fn addresses_with_reads_and_writes() {
    check(&Layout {
        format: "addr-rw",
        text: ADDR_RW,
        naive: addr_rw,
        accesses: 27,
        random: random_addr_rw,
        foreign: &[
            " L 0401ab70,4",
            "0x401: R 0x7ffd10",
            "l 0x1fffff58 6",
            "I 4000000",
            "0x1000 R 4",
            "0x1000 / R",
            "R",
        ],
    });
}

#[test]
fn the_cases_of_other_comments_and_of_the_kind_first() {
    let text = b"// a title\n0x1000 R\n; a note\n0x2000 W # why\n0x1000 R\n";
    assert_eq!(guess_of(text).unwrap(), "addr-rw");
    let format = by_name("addr-rw").unwrap();
    let mut reader =
        (format.open)(Box::new(&text[..]), "t".into(), &ReadOptions::default()).unwrap();
    let mut all = Vec::new();
    while reader.fill(&mut all, 1000).unwrap() {}
    let expected = [
        (Kind::Read, 0x1000, 1),
        (Kind::Write, 0x2000, 1),
        (Kind::Read, 0x1000, 1),
    ];
    assert_eq!(tuples(&all), expected);
    assert_eq!(reader.report().dropped, [("comment", 3)]);

    let text = b"R 0x00401000\nW 0x00402abc\nR 0x7fff1234\n";
    assert_eq!(guess_of(text).unwrap(), "addr-rw");
    let expected = [
        (Kind::Read, 0x40_1000, 1),
        (Kind::Write, 0x40_2abc, 1),
        (Kind::Read, 0x7fff_1234, 1),
    ];
    assert_eq!(tuples(&accesses("addr-rw", text)), expected);
}

/// Where another format describes the file as well, that one is guessed; it reads the same.
#[test]
fn words_of_other_formats_are_left_to_them() {
    for (text, format) in [
        ("LD 0x1400c0\nST 0x1102c0\n", "ramulator2"),
        ("l 0x1400c0\ns 0x1102c0\n", "spec"),
        ("L 1400000\nS 0x1102000\nL 0\n", "page-ref"),
        ("L 14000c0\nS 0x1102000\n", "addr-rw"),
        ("LD 1400c0\nST 1102c0\n", "addr-rw"),
        ("ld 1400c0\nst 0x1102c0\n", "addr-rw"),
    ] {
        assert_eq!(guess_of(text.as_bytes()).unwrap(), format, "{text}");
        let same = accesses("addr-rw", text.as_bytes());
        assert_eq!(accesses(format, text.as_bytes()), same);
    }
    // Decimal for ramulator2, hexadecimal for addr-rw.
    let asked = guess_of(b"LD 1400\nST 1102\n").unwrap_err().to_string();
    assert!(
        asked.contains("addr-rw") && asked.contains("ramulator2"),
        "{asked}"
    );
}

#[test]
fn decimal_addresses_with_base_dec() {
    let options = ReadOptions {
        base: Some(Base::Dec),
        ..ReadOptions::default()
    };
    let mut text = "4198400 R\nW 4198404\n0x10 W\n".repeat(40);
    text += "1f R\n";
    for step in [13, 1 << 20] {
        let input = Box::new(Slow::new(text.as_bytes(), step));
        let (got, result) = read(by_name("addr-rw").unwrap(), input, &options);
        let expected = [
            (Kind::Read, 4_198_400, 1),
            (Kind::Write, 4_198_404, 1),
            (Kind::Write, 16, 1),
        ];
        assert_eq!(tuples(&got), expected.repeat(40));
        assert!(result.unwrap_err().help.contains("--base hex"));
    }
}

/// A trace of a cache course, with three columns.
fn spec_text(columns: usize) -> String {
    let mut random = Random(9);
    let mut lines = String::new();
    for i in 0..32 {
        let rest = [" 1", " 60", " 0x7"][i % 3].repeat(columns - 2);
        let prefix = if i % 5 == 4 { "" } else { "0x" };
        lines += &format!(
            "{} {prefix}{:08x}{rest}\n",
            ["l", "s"][i % 2],
            random.next() >> 32
        );
    }
    lines
}

fn spec(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["l", place, ..] => vec![(0, Kind::Read, hex(place), 1)],
        ["s", place, ..] => vec![(0, Kind::Write, hex(place), 1)],
        _ => Vec::new(),
    }
}

#[test]
fn loads_and_stores_of_two_and_more_columns() {
    check(&Layout {
        format: "spec",
        text: &spec_text(3),
        naive: spec,
        accesses: 32,
        random: |random| {
            let count = [random.below(2000).to_string(), "0x5".into(), "1".into()];
            let (kind, count) = (["l", "s"][random.below(2)], &count[random.below(3)]);
            format!("{kind} 0x{:x} {count}", address(random))
        },
        foreign: &["m 0x10 1", "0x1000 7", "LD 0x10", "I 4000000", "l 0x10 x"],
    });
    check(&Layout {
        format: "spec",
        text: &spec_text(2),
        naive: spec,
        accesses: 32,
        random: |random| {
            let (kind, addr) = (["l", "s"][random.below(2)], address(random));
            [format!("{kind} 0x{addr:x}"), format!("{kind}\t{addr:X}")][random.below(2)].clone()
        },
        foreign: &["l 0x10 -", "0x1000 7", "LD 0x10", "I 4000000", "m 0x10"],
    });
    let text = spec_text(5);
    assert_eq!(guess_of(text.as_bytes()).unwrap(), "spec");
    assert_eq!(accesses("spec", text.as_bytes()).len(), 32);
    // All lines have as many columns as the first.
    for (columns, odd) in [(2, "l 0x10 1"), (3, "l 0x10"), (3, "l 0x10 1 2")] {
        let text = format!("{}{odd}\n", spec_text(columns));
        let error = error("spec", text.as_bytes());
        assert!(error.what.contains("columns, but"), "{error}");
        assert_eq!(error.position, Position::Line(33));
        assert_eq!(skipping("spec", text.as_bytes()).1, 1);
    }
}

#[test]
fn the_case_of_two_columns() {
    let text = b"l 0x70000000\nl 0x00000000\ns 0x10000000\nl 0x70000010\n";
    assert_eq!(guess_of(text).unwrap(), "spec");
    let kinds: Vec<Kind> = accesses("spec", text).iter().map(|a| a.kind).collect();
    assert_eq!(kinds, [Kind::Read, Kind::Read, Kind::Write, Kind::Read]);
}

/// A page-ref file: its letters and addresses of pages.
fn page_ref_text() -> String {
    let mut random = Random(5);
    let line = |i: usize| {
        let addr = address(&mut random) >> 12 << 12;
        format!("{} {addr:x}\n", ["I", "L", "S", "M", "L\t"][i % 5])
    };
    (0..30).map(line).collect()
}

fn page_ref(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let kind = match words.first() {
        Some(&"I") => Kind::Ifetch,
        Some(&"L") => Kind::Read,
        Some(&"S" | &"M") => Kind::Write,
        _ => return Vec::new(),
    };
    vec![(0, kind, hex(words[1]), 1)]
}

#[test]
fn pages_of_reference_strings() {
    check(&Layout {
        format: "page-ref",
        text: &page_ref_text(),
        naive: page_ref,
        accesses: 30,
        random: |random| {
            let (kind, addr) = (["I", "L", "S", "M"][random.below(4)], address(random));
            match random.below(4) {
                0 => format!(" {kind}\t0x{addr:X}"),
                1 => format!("{kind} 0x{addr:x}"),
                _ => format!("{kind} {:x}000", addr >> 12),
            }
        },
        foreign: &[
            "R 0x1000",
            "0x1000 R",
            "LD 0x1000",
            "l 0x1000",
            "I 4000000,3",
        ],
    });
}

/// Lackey's lines in every spelling, and its summary without valgrind's mark.
const LACKEY: &str = "\
==14761== Lackey, an example Valgrind tool
==14761== Command: ls
==14761==
I  0401ab70,3
 S 1fff000748,8
 L 1fff000740,8
 M 0421c098,4
 L 0x50, 1
 S 0x60, 1
I  0x0401ab73,  16
 L 0X1FFF000740 , 8
L 10,4
I  0401ab76,5
I  0401ab7b,2
 S 1fff000738,8
I  0401ab7d,3
 L 1fff000738,16
--14761-- a note
I  0401ab80,64
 M 0421c0a0, 1048576
 L ffffffffffffffff,1
Counted 1 call to main()

Jccs:
  total:         567,015
  taken:         269,117 ( 47%)
Executed:
  SBs entered:   567,015
  SBs completed: 373,898
  guest instrs:  3,953,452
  IRStmts:       22,711,282
Ratios:
  guest instrs : SB entered  = 69 : 10
Exit code:       0
==14761== Exit code:       0
";

fn lackey(_: &mut Vec<String>, line: &str) -> Vec<Row> {
    let line = line.trim();
    let Some((kind, rest)) = line.split_once([' ', '\t']) else {
        return Vec::new();
    };
    let kind = match kind {
        "I" => Kind::Ifetch,
        "L" => Kind::Read,
        "S" | "M" => Kind::Write,
        _ => return Vec::new(),
    };
    let Some((place, size)) = rest.split_once(',') else {
        return Vec::new();
    };
    let place = place.trim().to_lowercase();
    vec![(0, kind, hex(&place), size.trim().parse().unwrap())]
}

#[test]
fn lackey_in_every_spelling() {
    check(&Layout {
        format: "lackey",
        text: LACKEY,
        naive: lackey,
        accesses: 17,
        random: |random| {
            let kind = ["I ", " L", " S", " M"][random.below(4)];
            let (addr, size) = (address(random), 1 + random.below(64));
            match random.below(5) {
                0 => format!("{kind} 0x{addr:x}, {size}"),
                1 => format!("{kind} {addr:x} ,{size}"),
                _ => format!("{kind} {addr:08x},{size}"),
            }
        },
        foreign: &[
            "L 4000000",
            "0x1000 R",
            "l 0x10 1",
            "R 0x10",
            " L 10;4",
            "total 5",
        ],
    });
}

#[test]
fn the_case_with_0x_and_a_blank() {
    let text = b" L 0x50, 1\n S 0x60, 1\n L 0x50, 1\n";
    assert_eq!(guess_of(text).unwrap(), "lackey");
    let expected = [
        (Kind::Read, 0x50, 1),
        (Kind::Write, 0x60, 1),
        (Kind::Read, 0x50, 1),
    ];
    assert_eq!(tuples(&accesses("lackey", text)), expected);
}

/// The pages of a string, by the standard library.
fn pages(text: &str) -> Vec<(Kind, u64, u32)> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|line| line.split([' ', ',', '\t']));
    let page = |word: &str| {
        let kind = if word.ends_with(['w', 'W']) {
            Kind::Write
        } else {
            Kind::Read
        };
        (kind, word.trim_end_matches(['w', 'W']).parse().unwrap(), 1)
    };
    words.filter(|word| !word.is_empty()).map(page).collect()
}

#[test]
fn strings_of_textbooks() {
    for text in [
        include_str!("../../../tests/data/formats/string.txt"),
        "7 0 1 2 0 3 0 4 2 3 0 3 2",
        "1,2,3,4,1,2,5,1,2,3,4,5",
        "1, 2, 3, 4, 1, 2, 5\n",
        "\n\n  1\t2w,3W 4095  \r\n\n",
        "# a title\n1 2 3 4 1\n# and a note\n",
        "\u{feff}7 0 1 2 0",
    ] {
        assert_eq!(guess_of(text.as_bytes()).unwrap(), "string", "{text}");
        let expected = pages(text.trim_start_matches('\u{feff}'));
        for step in [1, 2, 3, 64] {
            let (got, result) = read_slowly(by_name("string").unwrap(), text.as_bytes(), step);
            assert_eq!(
                (tuples(&got), result.unwrap()),
                (expected.clone(), 0),
                "{text}"
            );
        }
    }
    let format = by_name("string").unwrap();
    assert_eq!(format.kind, TraceKind::Synthetic);
    let reader = (format.open)(Box::new(&b"1 2"[..]), "t".into(), &ReadOptions::default());
    assert_eq!(reader.unwrap().known().addressing, Addressing::Ids);
}

/// Columns, addresses and single numbers are no strings.
#[test]
fn other_numbers_are_not_guessed_as_a_string() {
    for text in [
        "7\n",
        "7 0\n1 2\n",
        "16912 62490 30190\n",
        "1 2 x 3\n",
        "1;2;3\n",
        "1.5 2.5 3\n",
        "",
        "0x10 0x20 0x30\n",
        "-1 2 3\n",
    ] {
        let guessed = guess_of(text.as_bytes());
        assert!(
            guessed.is_err() || guessed.is_ok_and(|name| name != "string"),
            "{text}"
        );
    }
}

#[test]
fn long_strings_and_several_lines() {
    let mut random = Random(3);
    let mut text = String::new();
    for i in 0..300_000 {
        let mark = ["", "", "w"][random.below(3)];
        text += &format!(
            "{}{mark}{}",
            random.below(5000),
            [" ", ",", ", ", "\t"][random.below(4)]
        );
        if i % 90_000 == 89_999 {
            text += "\n# a comment, 1 2 3\r\n";
        }
    }
    for step in [7, 1 << 20] {
        let (got, result) = read_slowly(by_name("string").unwrap(), text.as_bytes(), step);
        assert_eq!(tuples(&got), pages(&text));
        assert_eq!(result.unwrap(), 0);
    }
}

#[test]
fn a_word_that_is_no_page_is_said() {
    for word in [
        "x",
        "-1",
        "1.5",
        "w",
        "3ww",
        "18446744073709551616",
        "1;2",
        &"7".repeat(3000),
    ] {
        let text = format!("1 2\n\n3 {word} 4");
        let error = error("string", text.as_bytes());
        assert!(error.what.contains("no page number"), "{word}: {error}");
        assert_eq!(error.position, Position::Line(3));
        assert!(
            error.text.starts_with(&word[..word.len().min(20)]),
            "{error}"
        );
        let (got, skipped) = skipping("string", text.as_bytes());
        assert_eq!((got.len(), skipped), (4, 1));
    }
}
