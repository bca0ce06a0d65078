//! Tests of guessing that walk the table: the sample of every format before every recogniser, cut in
//! every place, with other line ends, blank lines, comments and foreign lines in it, and mutated. A
//! text format has its sample in `src/tests/data/formats`, a binary one in `tests::examples`.

use super::guess::{decide, fits};
use super::options::{Base, Open};
use super::settle::Head;
use super::testing::{Random, Slow, decision, read};
use super::tests::examples;
use super::*;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// The fewest lines of a sample.
const LINES_MIN: usize = 30;

/// Mutations of each sample.
const MUTATIONS: usize = 10_000;

/// Lines of a sample that are mutated: the head of a file.
const HEAD: usize = 12;

/// A sample of every format that is guessed.
fn samples() -> Vec<(&'static Format, Vec<u8>)> {
    let sample = |(format, example): (&'static Format, Vec<u8>)| {
        if !format.is_text() {
            return (format, example);
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/data/formats");
        let file = format!("{folder}/{}.txt", format.name);
        let text = fs::read(&file).unwrap_or_else(|e| panic!("{file}: {e}: write a sample"));
        (format, text)
    };
    let guessed = |(format, bytes): &(&'static Format, Vec<u8>)| {
        format.is_text()
            || fits(&Sample::of(bytes))
                .iter()
                .any(|(other, fit)| other.name == format.name && *fit != Fit::No)
    };
    examples().into_iter().filter(guessed).map(sample).collect()
}

/// The samples of text formats.
pub(super) fn texts() -> Vec<(&'static Format, String)> {
    let text = |(format, bytes)| (format, String::from_utf8(bytes).expect("text"));
    let texts = samples().into_iter().filter(|(format, _)| format.is_text());
    texts.map(text).collect()
}

/// The formats that accept all of a sample.
fn accepting(bytes: &[u8]) -> Vec<&'static Format> {
    let all = |(format, fit)| match fit {
        Fit::Certain => Some(format),
        Fit::Share { good, of } if good == of => Some(format),
        Fit::Share { .. } | Fit::No => None,
    };
    fits(&Sample::of(bytes))
        .into_iter()
        .filter_map(all)
        .collect()
}

/// The accesses of a file that is read as guessed: its name, then all up to an error.
fn read_as_guessed(bytes: &[u8]) -> Option<(&'static str, Vec<Access>, bool)> {
    let reading = decision("t", bytes).ok()?.reading;
    let options = reading.options(&ReadOptions::default());
    let (accesses, result) = read(
        reading.format,
        Box::new(Cursor::new(bytes.to_vec())),
        &options,
    );
    Some((reading.format.name, accesses, result.is_ok()))
}

#[test]
fn every_text_format_has_a_sample_that_is_read_without_error() {
    for (format, text) in texts() {
        assert!(text.lines().count() >= LINES_MIN, "{}", format.name);
        let (name, accesses, good) = read_as_guessed(text.as_bytes()).unwrap_or_else(|| {
            panic!(
                "{}: {}",
                format.name,
                decision("t", text.as_bytes()).unwrap_err()
            )
        });
        assert!(
            good && name == format.name && accesses.len() >= 20,
            "{name}"
        );
    }
}

#[test]
fn no_recogniser_claims_the_sample_of_another_format() {
    for (format, bytes) in samples() {
        for (other, fit) in fits(&Sample::of(&bytes)) {
            let claims = match fit {
                Fit::No => false,
                Fit::Certain => true,
                // Even a few lines of a binary file may look like a record.
                Fit::Share { good, of } if format.is_text() => good * 2 > of,
                Fit::Share { good, of } => good == of,
            };
            let (name, other) = (format.name, other.name);
            assert_eq!(claims, name == other, "{name} as {other}: {fit:?}");
        }
    }
}

#[test]
fn a_sample_cut_anywhere_is_its_own_format_or_asked_about() {
    for (format, text) in texts() {
        let bytes = text.as_bytes();
        let (_, all, _) = read_as_guessed(bytes).expect("a sample");
        for end in 0..bytes.len() {
            let Some((name, accesses, _)) = read_as_guessed(&bytes[..end]) else {
                continue;
            };
            // One line, or the beginning of one, may be of another format.
            let whole = text[..end].matches('\n').count();
            let data = text
                .lines()
                .take(whole)
                .filter(|line| !line.starts_with('#'));
            if data.count() < 2 && name != format.name {
                continue;
            }
            assert_eq!(name, format.name, "cut at {end}");
            // The last line is cut, and may be another number.
            let sure = accesses.len().saturating_sub(1);
            assert_eq!(accesses[..sure], all[..sure], "{name} cut at {end}");
        }
    }
}

#[test]
fn line_ends_blank_lines_and_comments_change_nothing() {
    for (format, text) in texts() {
        let expected = read_as_guessed(text.as_bytes());
        let crlf = text.replace('\n', "\r\n");
        let (first, rest) = text.split_once('\n').expect("lines");
        let blank = format!("{first}\n\n  \n{}\n\n", rest.replace('\n', "\n\n"));
        let comments = format!("{first}\n# a note of 4 words\n{rest}# ab 12\n");
        for (what, variant) in [("CRLF", crlf), ("blank", blank), ("comments", comments)] {
            let read = read_as_guessed(variant.as_bytes());
            assert_eq!(read, expected, "{}, {what}", format.name);
        }
    }
}

