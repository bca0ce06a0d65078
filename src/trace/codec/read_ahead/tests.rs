//! Reading ahead gives what reading in place gives: bytes, accesses, errors and their places.

use super::*;
use crate::trace::format::{self, ReadOptions};
use crate::trace::model::error::Position;
use std::io::{Cursor, ErrorKind};
use std::path::PathBuf;

/// Hands out its bytes in pieces of odd sizes, with interruptions, and then an error or the end.
struct Rough {
    bytes: Cursor<Vec<u8>>,
    turn: usize,
    fault: Option<&'static str>,
}

impl Read for Rough {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(ErrorKind::Interrupted.into());
        }
        let most = into.len().min(1 + self.turn * 7919 % 300_000);
        match (self.bytes.read(&mut into[..most])?, self.fault) {
            (0, Some(what)) => Err(io::Error::new(ErrorKind::InvalidData, what)),
            (n, _) => Ok(n),
        }
    }
}

fn rough(bytes: Vec<u8>, fault: Option<&'static str>) -> BytesAhead {
    BytesAhead::new(Box::new(Rough {
        bytes: Cursor::new(bytes),
        turn: 0,
        fault,
    }))
}

#[test]
fn bytes_are_those_of_the_stream_and_faults_stay() {
    for length in [0, 1, 255_000, 5_000_000] {
        let bytes: Vec<u8> = (0..length as u32).map(|i| ((i * 31) >> 3) as u8).collect();
        for fault in [None, Some("torn")] {
            let mut ahead = rough(bytes.clone(), fault);
            let mut got = Vec::new();
            let result = ahead.read_to_end(&mut got);
            assert!(got == bytes);
            assert_eq!(result.is_err(), fault.is_some());
            for _ in 0..2 {
                match (ahead.fill_buf(), fault) {
                    (Ok(rest), None) => assert!(rest.is_empty()),
                    (Err(error), Some(what)) => {
                        assert_eq!(error.kind(), ErrorKind::InvalidData);
                        assert_eq!(error.to_string(), what);
                    }
                    (got, _) => panic!("{got:?}"),
                }
            }
        }
    }
}

#[test]
fn a_reader_that_is_dropped_early_ends_its_thread() {
    let mut ahead = rough(vec![7; 20_000_000], None);
    let mut some = vec![0; 3_000_000];
    ahead.read_exact(&mut some).unwrap();
    assert!(some.iter().all(|&b| b == 7));
}

/// Lines of lackey's, of which those in `bad` are none.
fn text(lines: usize, bad: &[usize]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in 1..=lines {
        if bad.contains(&line) {
            text.extend_from_slice(b" L 0401ab7x,4\n");
        } else {
            let kind = ["I ", " L", " S"][line % 3];
            text.extend(format!("{kind} {:08x},{}\n", line * 1237, 1 + line % 16).bytes());
        }
    }
    text
}

/// What is taken of a text, at most so many accesses, and how it ends.
fn taken(
    text: &[u8],
    skip_bad: bool,
    ahead: bool,
    most: usize,
) -> (Vec<Access>, Result<Known, String>) {
    let options = ReadOptions {
        skip_bad,
        ..ReadOptions::default()
    };
    let input = Box::new(rough(text.to_vec(), None));
    let format = format::by_name("lackey").unwrap();
    let mut reader = (format.open)(input, PathBuf::from("t"), &options).unwrap();
    let mut all = Vec::new();
    // Any limit keeps it from reading ahead.
    let some = Wanted::Accesses(match ahead {
        true => u64::MAX,
        false => u64::MAX - 1,
    });
    let known = batches(&mut *reader, some, &mut |batch| {
        all.extend(batch.packed.iter().map(|&word| Access::unpacked(word)));
        all.append(&mut batch.accesses);
        Ok(match all.len() < most {
            true => some,
            false => Wanted::Nothing,
        })
    });
    (all, known.map_err(|error| error.to_string()))
}

