//! Tests that hold the fast path of every text format equal to its plain twin, the parser of single lines:
//! on the samples of `matrix`, cut in every place, with other line ends, and mutated; at every level of
//! the processor, packed or not. The plain twin reads through a buffer too small for a fast path.

use super::matrix::{mutated, texts};
use super::options::{Base, FormatBy};
use super::quick;
use super::testing::{Random, Slow, WholeRead, whole_read};
use super::{Format, ReadOptions, by_name};
use crate::simd::SimdLevel;
use std::io::Cursor;

/// Bytes at a time for the plain twin: fewer than a block.
const STEP: usize = 48;

/// Mutations of each sample.
const MUTATIONS: usize = 500;

/// Mutations of each usual line.
const MUTATIONS_USUAL: usize = 1_000;

/// Blank lines, so that the last line of data is not too close to the end for a fast path.
fn padded(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[b'\n'; 160]].concat()
}

/// Reads `bytes` with the plain twin.
fn plain(format: &Format, bytes: &[u8], options: &ReadOptions) -> WholeRead {
    whole_read(format, Box::new(Slow::new(bytes, STEP)), options, false)
}

/// Checks that the fast path gives what the plain twin does.
fn check(format: &Format, bytes: &[u8], options: &ReadOptions, level: SimdLevel, packs: bool) {
    let expected = plain(format, bytes, options);
    quick::testing::LEVEL.set(Some(level));
    let input = Box::new(Cursor::new(bytes.to_vec()));
    let got = whole_read(format, input, options, packs);
    quick::testing::LEVEL.set(None);
    let text = || String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(got, expected, "{} at {level:?}: {}", format.name, text());
}

/// Options under which a format is read: as the user says, as guessed, in the other base, bad lines left
/// out.
fn all_options() -> Vec<ReadOptions> {
    let usual = ReadOptions::default();
    let skipping = ReadOptions {
        skip_bad: true,
        ..ReadOptions::default()
    };
    let guessed = ReadOptions {
        format_by: FormatBy::Content,
        ..skipping.clone()
    };
    let based = |base| ReadOptions {
        base: Some(base),
        ..skipping.clone()
    };
    vec![usual, guessed, based(Base::Hex), based(Base::Dec), skipping]
}

#[test]
fn samples_are_read_alike() {
    for (format, text) in texts() {
        // So often that what a parser learns from the first lines is learnt.
        let text = text.repeat(3);
        for bytes in [
            padded(text.as_bytes()),
            padded(text.replace('\n', "\r\n").as_bytes()),
        ] {
            for options in all_options() {
                for level in SimdLevel::available() {
                    for packs in [false, true] {
                        check(format, &bytes, &options, level, packs);
                    }
                }
            }
        }
    }
}

