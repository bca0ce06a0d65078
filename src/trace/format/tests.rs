//! Tests that walk the table: what holds for every format, guessing, opening files, and that no
//! bytes make any reader panic.

use super::guess::fits;
use super::open::Opened;
use super::testing::{Random, Slow, drain, guess_of, read, read_slowly};
use super::*;
use crate::trace::codec;
use crate::trace::model::error::Position;
use std::io::Write as _;
use std::path::Path;

fn open(
    path: &Path,
    format: Option<&'static Format>,
    options: &ReadOptions,
) -> Result<Opened, TraceError> {
    open_input(path, codec::open(path)?, format, options)
}

fn sample(bytes: &[u8]) -> Sample<'_> {
    Sample::of(bytes)
}

fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn records(n: u32) -> Vec<u8> {
    let record = |i: u32| {
        let mut bytes = [0xff; 24];
        bytes[..4].copy_from_slice(&i.to_le_bytes());
        bytes[4..16].copy_from_slice(&[i as u8, 2, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        bytes
    };
    (0..n).flat_map(record).collect()
}

/// A good input of every format.
pub(super) fn examples() -> Vec<(&'static Format, Vec<u8>)> {
    let requests = [(0x28, 4096, 8), (0x2a, 512, 17)];
    let input = |format: &'static Format| match format.name {
        "champsim" => champsim::tests::champsim(20),
        "cloudsuite" => champsim::tests::cloudsuite(20),
        "drmemtrace" => drmemtrace::tests::trace(true),
        "oracleGeneral" => records(40),
        "vscsi" => vscsi::tests::trace(2, &requests),
        name if name.starts_with("raw:") => (0..40u64).flat_map(u64::to_be_bytes).collect(),
        "lcs" => lcs::tests::trace(2, 1024, &[(7, 1), (8, 3)]),
        _ => format.example().into_bytes(),
    };
    let with_input = |format| (format, input(format));
    TABLE.iter().map(with_input).collect()
}

/// Whether content can show the format; others are read by `--format` only.
fn is_guessed(format: &Format) -> bool {
    format.name != "cloudsuite" && !format.name.starts_with("raw:")
}

/// Those that are guessed.
fn guessed() -> impl Iterator<Item = (&'static Format, Vec<u8>)> {
    examples()
        .into_iter()
        .filter(|(format, _)| is_guessed(format))
}

/// The samples of binary formats are files, too, so that tests outside this crate have them.
/// `PAGEBENCH_UPDATE=1` writes them.
#[test]
fn samples_of_binary_formats_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/data/campaign/formats");
    if !folder.exists() {
        // A published package has no data of the campaign.
        return;
    }
    for (format, bytes) in examples() {
        if format.is_text() {
            continue;
        }
        let file = folder.join(format!("{}.bin", format.name.replace(':', "-")));
        if std::env::var_os("PAGEBENCH_UPDATE").is_some_and(|value| value == "1") {
            std::fs::write(&file, &bytes).unwrap();
        }
        assert!(
            std::fs::read(&file).is_ok_and(|kept| kept == bytes),
            "{}: PAGEBENCH_UPDATE=1 writes it anew",
            file.display()
        );
    }
}

#[test]
fn names_are_unique_and_every_entry_is_described() {
    for (i, format) in TABLE.iter().enumerate() {
        assert!(TABLE[..i].iter().all(|f| f.name != format.name));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_raw = |name: &str| name.starts_with("raw:");
        let is_odd = format.name == "oracleGeneral" || is_raw(format.name);
        assert!(is_odd || format.name.chars().all(plain));
        assert!(!format.about.is_empty() && !format.about.contains('\n'));
        assert!(format.layout.lines().count() >= 3);
        assert!(
            format.layout.lines().all(|l| l.len() <= 100),
            "{}",
            format.name
        );
        assert_eq!(
            by_name(&format.name.to_uppercase()).unwrap().name,
            format.name
        );
    }
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let message = |name| by_name(name).unwrap_err();
    assert_eq!(
        message("lakey"),
        "unknown format \"lakey\"; did you mean \"lackey\"? (see: pagebench formats)"
    );
    assert!(message("oraclegen").contains("oracleGeneral"));
    assert!(message("page_ref").contains("page-ref"));
    assert!(!message("zzz").contains("did you mean"));
}

#[test]
fn every_example_is_of_its_format_and_no_other() {
    for (format, bytes) in guessed() {
        for (other, fit) in fits(&sample(&bytes)) {
            let fits = match fit {
                Fit::No => false,
                Fit::Certain => true,
                Fit::Share { good, of } => good == of,
            };
            assert_eq!(
                fits,
                other.name == format.name,
                "{} as {}",
                format.name,
                other.name
            );
        }
        assert_eq!(guess_of(&bytes).unwrap(), format.name);
        let (accesses, result) = read_slowly(format, &bytes, 7);
        assert_eq!(result.unwrap(), 0);
        assert!(accesses.len() >= 2);
    }
}

#[test]
fn line_ends_do_not_matter() {
    for (format, bytes) in guessed().filter(|(format, _)| format.is_text()) {
        let Ok(text) = std::str::from_utf8(&bytes) else {
            continue;
        };
        let expected = read_slowly(format, &bytes, 1000).0;
        let crlf = text.replace('\n', "\r\n");
        for variant in [text.trim_end(), crlf.as_str(), crlf.trim_end()] {
            assert_eq!(guess_of(variant.as_bytes()).unwrap(), format.name);
            assert_eq!(read_slowly(format, variant.as_bytes(), 1000).0, expected);
        }
    }
}

