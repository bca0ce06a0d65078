//! Block requests: blkparse, FIU, MSR.

use super::{Layout, Row, check, device};
use crate::trace::format::testing::{
    Random, accesses, bad_line_cases, error, guess_of, read, tuples,
};
use crate::trace::format::{ReadOptions, by_name};
use crate::trace::model::access::Kind;

/// What `blkparse -i sda` prints, with its summary.
const BLKPARSE: &str = include_str!("../../../tests/data/formats/blkparse.txt");

fn blkparse(devices: &mut Vec<String>, line: &str) -> Vec<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() < 10 || words[5] != "Q" || words[8] != "+" {
        return Vec::new();
    }
    let letters = words[6].strip_prefix('F').unwrap_or(words[6]);
    let kind = match letters.chars().next() {
        Some('R') => Kind::Read,
        Some('W') => Kind::Write,
        _ => return Vec::new(),
    };
    let sector: u64 = words[7].parse().unwrap();
    let count: u32 = words[9].parse().unwrap();
    vec![(device(devices, words[0]), kind, sector * 512, count * 512)]
}

fn random_event(random: &mut Random) -> String {
    let action = ["Q", "Q", "G", "D", "C", "UT", "m"][random.below(7)];
    let kind = ["R", "WS", "RM", "FWFSM", "D", "N", "RA"][random.below(7)];
    let (sector, count) = (random.below(1 << 40), 1 + random.below(2048));
    let (major, minor) = (random.below(3), random.below(300));
    let head =
        format!("{major:>3},{minor:<3} 1 {count:>8} 0.{sector:09}  77 {action:>2} {kind:>3}");
    match random.below(5) {
        0 => format!("{head} [kworker/0:3]"),
        _ => format!("{head} {sector} + {count} [some prog]"),
    }
}

#[test]
fn queued_requests_of_blkparse() {
    check(&Layout {
        format: "blkparse",
        text: BLKPARSE,
        naive: blkparse,
        accesses: 21,
        random: random_event,
        foreign: &[
            "0,20941264,8192,W,0.551706",
            "1,hm,1,Read,383496192,32768,413",
            "89968195792462 20782 gzip 283193184 8 R 6 0 56f11b711d91a065a2b6458eca924523",
            "8,16 1 1 1.4 5529 Z WS 274432 + 8 [fio]",
            "8,16 1 1 1.4 5529 Q XS 274432 + 8 [fio]",
            "274432 + 8",
        ],
    });
}

#[test]
fn the_case_of_one_request() {
    let text = b"8,16   1        1     1.427376394  5529  Q  WS 274432 + 8 [fio]
8,16   1        2     1.427384090  5529  G  WS 274432 + 8 [fio]
";
    assert_eq!(guess_of(text).unwrap(), "blkparse");
    let got = accesses("blkparse", text);
    assert_eq!(tuples(&got), [(Kind::Write, 140_509_184, 4096)]);
}

#[test]
fn what_blkparse_leaves_out_is_counted() {
    let format = by_name("blkparse").unwrap();
    let input = Box::new(BLKPARSE.as_bytes());
    let mut reader = (format.open)(input, "t".into(), &ReadOptions::default()).unwrap();
    while reader.fill(&mut Vec::new(), 1000).unwrap() {}
    let mut dropped = reader.report().dropped;
    dropped.sort_unstable();
    let expected = [
        ("comment", 0),
        ("discard", 1),
        ("event that is no Q", 11),
        ("line of the summary", 14),
        ("packet command", 1),
        ("request without sectors", 2),
    ];
    assert_eq!(dropped, expected);
}

#[test]
fn what_is_wrong_with_an_event_is_said() {
    bad_line_cases(
        "blkparse",
        "8,16 1 1 1.4 5529 Q WS 274432 + 8 [fio]",
        &[
            (
                "8 1 1 1.4 5529 Q WS 274432 + 8 [fio]",
                "begin with a device",
            ),
            (
                "8,16 x 1 1.4 5529 Q WS 274432 + 8 [fio]",
                "not a decimal number",
            ),
            ("8,16 1 1 now 5529 Q WS 274432 + 8 [fio]", "not a time"),
            ("8,16 1 1 1.4 5529 q WS 274432 + 8 [fio]", "the action"),
            (
                "8,16 1 1 1.4 5529 Q ? 274432 + 8 [fio]",
                "the kind of the request",
            ),
            ("8,16 1 1 1.4 5529 Q W x + 8 [fio]", "sector is not"),
            (
                "8,16 1 1 1.4 5529 Q W 36028797018963968 + 8 [fio]",
                "sector is not",
            ),
            ("8,16 1 1 1.4 5529 Q W 274432 - 8 [fio]", "no + after"),
            ("8,16 1 1 1.4 5529 Q W 274432 + x [fio]", "size is not"),
            (
                "8,16 1 1 1.4 5529 Q W 274432 + 32769 [fio]",
                "over 16777216",
            ),
            (
                "8,16 1 1 1.4 5529 Q W 36028797018963967 + 2 [fio]",
                "past the end",
            ),
        ],
    );
}

/// Lines as SNIA publishes them, with a program whose name has a blank, and several digests.
const FIU: &str = include_str!("../../../tests/data/formats/fiu.txt");