/// Three lines of another format in the middle: an error, unless they are lines of this format, too,
/// and mean the same in both.
#[test]
fn lines_of_another_format_are_never_read_along() {
    let all = texts();
    for (format, text) in &all {
        for (other, foreign) in all.iter().filter(|(other, _)| other.name != format.name) {
            let data = |line: &&str| !line.starts_with(['#', '=']) && !line.trim().is_empty();
            let lines: Vec<&str> = foreign.lines().filter(data).skip(8).take(3).collect();
            let foreign = lines.join("\n") + "\n";
            let own: Vec<&str> = text.lines().collect();
            let (before, after) = own.split_at(own.len() / 2);
            let mixed = format!("{}\n{foreign}{}\n", before.join("\n"), after.join("\n"));
            let Some((name, accesses, good)) = read_as_guessed(mixed.as_bytes()) else {
                continue;
            };
            if good && name == other.name {
                // The other format has all lines of this one, and they mean the same.
                let theirs = drained(other, foreign.as_bytes());
                let (first, second) = (before.join("\n"), after.join("\n"));
                let [first, second] = [first, second].map(|part| drained(format, part.as_bytes()));
                assert_eq!(accesses, [first, theirs, second].concat(), "{name}");
                continue;
            }
            assert_eq!(name, format.name, "with lines of {}", other.name);
            if !good {
                continue;
            }
            // What was read along must be lines that this format also has, alone and as strictly.
            let alone = format!("{}\n{foreign}", before.join("\n"));
            let fit = fits(&Sample::of(alone.as_bytes()));
            let fit = fit
                .into_iter()
                .find(|(one, _)| one.name == name)
                .expect("it is there")
                .1;
            let fits = matches!(fit, Fit::Share { good, of } if good == of) || fit == Fit::Certain;
            let (_, own, _) = read_as_guessed(text.as_bytes()).expect("a sample");
            assert!(
                fits || accesses == own,
                "{name} with lines of {}: {foreign}",
                other.name
            );
            if accesses.len() > own.len() {
                let theirs = drained(other, foreign.as_bytes());
                let along = accesses.windows(theirs.len()).any(|some| some == theirs);
                assert!(
                    along,
                    "{name} reads lines of {} along, and differently: {foreign}",
                    other.name
                );
            }
        }
    }
}

/// The accesses of a file that is read in this format.
fn drained(format: &'static Format, bytes: &[u8]) -> Vec<Access> {
    let input = Box::new(Cursor::new(bytes.to_vec()));
    read(format, input, &ReadOptions::default()).0
}

/// Changes a text as files are damaged, or as two formats are alike.
pub(super) fn mutated(text: &str, random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.lines().take(HEAD).map(Vec::from).collect();
    for _ in 0..1 + random.below(4) {
        let at = random.below(lines.len());
        let line = &mut lines[at];
        let place = random.below(line.len().max(1));
        match random.below(9) {
            0 if !line.is_empty() => {
                line[place] = b"0123456789abcdefx ,:\tRWILS#*"[random.below(28)]
            }
            1 if !line.is_empty() => drop(line.remove(place)),
            2 => line.insert(place, b" \t,0x1a*#"[random.below(9)]),
            3 => line.truncate(place),
            4 => line.extend_from_slice(b" 12"),
            5 => drop(lines.remove(at)),
            6 => lines.insert(at, b"17".to_vec()),
            // A column less on every line.
            7 => lines.iter_mut().for_each(|line| {
                let end = line
                    .iter()
                    .rposition(|b| b" ,\t".contains(b))
                    .unwrap_or(line.len());
                line.truncate(end);
            }),
            // Letters become digits on every line.
            _ => lines.iter_mut().flatten().for_each(|b| {
                if b.is_ascii_lowercase() && *b <= b'f' {
                    *b = b'0' + (*b - b'a');
                }
            }),
        }
        if lines.is_empty() {
            lines.push(Vec::new());
        }
    }
    lines.join(&b'\n')
}

#[test]
fn mutations_are_never_taken_for_two_formats_without_asking() {
    for (at, (format, text)) in texts().into_iter().enumerate() {
        let mut random = Random(0x2545_f491_4f6c_dd1d + at as u64);
        for _ in 0..MUTATIONS {
            let bytes = mutated(&text, &mut random);
            let Ok(guess) = decision("t", &bytes) else {
                continue;
            };
            let shown = || format!("from {}: {}", format.name, bytes.escape_ascii());
            let accepting = accepting(&bytes);
            assert!(accepting.len() <= 1, "{accepting:?} {}", shown());
            let reading = guess.reading;
            let other = accepting
                .first()
                .filter(|one| one.name != reading.format.name);
            assert!(
                other.is_none(),
                "{other:?}, not {:?} {}",
                reading.format,
                shown()
            );
            // Independent of the program: what leaves the base open must have settled it.
            let numbers = reading.format.numbers;
            if matches!(numbers.open, Open::Base(_)) && reading.base != Some(Base::Dec) {
                let text = String::from_utf8_lossy(&bytes);
                assert!(tells_base(&text), "{}", shown());
            }
        }
    }
}

