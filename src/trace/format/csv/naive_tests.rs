//! Random files of every layout against a parser that shares nothing with the reader: `str::lines`,
//! `str::split`, `str::parse` and a map of the standard library.

use super::super::testing::{Random, Slow, guess_of, read, read_slowly, tuples};
use super::super::{KeyMemory, ReadOptions, by_name};
use super::*;
use crate::trace::model::access::Kind;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Process, kind, address or id, and size of an access.
type Plain = (u32, Kind, u64, u32);

fn plain(accesses: &[Access]) -> Vec<Plain> {
    let one = |a: &Access| (a.pid, a.kind, a.addr, a.size);
    accesses.iter().map(one).collect()
}

/// Ids of keys in order of appearance.
#[derive(Default)]
struct Ids(HashMap<String, u64>);

impl Ids {
    fn of(&mut self, key: &str) -> u64 {
        let next = self.0.len() as u64;
        *self.0.entry(key.to_owned()).or_insert(next)
    }
}

/// The lines of a file without blank ones and comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim_end);
    lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

fn naive(format: &str, text: &str) -> Vec<Plain> {
    let mut ids = Ids::default();
    let mut all = Vec::new();
    for line in lines(text) {
        let cells: Vec<&str> = match format {
            "webcache" => line.split_ascii_whitespace().collect(),
            _ => line.split(',').map(str::trim).collect(),
        };
        let number = |at: usize| cells[at].parse::<u64>().unwrap();
        let (access, times) = match format {
            "alibaba" => {
                let kind = if cells[1] == "R" {
                    Kind::Read
                } else {
                    Kind::Write
                };
                let access = (number(0) as u32, kind, number(2), number(3).max(1) as u32);
                (access, 1)
            }
            "tencent" => {
                let kind = [Kind::Read, Kind::Write][number(3) as usize];
                let size = 512 * number(2).max(1) as u32;
                ((number(4) as u32, kind, 512 * number(1), size), 1)
            }
            "twitter" => {
                let kind = match cells[cells.len() - 2] {
                    "delete" => continue,
                    "get" | "gets" => Kind::Read,
                    _ => Kind::Write,
                };
                (
                    (0, kind, ids.of(&cells[1..cells.len() - 5].join(",")), 1),
                    1,
                )
            }
            "cachelib" => {
                let kind = match cells[1] {
                    "DELETE" => continue,
                    "GET" | "GET_LEASE" => Kind::Read,
                    _ => Kind::Write,
                };
                ((0, kind, ids.of(cells[0]), 1), number(3))
            }
            "webcache" => ((0, Kind::Read, number(1), 1), 1),
            other => panic!("no naive parser of {other}"),
        };
        all.extend((0..times).map(|_| access));
    }
    all
}

/// The layouts of presets.
const FORMATS: [&str; 5] = ["alibaba", "tencent", "twitter", "cachelib", "webcache"];

/// A line in the layout of a format; `at` is its number.
fn line(format: &str, at: u64, random: &mut Random) -> String {
    let below = |random: &mut Random, n: u64| random.next() % n;
    let time = at / 3;
    match format {
        "alibaba" => {
            let kind = ["R", "W"][random.below(2)];
            let (disk, offset) = (below(random, 1000), 512 * below(random, 1 << 30));
            let length = 512 * below(random, 1025);
            format!(
                "{disk},{kind},{offset},{length},{}",
                1_577_808_000_000_626 + time
            )
        }
        "tencent" => {
            let (offset, size) = (below(random, 1 << 30), below(random, 2049));
            let volume = 1000 + below(random, 5584);
            format!(
                "{},{offset},{size},{},{volume}",
                1_538_323_200 + time,
                random.below(2)
            )
        }
        "twitter" => {
            let op = ["get", "get", "gets", "set", "add", "cas", "incr", "delete"][random.below(8)];
            let key = ["nz:u:eeW5", "a,b", "q\"x", "yDqF"][random.below(4)];
            let key = format!("{key}{}", below(random, 9));
            format!(
                "{time},{key},22,{},{},{op},0",
                below(random, 5000),
                below(random, 9)
            )
        }
        "cachelib" => {
            let op = ["GET", "SET", "GET_LEASE", "SET_LEASE", "DELETE"][random.below(5)];
            let (key, size) = (1_668_757_750 + below(random, 12), below(random, 900));
            format!("{key},{op},{size},{},40", 1 + below(random, 4))
        }
        _ => format!(
            "{} {} {}",
            100 + time,
            below(random, 20),
            1 + below(random, 1 << 20)
        ),
    }
}

