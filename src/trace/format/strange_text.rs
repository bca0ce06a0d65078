//! Text files that people take for traces, and that no format can read: refused by name, with what to
//! do instead ([`refusal`]). Their signatures are exact, so that no trace is among them.
//!
//! Does not know files that are known by their first bytes (see `strangers`).

use super::Sample;
use super::lines::sample_lines;
use super::tokens::{is_blank, trim, words};
use memchr::memmem;

/// A kind of file that is known and not read.
struct Stranger {
    /// What it is, after "this is".
    name: &'static str,
    /// What to do, in one sentence.
    advice: &'static str,
    /// Returns true if the first lines, without blank ones, are of this kind.
    is: fn(&[&[u8]]) -> bool,
}

/// Number of lines that a stranger is recognised by.
const HEAD: usize = 20;

const STRANGERS: &[Stranger] = &[
    Stranger {
        name: "DAMON's text: how often regions were accessed, not which access came when",
        advice: "a replay needs the order of the accesses: record the program with \
                 `pagebench record -- PROG`, or its page faults with perf record -e page-faults -c 1 -d",
        is: |lines| {
            any(
                lines,
                &[
                    b"damon:damon_",
                    b" damon_aggregated: ",
                    b" damos_before_apply: ",
                ],
            )
        },
    },
    Stranger {
        name: "a record of DAMON as damo writes it: how often regions were accessed, not which access came when",
        advice: "a replay needs the order of the accesses: record the program with \
                 `pagebench record -- PROG`, or its page faults with perf record -e page-faults -c 1 -d",
        is: |lines| any(lines, &[b"base_time_absolute:", b"heatmap: "]),
    },
    Stranger {
        name: "a Ramulator 2 trace of DRAM coordinates (R or W, then channel, rank, bank, row, column)",
        advice: "coordinates are no addresses: take the trace that they were made from \
                 (--format ramulator2 reads LD and ST lines, --format ramulator requests with bubbles)",
        is: |lines| all(lines, is_coordinates),
    },
    Stranger {
        name: "a callgrind or cachegrind profile: counts by function, not accesses in order",
        advice: "record the accesses instead: valgrind --tool=lackey --trace-mem=yes \
                 --log-file=FILE PROG, or `pagebench record -- PROG`",
        is: |lines| {
            begins(
                lines,
                &[
                    b"# callgrind format",
                    b"desc: I1 cache:",
                    b"desc: D1 cache:",
                ],
            )
        },
    },
    Stranger {
        name: "a massif profile: sizes of the heap, not accesses",
        advice: "record the accesses instead: valgrind --tool=lackey --trace-mem=yes \
                 --log-file=FILE PROG, or `pagebench record -- PROG`",
        is: |lines| begins(lines, &[b"desc: "]) && any(lines, &[b"mem_heap_B="]),
    },
    Stranger {
        name: "valgrind's own text without accesses",
        advice: "lackey prints them only with --trace-mem=yes: valgrind --tool=lackey \
                 --trace-mem=yes --log-file=FILE PROG",
        is: |lines| all(lines, |line| super::lackey::log_text(line).is_some()),
    },
    Stranger {
        name: "a list of mappings (/proc/PID/maps), not accesses",
        advice: "record the program with `pagebench record -- PROG`: its trace has the mappings, too",
        is: |lines| all(lines, is_mapping),
    },
    Stranger {
        name: "strace's text: system calls, not accesses to memory",
        advice: "record the program with `pagebench record -- PROG`; for block requests use \
                 blktrace and blkparse",
        is: |lines| begins(lines, &[b"execve("]),
    },
    Stranger {
        name: "an I/O log of fio",
        advice: "write its requests as columns, for example: awk '$2 == \"read\" || $2 == \"write\" {print $3 \",\" $4 \",\" $2}' FILE \
                 > FILE.csv, and read that with --format csv --header no --col addr=1,size=2,rw=3",
        is: |lines| begins(lines, &[b"fio version 2 "]),
    },
    Stranger {
        name: "an I/O log of fio",
        advice: "write its requests as columns, for example: awk '$3 == \"read\" || $3 == \"write\" {print $4 \",\" $5 \",\" $3}' FILE \
                 > FILE.csv, and read that with --format csv --header no --col addr=1,size=2,rw=3",
        is: |lines| begins(lines, &[b"fio version 3 "]),
    },
    Stranger {
        name: "one line of numbers, some of them 4096 or more: page numbers or byte addresses",
        advice: "--format string reads page numbers, --format string --unit byte reads byte addresses",
        is: |lines| lines.len() == 1 && all(lines, is_numbers),
    },
    Stranger {
        name: "a report of perf, with shares and not events",
        advice: "print the events: perf script -F pid,tid,time,event,addr",
        is: |lines| any(lines, &[b"# Total Lost Samples:", b"# Overhead "]),
    },
];

/// Returns what a file is that no format can read, and what to do; `None` if it is no such file.
pub(super) fn refusal(sample: &Sample<'_>) -> Option<(&'static str, &'static str)> {
    let lines = sample_lines(sample).filter(|line| !trim(line).is_empty());
    let head: Vec<&[u8]> = lines.take(HEAD).collect();
    let stranger = STRANGERS.iter().find(|stranger| (stranger.is)(&head))?;
    Some((stranger.name, stranger.advice))
}