/// Returns true if a number of a text says that it is hexadecimal, or all have one digit. A word is a
/// number if all of it are digits of base 16; it may be longer than it should be.
fn tells_base(text: &str) -> bool {
    let words = || text.split(|c: char| c.is_whitespace() || c == ':');
    let has_letter = |word: &str| {
        let digits = word.trim_start_matches("0x").trim_start_matches("0X");
        digits.len() < word.len()
            || digits
                .chars()
                .any(|c| c.is_ascii_hexdigit() && !c.is_ascii_digit())
    };
    let padded = |word: &str| word.starts_with('0') && matches!(word.len(), 8 | 16);
    let long = words().filter(|word| word.chars().all(|c| c.is_ascii_digit()) && word.len() > 1);
    words().any(has_letter) || words().any(padded) || long.count() == 0
}

#[test]
fn mutations_of_binary_samples_are_taken_for_one_format_at_most() {
    let mut random = Random(77);
    for (_, bytes) in samples()
        .into_iter()
        .filter(|(format, _)| !format.is_text())
    {
        for _ in 0..MUTATIONS / 10 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random.below(4) {
                let at = random.below(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.next() as u8,
                    1 => bytes[at] ^= 1 << random.below(8),
                    _ => bytes.truncate(at + 1),
                }
            }
            if let Ok(guess) = decision("t", &bytes) {
                let name = guess.reading.format.name;
                let certain =
                    |(one, fit): &(&Format, Fit)| one.name == name && *fit == Fit::Certain;
                if fits(&Sample::of(&bytes)).iter().any(certain) {
                    // A magic number, whatever the rest looks like.
                    continue;
                }
                assert!(
                    accepting(&bytes).iter().all(|one| one.name == name),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_question_shows_values_and_pages_of_each_reading() {
    let text = b"4198400 R\n4198404 W\n";
    let mut head = Head {
        bytes: &mut text.to_vec(),
        whole: true,
        more: &mut |_| Ok(false),
    };
    let sample = Sample::of(text);
    let error = decide(Path::new("a b/it's.rw"), &sample, &mut head).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(r"pagebench run 'a b/it'\''s.rw' --format addr-rw --base hex"),
        "{text}"
    );
    assert!(
        text.contains("R 0x4198400 (page 0x4198), W 0x4198404 (page 0x4198)"),
        "{text}"
    );
    assert!(
        text.contains("R 4198400 (page 0x401), W 4198404 (page 0x401)"),
        "{text}"
    );
}

#[test]
fn base_and_unit_hold_in_every_text_format() {
    // Text keys have neither.
    let numbered = texts().into_iter();
    for (format, text) in numbered.filter(|(format, _)| format.numbers.base.is_some()) {
        let read_with = |options: &ReadOptions| {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), &text).unwrap();
            let input = crate::trace::codec::open(file.path()).unwrap();
            let mut opened = open_input(file.path(), input, Some(format), options)?;
            let (accesses, result) = super::testing::drain(&mut *opened.reader);
            result.map(|_| (accesses, opened.reader.known().addressing))
        };
        let (plain, _) = read_with(&ReadOptions::default()).unwrap();
        let with = |unit| {
            read_with(&ReadOptions {
                unit: Some(unit),
                ..ReadOptions::default()
            })
        };
        let own = match format.numbers.unit {
            Some(Unit::Sector) => 512,
            _ => 1,
        };
        let name = format.name;
        let has_events = name == "plain";
        for unit in [
            Unit::Byte,
            Unit::Page,
            Unit::Sector,
            Unit::Bytes(64.try_into().unwrap()),
        ] {
            let result = with(unit);
            if has_events && unit != Unit::Byte {
                let message = result.unwrap_err().to_string();
                assert!(message.contains("byte addresses"), "{message}");
                continue;
            }
            let (accesses, addressing) = result.unwrap();
            assert_eq!(accesses.len(), plain.len(), "{name} --unit {unit}");
            let ids = unit == Unit::Page;
            assert_eq!(addressing == Addressing::Ids, ids, "{name} --unit {unit}");
            let times = unit.bytes().unwrap_or(1);
            for (scaled, plain) in accesses.iter().zip(&plain) {
                assert_eq!(
                    scaled.addr,
                    plain.addr / own * times,
                    "{name} --unit {unit}"
                );
            }
        }
        // Digits 0 to 9 alone, read in both bases.
        let based = |base| {
            let options = ReadOptions {
                base: Some(base),
                ..ReadOptions::default()
            };
            let input = Box::new(Slow::new(format.example().as_bytes(), 1 << 16));
            read(format, input, &options)
        };
        let own = format.numbers.base.expect("a text format");
        let usual = read(
            format,
            Box::new(Slow::new(format.example().as_bytes(), 1 << 16)),
            &ReadOptions::default(),
        );
        assert_eq!(based(own).0, usual.0, "{name}");
    }
}