/// A file of `n` lines.
fn file(format: &str, n: u64, random: &mut Random) -> String {
    (0..n).map(|at| line(format, at, random) + "\n").collect()
}

fn read_plain(format: &str, text: &str, step: usize) -> Result<Vec<Plain>, TraceError> {
    let (got, result) = read_slowly(by_name(format).unwrap(), text.as_bytes(), step);
    result.map(|skipped| {
        assert_eq!(skipped, 0);
        plain(&got)
    })
}

#[test]
fn every_layout_is_read_as_naively() {
    let mut random = Random(11);
    for format in FORMATS {
        for round in 0..40 {
            let text = file(format, 30 + round, &mut random);
            let wanted = naive(format, &text);
            assert_eq!(guess_of(text.as_bytes()).unwrap(), format, "{text}");
            for text in [
                text.replace('\n', "\r\n"),
                text.replace('\n', "\n\n# a note\n \n"),
                text,
            ] {
                assert_eq!(guess_of(text.as_bytes()).unwrap(), format, "{text}");
                let step = 1 + random.below(90);
                assert_eq!(read_plain(format, &text, step).unwrap(), wanted, "{text}");
            }
        }
    }
}

/// A file that is cut anywhere is taken for its format or for none, and gives the accesses before the
/// cut or an error in the last line. A line that is cut within its last number is a line.
#[test]
fn a_cut_file_is_no_other_file() {
    let mut random = Random(12);
    for format in FORMATS {
        let text = file(format, 30, &mut random);
        for cut in 1..text.len() {
            let text = &text[..cut];
            if let Ok(name) = guess_of(text.as_bytes()) {
                // One or two short lines may also be a list or a table of another format.
                assert!(name == format || text.lines().count() < 3, "{name}: {text}");
            }
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            let wanted = naive(format, whole);
            match read_plain(format, text, 64) {
                Ok(got) => assert_eq!(got[..wanted.len()], wanted[..], "{text}"),
                Err(error) => {
                    let lines = text.lines().count() as u64;
                    assert_eq!(error.position, Position::Line(lines), "{text}");
                }
            }
        }
    }
}

#[test]
fn lines_of_the_next_layout_are_errors_in_their_place() {
    let mut random = Random(13);
    for (i, format) in FORMATS.iter().enumerate() {
        let next = FORMATS[(i + 1) % FORMATS.len()];
        for at in [0_usize, 7, 29] {
            let text = file(format, 30, &mut random);
            let mut lines: Vec<&str> = text.lines().collect();
            let other = line(next, 5, &mut random);
            lines[at] = &other;
            let text = lines.join("\n");
            // The format is still found, since most lines have it.
            assert_eq!(guess_of(text.as_bytes()).unwrap(), *format, "{text}");
            let error = read_plain(format, &text, 64).unwrap_err();
            assert_eq!(error.position, Position::Line(at as u64 + 1), "{text}");
            assert_eq!(error.text, other);
        }
    }
}