fn fiu(devices: &mut Vec<String>, line: &str) -> Vec<Row> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.len() < 9 {
        return Vec::new();
    }
    while words.last().unwrap().len() == 32 {
        words.pop();
    }
    let n = words.len();
    let name = format!("{} {}", words[n - 2], words[n - 1]);
    let kind = if words[n - 3] == "R" {
        Kind::Read
    } else {
        Kind::Write
    };
    let count: u32 = words[n - 4].parse().unwrap();
    let block: u64 = words[n - 5].parse().unwrap();
    vec![(device(devices, &name), kind, block * 512, count * 512)]
}

fn random_fiu(random: &mut Random) -> String {
    let program = ["ls", "a b", "-", "7", "R 6 0"][random.below(5)];
    let kind = ["R", "W"][random.below(2)];
    let (block, count) = (random.below(1 << 50), 1 + random.below(1000));
    let digest = format!("{:016x}{:016X}", random.next(), random.next());
    let device = random.below(4);
    format!(
        "{} 9 {program} {block} {count} {kind} 8 {device} {digest}",
        random.next()
    )
}

#[test]
fn requests_of_fiu() {
    check(&Layout {
        format: "fiu",
        text: FIU,
        naive: fiu,
        accesses: 30,
        random: random_fiu,
        foreign: &[
            "  8,16   1        2     0.000001836  5529  Q  WS 274432 + 8 [fio]",
            "1479552 64 0 0",
            "0,20941264,8192,W,0.551706",
            "89968195792462 20782 gzip 283193184 8 R 6 0 56f11b711d91a065a2b6458eca92452",
            "89968195792462 20782 283193184 8 R 6 0 56f11b711d91a065a2b6458eca924523",
        ],
    });
    bad_line_cases(
        "fiu",
        "1 2 gzip 283193184 8 R 6 0 56f11b711d91a065a2b6458eca924523",
        &[
            ("1 2 gzip 283193184 8 R 6 0", "MD5"),
            (
                "1 2 gzip 283193184 8 R 6 x 56f11b711d91a065a2b6458eca924523",
                "no device",
            ),
            (
                "1 2 gzip 283193184 8 T 6 0 56f11b711d91a065a2b6458eca924523",
                "no R or W",
            ),
            (
                "x 2 gzip 283193184 8 R 6 0 56f11b711d91a065a2b6458eca924523",
                "begin with a time",
            ),
            (
                "1 2 gzip x 8 R 6 0 56f11b711d91a065a2b6458eca924523",
                "block is not",
            ),
            (
                "1 2 gzip 1 0 R 6 0 56f11b711d91a065a2b6458eca924523",
                "size is 0",
            ),
        ],
    );
}

/// Requests with the header that some copies have.
fn msr_text() -> String {
    let mut lines = "Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n".to_owned();
    for i in 0..30_u64 {
        let (host, kind) = (
            ["hm", "src1"][i as usize % 2],
            ["Read", "Write"][i as usize / 3 % 2],
        );
        let (time, offset) = (128_166_372_003_061_629 + i, 383_496_192 + i * 20_480);
        lines += &format!(
            "{time},{host},{},{kind},{offset},{},413\n",
            i % 3,
            512 * (1 + i)
        );
    }
    lines
}

fn msr(devices: &mut Vec<String>, line: &str) -> Vec<Row> {
    let fields: Vec<&str> = line.split(',').collect();
    let Some(offset) = fields.get(4).and_then(|field| field.parse().ok()) else {
        return Vec::new();
    };
    let kind = if fields[3] == "Read" {
        Kind::Read
    } else {
        Kind::Write
    };
    let name = format!("{},{}", fields[1], fields[2]);
    vec![(
        device(devices, &name),
        kind,
        offset,
        fields[5].parse().unwrap(),
    )]
}

fn random_msr(random: &mut Random) -> String {
    let (kind, size) = (["Read", "Write"][random.below(2)], 1 + random.below(65_536));
    let host = ["hm", "usr", "src1"][random.below(3)];
    let offset = random.below(1 << 45);
    format!(
        "{},{host},{},{kind},{offset},{size},7",
        random.next(),
        random.below(4)
    )
}

#[test]
fn requests_of_msr_with_a_header() {
    check(&Layout {
        format: "msr",
        text: &msr_text(),
        naive: msr,
        accesses: 30,
        random: random_msr,
        foreign: &[
            "0,20941264,8192,W,0.551706",
            "0x1000 R",
            "128166372003061629,hm,1,Read,383496192,32768",
            "128166372003061629,hm,1,Trim,383496192,32768,413",
        ],
    });
}

#[test]
fn the_case_with_a_header_and_only_there() {
    let header = "Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n";
    let requests = "128166372003061629,hm,1,Read,383496192,32768,413\n\
                    128166372016382155,hm,1,Write,310983680,20480,1963\n";
    let text = format!("{header}{requests}");
    assert_eq!(guess_of(text.as_bytes()).unwrap(), "msr");
    let expected = [
        (Kind::Read, 383_496_192, 32_768),
        (Kind::Write, 310_983_680, 20_480),
    ];
    assert_eq!(tuples(&accesses("msr", text.as_bytes())), expected);
    let late = format!("{requests}{header}");
    assert!(
        error("msr", late.as_bytes())
            .what
            .contains("not Read or Write")
    );
    let options = ReadOptions::default();
    let twice = format!("{header}{header}{requests}");
    let (_, result) = read(
        by_name("msr").unwrap(),
        Box::new(std::io::Cursor::new(twice)),
        &options,
    );
    assert!(result.is_err());
}