#[test]
fn a_few_bad_lines_do_not_hide_a_format() {
    let text = format!("{}x\n", "I 4000000\n".repeat(9));
    assert_eq!(guess_of(text.as_bytes()).unwrap(), "page-ref");
    let text = format!("{}x\nx\nx\n", "I 4000000\n".repeat(9));
    let error = guess_of(text.as_bytes()).unwrap_err();
    assert!(
        error.what.contains("not a trace of a known format"),
        "{error}"
    );
    assert!(
        error
            .help
            .contains("nearest is page-ref (9 of the first 12 lines)")
    );
}

#[test]
fn what_is_no_trace_is_shown() {
    let error = guess_of(b"\n\nhello world\n").unwrap_err();
    assert_eq!(error.position, Position::Line(3));
    assert_eq!(error.text, "hello world");
    assert!(guess_of(b"").is_err());
    assert!(guess_of(b"\n  \n").is_err());
    assert!(guess_of(b"==1== only\n==1== valgrind's text\n").is_err());
    assert!(
        guess_of(&[0; 4096]).is_ok_and(|f| f == "oracleGeneral") || guess_of(&[0; 4096]).is_err()
    );
    assert!(guess_of(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0]).is_err());
}

#[test]
fn files_are_opened_with_and_without_a_format() {
    for (format, bytes) in examples() {
        let expected = read_slowly(format, &bytes, 1000).0;
        let packed = zstd::encode_all(&bytes[..], 3).unwrap();
        for (bytes, codec) in [(&bytes, "none"), (&packed, "zstd")] {
            let file = file_of(bytes);
            let unasked = is_guessed(format).then_some(None);
            for given in unasked.into_iter().chain([Some(format)]) {
                let mut opened = open(file.path(), given, &ReadOptions::default()).unwrap();
                assert_eq!(opened.format.name, format.name);
                assert_eq!((opened.codec, opened.guessed), (codec, given.is_none()));
                assert_eq!(drain(&mut *opened.reader).0, expected);
            }
        }
    }
}

#[test]
fn an_opened_file_says_how_it_was_read() {
    let mut text = " L 0401ab70,4\n".repeat(48_212);
    text.push_str(" L 0401ab7x,4\n");
    let file = file_of(&zstd::encode_all(text.as_bytes(), 3).unwrap());
    let mut opened = open(file.path(), None, &ReadOptions::default()).unwrap();
    let (accesses, result) = drain(&mut *opened.reader);
    assert_eq!(accesses.len(), 48_212);
    let error = result.unwrap_err();
    assert_eq!(error.position, Position::Line(48_213));
    assert!(
        error.help.contains("guessed") && error.help.contains("decompressed"),
        "{error}"
    );
    assert!(!error.is_io());
}

#[test]
fn a_cut_stream_is_a_bad_trace_at_a_line() {
    let mut text = Vec::new();
    let mut random = Random(3);
    for _ in 0..100_000 {
        writeln!(text, " L {:08x},4", random.next() >> 36).unwrap();
    }
    let packed = zstd::encode_all(&text[..], 1).unwrap();
    let file = file_of(&packed[..packed.len() / 2]);
    let mut opened = open(file.path(), None, &ReadOptions::default()).unwrap();
    let (accesses, result) = drain(&mut *opened.reader);
    let error = result.unwrap_err();
    assert!(
        error.what.contains("zstd stream is cut short after"),
        "{error}"
    );
    assert_eq!(error.position, Position::Line(accesses.len() as u64 + 1));
    assert!(!error.is_io());
}

#[test]
fn an_empty_file_is_an_error() {
    let file = file_of(b"");
    for format in [None, by_name("lirs").ok()] {
        let error = open(file.path(), format, &ReadOptions::default())
            .err()
            .unwrap();
        assert_eq!(&*error.what, "the file is empty");
        assert!(!error.is_io());
    }
}

/// Changed, cut and repeated bytes of good inputs through every format, with and without
/// `--skip-bad`: any result but a panic, and the same one however the input is cut into buffers.
#[test]
fn no_bytes_make_a_reader_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let all: Vec<(&Format, Vec<u8>)> = examples()
        .into_iter()
        .map(|(format, bytes)| (format, bytes.repeat(3)))
        .collect();
    for round in 0..6_000 {
        let mut bytes = all[random.below(all.len())].1.clone();
        for _ in 0..random.below(8) {
            let at = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => bytes.truncate(at + 1),
                3 => bytes.insert(at, b" \n,\"#0x*\t\0f9"[random.below(12)]),
                _ => bytes.extend_from_within(at..),
            }
        }
        let _ = guess_of(&bytes);
        let options = ReadOptions {
            skip_bad: round % 2 == 0,
            base: [None, Some(Base::Hex), Some(Base::Dec)][random.below(3)],
            ..ReadOptions::default()
        };
        for format in TABLE {
            let step = 1 + random.below(40);
            let whole = read(format, Box::new(Slow::new(&bytes, 1 << 20)), &options);
            let parts = read(format, Box::new(Slow::new(&bytes, step)), &options);
            assert_eq!(whole.0, parts.0, "{}", format.name);
            assert_eq!(
                whole.1.map_err(|e| e.to_string()),
                parts.1.map_err(|e| e.to_string()),
            );
        }
    }
}