/// Changed heads are never two things at once: the one format that is found is the one that was changed,
/// or another that fits alone; nothing panics.
#[test]
fn changed_heads_do_not_panic() {
    let mut random = Random(14);
    for format in FORMATS {
        let good = file(format, 30, &mut random).into_bytes();
        for _ in 0..2_000 {
            let mut bytes = good.clone();
            for _ in 0..=random.below(6) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = random.next() as u8,
                    1 => bytes.truncate(at + 1),
                    2 => bytes.insert(at, b" \n,\"#0x*\t\0f9"[random.below(12)]),
                    _ => drop(bytes.remove(at)),
                }
                if bytes.is_empty() {
                    bytes.push(b'\n');
                }
            }
            let _ = guess_of(&bytes);
            let _ = read_slowly(by_name(format).unwrap(), &bytes, 1 + random.below(80));
        }
    }
}

/// Kinds of columns of a random csv file.
const COLUMNS: [&str; 6] = ["time", "addr", "op", "size", "pid", "note"];

/// The accesses of a csv file of these columns, quotes unknown.
fn naive_csv(text: &str, columns: &[&str], split: impl Fn(&str) -> Vec<String>) -> Vec<Plain> {
    let mut all = Vec::new();
    for line in lines(text) {
        let cells = split(line);
        let cell = |name: &str| {
            let at = columns.iter().position(|column| *column == name)?;
            Some(cells[at].trim().to_ascii_lowercase())
        };
        let number = |cell: String| match cell.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
            None => cell.parse().unwrap(),
        };
        let kind = match cell("op").as_deref() {
            Some("w" | "store" | "set" | "write" | "wr" | "put") => Kind::Write,
            Some("i" | "ifetch") => Kind::Ifetch,
            Some("delete") => continue,
            _ => Kind::Read,
        };
        all.push((
            cell("pid").map_or(0, |cell| number(cell) as u32),
            kind,
            number(cell("addr").unwrap()),
            cell("size").map_or(1, |cell| number(cell) as u32),
        ));
    }
    all
}

fn cell(column: &str, random: &mut Random) -> String {
    match column {
        "addr" if random.below(2) == 0 => format!("0x{:x}", random.next() >> 20),
        "addr" => (random.next() >> 30).to_string(),
        "op" => {
            let words = [
                "r", "W", "Load", "STORE", "get", "set", "I", "ifetch", "delete", "rd", "wr",
                "head", "put",
            ];
            words[random.below(words.len())].to_owned()
        }
        "size" => (1 + random.next() % 9000).to_string(),
        "pid" => (random.next() % 5).to_string(),
        "time" => format!("{}.5", random.next() % 1000),
        _ => ["", "x", "a-b", "7"][random.below(4)].to_owned(),
    }
}

/// Any delimiter, any columns in any order, with and without a header.
#[test]
fn random_csv_is_read_as_naively() {
    let mut random = Random(15);
    for _ in 0..400 {
        let mut columns = COLUMNS.to_vec();
        for i in (1..columns.len()).rev() {
            columns.swap(i, random.below(i + 1));
        }
        columns.retain(|column| *column == "addr" || random.below(4) > 0);
        let delimiter = [",", ";", "|", "\t", ":", " "][random.below(6)];
        if delimiter == " " {
            // Its cells may be empty.
            columns.retain(|column| *column != "note");
        }
        let header = random.below(2) == 0 && columns.len() > 1;
        let mut text = String::new();
        let between = |random: &mut Random| match delimiter {
            " " => ["  ", " ", "\t", " \t "][random.below(4)].to_owned(),
            "\t" => "\t".to_owned(),
            other => format!(
                "{}{other}{}",
                ["", " "][random.below(2)],
                ["", " "][random.below(2)]
            ),
        };
        if header {
            writeln!(text, "{}", columns.join(delimiter)).unwrap();
        }
        for _ in 0..30 {
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    text.push_str(&between(&mut random));
                }
                text.push_str(&cell(column, &mut random));
            }
            text.push_str(["\n", "\r\n", "\n\n", "\n# no\n"][random.below(4)]);
        }
        let data = match header {
            true => text.split_once('\n').unwrap().1,
            false => &text,
        };
        let wanted = naive_csv(data, &columns, |line| match delimiter {
            " " => line.split_ascii_whitespace().map(str::to_owned).collect(),
            _ => line.split(delimiter).map(str::to_owned).collect(),
        });
        let numbered = columns
            .iter()
            .enumerate()
            .filter(|(_, c)| **c != "note" && **c != "time");
        let numbered = numbered.map(|(at, c)| (c.to_string(), (at + 1).to_string()));
        let options = ReadOptions {
            columns: if header {
                Vec::new()
            } else {
                numbered.collect()
            },
            delimiter: Delimiter::parse(delimiter),
            ..ReadOptions::default()
        };
        let input = Box::new(Slow::new(text.as_bytes(), 1 + random.below(99)));
        let (got, result) = read(by_name("csv").unwrap(), input, &options);
        assert_eq!(result.unwrap_or_else(|e| panic!("{e}\n{text}")), 0);
        assert_eq!(plain(&got), wanted, "{text}");
    }
}

