//! What settles base and unit, and what asks.

use super::super::testing::decision;
use super::*;

/// The base and the unit that a file of this name is read with; the question as an error.
fn reading(name: &str, text: &str) -> Result<(Option<Base>, Option<Unit>), String> {
    let guess = decision(name, text.as_bytes()).map_err(|e| e.to_string())?;
    Ok((guess.reading.base, guess.reading.unit))
}

#[test]
fn decimal_digits_alone_leave_the_base_open() {
    for text in [
        "4198400 R\n4198404 W\n",
        "l 70000000 1\ns 10000000 1\n",
        "0 4198400\n1 4198404\n2 11\n",
        "401000: R 7000\n401004: W 8000\n",
    ] {
        let message = reading("t", text).unwrap_err();
        for part in ["2 ways", "--base hex", "--base dec", "1 | "] {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn a_digit_a_to_f_or_0x_or_zeros_settle_the_base() {
    for text in [
        "4198400 R\n4198404 W\n419840a R\n",
        "0x4198400 R\n4198404 W\n",
        "04198400 R\n04198404 W\n14198404 W\n",
        "0000000004198400 R\n",
    ] {
        assert_eq!(reading("t", text), Ok((Some(Base::Hex), None)), "{text}");
    }
    // Zeros in front of some numbers of other lengths say nothing.
    assert!(reading("t", "04198400 R\n419840 R\n").is_err());
    assert!(reading("t", "0419840 R\n").is_err());
    // A comment is no number.
    assert!(reading("t", "# abc\n4198400 R\n").is_err());
    // Numbers of one digit are the same in both bases; of 17 digits they are decimal.
    assert_eq!(reading("t", "8 R\n9 W\n"), Ok((None, None)));
}

#[test]
fn an_ending_settles_what_its_format_leaves_open() {
    let din = "2 408\n0 1001994\n4 0\n";
    for name in ["t.din", "t.DIN", "a.b/t.din.gz", "t.din.zst"] {
        assert_eq!(reading(name, din), Ok((None, None)), "{name}");
    }
    for name in ["t.txt", "din", "t.din.txt"] {
        assert!(reading(name, din).is_err(), "{name}");
    }
    let ids = "1\n5000\n";
    assert_eq!(reading("t.trc", ids), Ok((None, None)));
    assert_eq!(reading("t.vpn.xz", ids), Ok((None, None)));
    // The content contradicts the ending.
    let guess = decision("t.din", b" L 0401ab70,4\n").unwrap();
    assert_eq!(guess.reading.format.name, "lackey");
}

#[test]
fn lists_are_ids_if_small_or_with_a_star() {
    let ids = Ok((None, Some(Unit::Page)));
    assert_eq!(reading("t", "7\n0\n4095\n"), ids);
    assert_eq!(reading("t", "*\n4096\n"), ids);
    let message = reading("t", "16912\n62490\n30190\n").unwrap_err();
    for part in ["--unit byte", "--unit page", "page 16912", "(page 0x4)"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(reading("t", "4096\n*\n").is_err());
    let message = reading("t", "0x1000\n0x2000\n").unwrap_err();
    assert!(message.contains("--base hex --unit byte"), "{message}");
    assert!(reading("t", "1\n1f\n").is_err());
}

#[test]
fn a_line_far_longer_than_the_others_is_an_error() {
    let message = reading("t", "16912\n6249030190\n16920\n").unwrap_err();
    assert!(
        message.starts_with("t:2: the number has 10 digits"),
        "{message}"
    );
    assert!(reading("t.trc", "16912\n6249030190\n16920\n").is_err());
    // Numbers that grow are none.
    assert!(reading("t.trc", "1\n2\n1234567890\n1234567891\n").is_ok());
}

#[test]
fn the_file_is_read_on_where_its_beginning_says_nothing() {
    let lines = |number: &str, count: usize| format!("{number}\n").repeat(count);
    let decide = |text: String| {
        let path = Path::new("t");
        let format = super::super::by_name("addr-rw").unwrap();
        let bytes = text.into_bytes();
        let (mut head, mut at) = (bytes[..1000].to_vec(), 1000);
        let mut head = Head {
            bytes: &mut head,
            whole: false,
            more: &mut |into| {
                let some = 777.min(bytes.len() - at);
                into.extend_from_slice(&bytes[at..at + some]);
                at += some;
                Ok(some > 0)
            },
        };
        settle(path, format, &ReadOptions::default(), "", &mut head).unwrap()
    };
    match decide(lines("4198400 R", 500) + "41984a0 R\n") {
        Answer::Settled(reading, why) => {
            assert_eq!(reading.base, Some(Base::Hex));
            assert!(why.contains("line 501 (`41984a0 R`)"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    match decide(lines("4198400 R", 501)) {
        Answer::Open(readings) => assert_eq!(readings.len(), 2),
        other => panic!("{other:?}"),
    }
}