/// A line as the program that writes the format does: `%h` is a hexadecimal number, `%d` a decimal one,
/// `%s` a short one, `%k` the first or second of the words.
type Usual = (&'static str, &'static str, [&'static str; 2], &'static str);

/// Formats with their first lines, words for kinds, and a usual line.
#[rustfmt::skip]
const USUAL: &[Usual] = &[
    ("plain", "# pagebench trace 1\n", ["R", "W"], "%k %h 8"),
    ("plain", "# pagebench trace 1\n# addressing: ids\n", ["I", "W"], "%k %d"),
    ("lackey", "", ["I ", " S"], "%k %h,8"),
    ("addr-rw", "", ["R", "w"], "0x%h %k"),
    ("addr-rw", "", ["r", "W"], "%k %h"),
    ("spec", "", ["l", "s"], "%k 0x%h %s"),
    ("page-ref", "", ["L", "M"], "%k %h000"),
    ("dinero", "", ["0", "2"], "%k %h"),
    ("pinatrace", "", ["R", "W"], "0x%h: %k 0x%h"),
    ("pinatrace", "", ["R", "W"], "0x%h %k 0x%h %s"),
    ("ramulator", "", ["", " 4096"], "%s %d%k"),
    ("ramulator2", "", ["LD", "ST"], "%k 0x%h"),
    ("lirs", "", ["", ""], "%d"),
    ("arc", "", ["", ""], "%d 8 0 %s"),
    ("spc", "", ["r", "W"], "%s,%d,4096,%k,%s.%s"),
    ("msr", "", ["Read", "Write"], "128166372003061629,hm,1,%k,%d,4096,%s"),
    ("fiu", "", ["R", "W"], "89968195792462 %s gzip %d 8 %k 6 0 56f11b711d91a065a2b6458eca924523"),
    ("blkparse", "", [" R", "WS"], "  8,16   1        %s     1.4273763%s  5529  Q  %k %d + 8 [fio]"),
    ("blkparse", "", ["G", "I"], "  8,16   1        %s     1.4273763%s  5529  %k  WS %d + 8 [fio]"),
    ("ftrace", "", ["7", "14"], "     bash-%s   [003] d... 6.896%s: page_fault_user: address=0x%h ip=0x7f49a error_code=0x%k"),
    ("ftrace", "", ["user:", "kernel:  "], "<idle>-0 [001] 6.896%s: page_fault_%k address=0x%h ip=0x7f49a error_code=0x5"),
    ("perf-script", "", ["page", "minor"], "ls %s/%s 1618.458605: %k-faults:     %h"),
    ("perf-script", "", ["", "u:"], "ls %s/%s [00%s] 1618.458605: page-faults:%k %h main /bin/ls"),
    ("perf-script", "", ["user", "kernel"], "%s 1618.458611: exceptions:page_fault_%k: address=0x%h ip=0x7f49a error_code=0x6"),
    ("perf-trace", "", ["min", "maj"], "0.020 ( 0.000 ms): ls/%s %kfault [elf_load+0x28a] => 0x%h (?k)"),
    ("perf-trace", "", ["[stack]@0x", "/lib/ld.so@0x"], "0.020 ( 0.000 ms): ls/%s minfault [main+0x2] => %k%s (?k)"),
    ("bpftrace", "", ["", " ip=0x7f4"], "pid=%s address=0x%h%k error_code=0x7"),
    ("bpftrace", "", ["0x7", "4"], "%s bash 0x%h 0x7f49a %k"),
    ("drmemtrace-view", "", ["read ", "write"], "   %s     %s:     2765542 %k      8 byte(s) @ 0x%h by PC 0x404a7e"),
    ("drmemtrace-view", "", ["ifetch 5", "read 8"], "   %s:     2765542 %k byte(s) @ 0x%h"),
    ("drmemtrace-view", "", ["", "90"], "   %s   1:  2765542 ifetch 5 byte(s) @ 0x%h 48 8b %k       jz     $0x404bd9 (taken)"),
    ("csv", "addr,rw\n", ["r", "Write"], "0x%h,%k"),
    ("csv", "pid\tpage\top\n", ["ld", "ST"], "%s\t%d\t%k"),
    ("csv", "key,op,op_count\n", ["get", "delete"], "user:%h,%k,2"),
    ("csv", "time,note,addr,rw\n", ["r", "w"], "17,a_note_that_is_ignored_and_is_quite_long_for_a_cell,0x%h,%k"),
    ("csv", "a,b,c,d,e,addr,size\n", ["1", "0x10"], "17,18,19,a_note_that_is_ignored_and_quite_long,5,%d,%k"),
    ("cachelib", "", ["GET", "SET"], "604038471,82131353f9ddc8c6%h,48,%k,1,87,1,0,366387042,3003229276"),
    ("alibaba", "", ["R", "w"], "%s,%k,%d,4096,1577808000000626"),
    ("tencent", "", ["0", "1"], "1538323200,%s,8,%k,%s"),
    ("twitter", "", ["get", "delete"], "7,nz:u:%h,22,304,%s,%k,0"),
    ("cachelib", "", ["GET", "SET_LEASE"], "%d,%k,82,1,40"),
    ("webcache", "", ["", ""], "7 %d 3"),
];

/// Returns a file of usual lines.
fn usual((name, head, kinds, line): &Usual, random: &mut Random) -> (&'static Format, String) {
    let format = by_name(name).expect("a format of the table");
    let mut text = (*head).to_owned();
    for number in 0..40 {
        let mut parts = line.split('%');
        text += parts.next().unwrap_or_default();
        for part in parts {
            let (what, rest) = part.split_at(1);
            let value = match what {
                "k" => kinds[random.below(2)].to_owned(),
                "h" => format!("{:x}", random.next() >> (16 + random.below(40))),
                "d" => (random.next() >> (24 + random.below(24))).to_string(),
                // Times must not fall.
                _ => (100 + number).to_string(),
            };
            text += &(value + rest);
        }
        text.push('\n');
    }
    (format, text)
}

/// A test of this file that never reaches the fast path would be worth nothing.
#[test]
fn usual_lines_take_the_fast_path() {
    let mut random = Random(31);
    // It has a fast path of its own.
    for line in USUAL.iter().filter(|line| line.0 != "lackey") {
        let (format, text) = usual(line, &mut random);
        let bytes = padded(text.as_bytes());
        quick::testing::LINES.set(0);
        let input = Box::new(Cursor::new(bytes));
        let read = whole_read(format, input, &ReadOptions::default(), false);
        assert_eq!(read.result, Ok(0), "{text}");
        let quick = quick::testing::LINES.get();
        // The parser learns from the first lines.
        assert!(quick >= 25, "{}: only {quick} of\n{text}", format.name);
    }
}

#[test]
fn mutations_of_usual_lines_are_read_alike() {
    let mut random = Random(32);
    let options = all_options();
    let levels: Vec<SimdLevel> = SimdLevel::available().collect();
    for line in USUAL {
        for round in 0..MUTATIONS_USUAL {
            let (format, text) = usual(line, &mut random);
            let start = text.len()
                - text
                    .lines()
                    .rev()
                    .take(12)
                    .map(|l| l.len() + 1)
                    .sum::<usize>();
            let mutated = mutated(&text[start..], &mut random);
            let bytes = [text.as_bytes(), &mutated].concat();
            let options = &options[random.below(options.len())];
            let level = levels[round % levels.len()];
            check(format, &padded(&bytes), options, level, round % 3 == 0);
        }
    }
}

#[test]
fn samples_cut_anywhere_are_read_alike() {
    for (format, text) in texts() {
        let options = ReadOptions {
            skip_bad: true,
            ..ReadOptions::default()
        };
        // Whole once, so that what a parser learns is learnt, then cut.
        let cut_from = text.len() / 2;
        for end in cut_from..text.len() {
            if !text.is_char_boundary(end) {
                continue;
            }
            let bytes = padded([&text, "\n", &text[cut_from..end]].concat().as_bytes());
            let level = [SimdLevel::best(), SimdLevel::Portable][end % 2];
            check(format, &bytes, &options, level, end % 3 == 0);
        }
    }
}

#[test]
fn mutations_are_read_alike() {
    let options = all_options();
    let levels: Vec<SimdLevel> = SimdLevel::available().collect();
    for (at, (format, text)) in texts().into_iter().enumerate() {
        let mut random = Random(0x51ab_77c0_ffee_1234 + at as u64);
        for round in 0..MUTATIONS {
            // Lines from any place of the sample.
            let lines: Vec<&str> = text.lines().collect();
            let skip = random.below(lines.len());
            let some = lines[skip..].join("\n");
            let mut bytes = [text.as_bytes(), b"\n", &mutated(&some, &mut random)].concat();
            if random.below(8) == 0 {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            let options = &options[random.below(options.len())];
            let level = levels[round % levels.len()];
            check(format, &padded(&bytes), options, level, round % 3 == 0);
        }
    }
}