/// Returns true if a line contains one of these texts.
fn any(lines: &[&[u8]], texts: &[&[u8]]) -> bool {
    let has = |line: &&[u8]| texts.iter().any(|text| memmem::find(line, text).is_some());
    lines.iter().any(has)
}

/// Returns true if the first line begins with one of these texts.
fn begins(lines: &[&[u8]], texts: &[&[u8]]) -> bool {
    let first = lines.first().copied().unwrap_or_default();
    texts.iter().any(|text| trim(first).starts_with(text))
}

/// Returns true if there are lines, and all of them are such.
fn all(lines: &[&[u8]], is: fn(&[u8]) -> bool) -> bool {
    !lines.is_empty() && lines.iter().all(|line| is(line))
}

/// Returns true for `16912 62490 30190`.
fn is_numbers(line: &[u8]) -> bool {
    let separates = |b: &u8| is_blank(*b) || *b == b',';
    let words = line.split(separates).filter(|word| !word.is_empty());
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    words.clone().count() >= 2 && words.clone().all(is_number)
}

/// Returns true for `R 0,0,2,1,733,16`.
fn is_coordinates(line: &[u8]) -> bool {
    let mut words = words(line);
    let kind = words.next().is_some_and(|kind| matches!(kind, b"R" | b"W"));
    let place = words.next().unwrap_or_default();
    let numbers = place.split(|&b| b == b',');
    let number = |n: &[u8]| !n.is_empty() && n.iter().all(u8::is_ascii_digit);
    kind && words.next().is_none() && numbers.clone().count() >= 3 && numbers.clone().all(number)
}

/// Returns true for `55f0a000-55f0b000 r--p 00000000 08:02 131 /bin/ls`.
fn is_mapping(line: &[u8]) -> bool {
    let mut words = words(line);
    let range = words.next().unwrap_or_default();
    let mut ends = range.split(|&b| b == b'-');
    let mut is_hex = || {
        let end = ends.next().unwrap_or_default();
        !end.is_empty() && end.iter().all(u8::is_ascii_hexdigit)
    };
    let is_range = is_hex() && is_hex() && ends.next().is_none();
    let protection = words.next().unwrap_or_default();
    is_range && protection.len() == 4 && protection.iter().all(|b| b"rwxps-".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(text: &str) -> Option<&'static str> {
        refusal(&Sample::of(text.as_bytes())).map(|found| found.0)
    }

    #[test]
    fn every_stranger_is_refused_by_name() {
        let cases = [
            (
                "kdamond.0 1123 [000] 7.5: damon:damon_aggregated: target_id=0 nr_regions=2 4096-8192: 0 3\n",
                "DAMON's text",
            ),
            (
                "  kdamond.0-1123 [000] d... 7.5: damon_aggregated: target_id=0 nr_regions=2 4096-8192: 0 3\n",
                "DAMON's text",
            ),
            (
                "base_time_absolute: 8 m 59.809 s\n\nmonitoring_start: 0\n",
                "damo writes it",
            ),
            ("R 0,0,2,1,733,16\nW 0,0,2,1,733,17\n", "DRAM coordinates"),
            ("# callgrind format\nversion: 1\n", "callgrind"),
            (
                "desc: I1 cache: 32768 B, 64 B, 8-way\ncmd: ls\n",
                "cachegrind",
            ),
            (
                "desc: --heap=yes\ncmd: ls\ntime_unit: i\n#---\nsnapshot=0\nmem_heap_B=0\n",
                "massif",
            ),
            (
                "==9== Lackey, an example tool\n==9== Counted 1 call to main()\n",
                "without accesses",
            ),
            (
                "55f0a000-55f0b000 r--p 00000000 08:02 131 /bin/ls\n",
                "mappings",
            ),
            ("16912 62490 30190, 4000\n", "one line of numbers"),
            (
                "execve(\"/bin/ls\", [\"ls\"], 0x7ffd /* 20 vars */) = 0\n",
                "strace",
            ),
            (
                "fio version 2 iolog\n/dev/sda add\n/dev/sda open\n/dev/sda read 0 4096\n",
                "fio",
            ),
            (
                "fio version 3 iolog\n0 /dev/sda add\n1 /dev/sda open\n1 /dev/sda read 0 4096\n",
                "fio",
            ),
            (
                "# To display the header\n# Total Lost Samples: 0\n#\n# Overhead  Command\n",
                "report of perf",
            ),
        ];
        for (text, expected) in cases {
            let name = name_of(text).unwrap_or_else(|| panic!("{text}"));
            assert!(name.contains(expected), "{text}: {name}");
        }
    }

    #[test]
    fn no_trace_is_a_stranger() {
        // A string that is guessed is looked at before the strangers are.
        let is_string = |format: &&super::super::Format| format.name == "string";
        let formats = super::super::TABLE.iter().filter(|format| format.is_text());
        for format in formats.filter(|format| !is_string(format)) {
            assert_eq!(name_of(&format.example()), None, "{}", format.name);
        }
        for text in [
            "",
            "7\n",
            "7 0\n1 2\n",
            "hello world\n",
            "R 0x10\n",
            "R 1,2\n",
        ] {
            assert_eq!(name_of(text), None, "{text}");
        }
    }
}