/// Quotes anywhere, also over several lines: the rows are those of the `csv` crate, whose lines the
/// reader only takes over from the first quote on.
#[test]
fn random_quotes_are_read_as_by_the_csv_crate() {
    let mut random = Random(16);
    for _ in 0..400 {
        let mut text = String::from("note,op,addr\n");
        for _ in 0..20 {
            let note = [
                "x",
                "\"a,b\"",
                "\"two\nlines\"",
                "\"a \"\"b\"\"\"",
                "5\" disk",
                "\"\"",
            ];
            let note = note[if random.below(3) == 0 {
                random.below(6)
            } else {
                0
            }];
            let quote = ["", "\""][usize::from(random.below(9) == 0)];
            let op = ["r", "w"][random.below(2)];
            let end = ["\n", "\r\n", "\n\n"][random.below(3)];
            let addr = random.next() >> 40;
            write!(text, "{note},{op},{quote}{addr}{quote}{end}").unwrap();
        }
        let mut rows = ::csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let wanted: Vec<(Kind, u64, u32)> = rows
            .records()
            .map(|row| {
                let row = row.unwrap();
                let kind = if &row[1] == "w" {
                    Kind::Write
                } else {
                    Kind::Read
                };
                (kind, row[2].trim().parse().unwrap(), 1)
            })
            .collect();
        let step = 1 + random.below(60);
        let (got, result) = read_slowly(by_name("csv").unwrap(), text.as_bytes(), step);
        result.unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(tuples(&got), wanted, "{text}");
    }
}

/// Ids that are text, in every memory, are those of a map.
#[test]
fn text_keys_are_numbered_as_naively() {
    let mut random = Random(17);
    let mut text = String::from("key,op\n");
    for _ in 0..3_000 {
        let op = ["get", "put"][random.below(2)];
        writeln!(text, "user:{:x},{op}", random.next() % 700).unwrap();
    }
    let mut ids = Ids::default();
    let wanted: Vec<(Kind, u64, u32)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let (key, op) = line.split_once(',').unwrap();
            let kind = if op == "put" { Kind::Write } else { Kind::Read };
            (kind, ids.of(key), 1)
        })
        .collect();
    for memory in [None, Some(0), Some(12_000)] {
        let options = ReadOptions {
            key_memory: KeyMemory(memory),
            ..ReadOptions::default()
        };
        let input = Box::new(Slow::new(text.as_bytes(), 100));
        let format = by_name("csv").unwrap();
        let mut reader = (format.open)(input, "t".into(), &options).unwrap();
        let (got, result) = super::super::testing::drain(&mut *reader);
        assert_eq!(result.unwrap(), 0);
        assert_eq!(tuples(&got), wanted);
        let said = reader.report().parts().join("; ");
        assert!(said.contains("text keys; reads text=key rw=op"), "{said}");
        assert_eq!(said.contains("128-bit hashes"), memory.is_some(), "{said}");
    }
}