#[test]
fn accesses_are_the_same_with_and_without_a_thread() {
    let all = usize::MAX;
    for lines in [0, 10, 4096, 16_384, 200_000] {
        let text = text(lines, &[]);
        let (accesses, known) = taken(&text, false, false, all);
        assert_eq!(accesses.len(), lines);
        assert!((accesses, known) == taken(&text, false, true, all));
    }
    let text = text(200_000, &[3, 20_000, 20_001, 199_999]);
    let (accesses, known) = taken(&text, true, false, all);
    assert_eq!(known.as_ref().unwrap().skipped, 4);
    assert!((accesses, known) == taken(&text, true, true, all));
}

#[test]
fn errors_are_the_same_with_and_without_a_thread() {
    for bad in [1, 5000, 16_385, 150_000, 200_000] {
        let text = text(200_000, &[bad]);
        let (accesses, error) = taken(&text, false, false, usize::MAX);
        let (ahead, ahead_error) = taken(&text, false, true, usize::MAX);
        assert_eq!(error, ahead_error);
        assert!(error.unwrap_err().contains(&format!("t:{bad}: ")));
        assert!(accesses.starts_with(&ahead));
    }
}

#[test]
fn who_wants_no_more_is_asked_no_more() {
    let text = text(300_000, &[299_999]);
    for most in [1, 20_000, 100_000] {
        let (accesses, known) = taken(&text, false, true, most);
        assert!(accesses.len() >= most && known.is_ok());
    }
    // An error of the taker ends it, too.
    let format = format::by_name("lackey").unwrap();
    let input = Box::new(Cursor::new(text));
    let mut reader = (format.open)(input, PathBuf::from("t"), &ReadOptions::default()).unwrap();
    let mut count = 0;
    let all = Wanted::Accesses(u64::MAX);
    let error = batches(&mut *reader, all, &mut |batch| {
        count += batch.len();
        match count > 90_000 {
            true => Err(TraceError::new("t".as_ref(), "enough")),
            false => Ok(all),
        }
    });
    let error = error.unwrap_err();
    assert_eq!((&*error.what, error.position), ("enough", Position::Whole));
}

/// What `fill` gives to the end, or to an error.
fn filled(text: &[u8], skip_bad: bool) -> (Vec<Access>, Result<u64, String>) {
    let options = ReadOptions {
        skip_bad,
        ..ReadOptions::default()
    };
    let input = Box::new(rough(text.to_vec(), None));
    let format = format::by_name("lackey").unwrap();
    let mut reader = (format.open)(input, PathBuf::from("t"), &options).unwrap();
    let mut all = Vec::new();
    loop {
        match reader.fill(&mut all, usize::MAX) {
            Ok(true) => {}
            Ok(false) => return (all, Ok(reader.known().skipped)),
            Err(error) => return (all, Err(error.to_string())),
        }
    }
}

#[test]
fn packed_accesses_are_what_fill_gives() {
    let odd = [
        "==7== text",
        " L 0401ab70,4096",
        " S ffffffffffffff00,8",
        "",
        "L 10,4",
        " M 1fff000123456,8",
        "?",
    ];
    for (every, kinds) in [(1, 6), (3, 7), (700, 7), (9000, 6), (70_000, 7)] {
        let mut text = Vec::new();
        for line in 0..120_000usize {
            text.extend(format!(" S {:08x},{}\n", line * 7919, 1 + line % 99).bytes());
            if line % every == every - 1 {
                text.extend(odd[line / every % kinds].bytes());
                text.push(b'\n');
            }
        }
        for skip_bad in [false, true] {
            let (accesses, end) = filled(&text, skip_bad);
            for ahead in [false, true] {
                let (got, known) = taken(&text, skip_bad, ahead, usize::MAX);
                assert_eq!(known.map(|known| known.skipped), end);
                // Ahead of an error not everything is handed on.
                assert!(accesses.starts_with(&got));
                assert!(got.len() == accesses.len() || end.is_err());
            }
        }
    }
}
