use super::super::by_name;
use super::super::testing::{
    Slow, accesses, bad_line_cases, error, guess_of, not_skipped, read, skipping, tuples,
};
use super::*;
use crate::trace::format::Base;
use crate::trace::model::access::Kind;

fn options(columns: &[(&str, &str)]) -> ReadOptions {
    let own = |(role, column): &(&str, &str)| (role.to_string(), column.to_string());
    ReadOptions {
        columns: columns.iter().map(own).collect(),
        ..ReadOptions::default()
    }
}

fn read_with(text: &str, options: &ReadOptions) -> (Vec<Access>, Result<u64, TraceError>) {
    let input = Box::new(Slow::new(text.as_bytes(), 1 << 22));
    read(by_name("csv").unwrap(), input, options)
}

fn good(text: &str, options: &ReadOptions) -> Vec<(Kind, u64, u32)> {
    let (got, result) = read_with(text, options);
    result.unwrap_or_else(|e| panic!("{e}"));
    tuples(&got)
}

#[test]
fn a_header_names_columns_in_any_order_and_case() {
    let text = "time,OP, Size ,vaddr,pid\r\n1,Read,4,0x10,7\r\n\r\n# no\r\n2,store,0x2,17,0\r\n3,I,1,18,4294967295";
    let got = accesses("csv", text.as_bytes());
    let expected = [
        (Kind::Read, 16, 4),
        (Kind::Write, 17, 2),
        (Kind::Ifetch, 18, 1),
    ];
    assert_eq!(tuples(&got), expected);
    assert_eq!(
        got.iter().map(|a| a.pid).collect::<Vec<_>>(),
        [7, 0, u32::MAX]
    );
}

#[test]
fn delimiters_are_seen_or_said() {
    let expected = [(Kind::Write, 5, 1)];
    for text in ["op,addr\nw,5\n", "op\taddr\nw\t5\n", "op;addr\nw;5\n"] {
        assert_eq!(good(text, &ReadOptions::default()), expected);
        assert_eq!(guess_of(text.as_bytes()).unwrap(), "csv");
    }
    let bar = ReadOptions {
        delimiter: Some(b'|'),
        ..ReadOptions::default()
    };
    assert_eq!(good("op|addr\nw|5\n", &bar), expected);
}

#[test]
fn quoting_is_that_of_rfc_4180() {
    let text = "note,addr\n\"a,\"\"b\"\"\nc\",\"0x10\"\nd,3\n";
    assert_eq!(
        good(text, &ReadOptions::default()),
        [(Kind::Read, 16, 1), (Kind::Read, 3, 1)]
    );
    let error = error("csv", b"note,addr\nx,1\n\"y\nz,2\n");
    assert_eq!(error.position, Position::Line(3));
    let open = "addr,note\n1,x\n2,\"y\n3,z\n4,z\n";
    let (_, result) = read_with(open, &ReadOptions::default());
    let error = result.unwrap_err();
    assert!(error.what.contains("not closed"), "{error}");
    assert_eq!(error.position, Position::Line(3));
}

#[test]
fn two_stray_quotes_lose_no_line() {
    let text = "addr,note\n0x10,\"5 inch\n0x20,x\n0x30,\"6 inch\n0x40,x\n";
    let error = error("csv", text.as_bytes());
    assert!(
        error.what.contains("text after the closing quote"),
        "{error}"
    );
    assert_eq!(
        (error.position, &*error.text),
        (Position::Line(2), "0x10,5 inch")
    );
    assert_eq!(not_skipped("csv", text.as_bytes()), error.to_string());
    // In one line, or as a character within a field, they do no harm.
    let text = "addr,note\n0x10,\"5\" inch\n0x20,5\" or 6\"\n# \"no\n0x40,x\n";
    let places: Vec<u64> = accesses("csv", text.as_bytes())
        .iter()
        .map(|a| a.addr)
        .collect();
    assert_eq!(places, [0x10, 0x20, 0x40]);
}

#[test]
fn a_byte_order_mark_is_no_data() {
    for text in ["# a comment\naddr,rw\n0x10,r\n", "\"addr\",rw\n0x10,r\n"] {
        let text = format!("\u{feff}{text}");
        let got = accesses("csv", text.as_bytes());
        assert_eq!(tuples(&got), [(Kind::Read, 16, 1)]);
        assert_eq!(guess_of(text.as_bytes()).unwrap(), "csv");
    }
}

/// A word of the letters a to f in the first line may be a name or a number.
#[test]
fn words_of_hexadecimal_letters() {
    let hexadecimal = ReadOptions {
        base: Some(Base::Hex),
        ..options(&[("addr", "1")])
    };
    let places = |text: &str, options: &ReadOptions| {
        let got = good(text, options);
        got.iter().map(|&(_, addr, _)| addr).collect::<Vec<_>>()
    };
    for (text, wanted) in [
        ("ad,rw\n16,r\n32,w\n", &[0x16, 0x32][..]),
        ("ad,w\n16,r\n", &[0xad, 0x16]),
        ("ad,8\n16,4\n", &[0xad, 0x16]),
        ("ad1,x\n16,x\n", &[0xad1, 0x16]),
        ("0xad,x\n16,x\n", &[0xad, 0x16]),
    ] {
        assert_eq!(places(text, &hexadecimal), wanted, "{text}");
    }
    // With decimal numbers it can be a name only.
    assert_eq!(places("face,x\n16,x\n", &options(&[("addr", "1")])), [16]);
    let (_, result) = read_with("add,be\n16,x\n", &hexadecimal);
    let error = result.unwrap_err();
    assert!(
        error.what.contains("may name the columns or be a record"),
        "{error}"
    );
    assert!(error.help.contains("--header yes"), "{error}");
    for (header, wanted) in [(true, &[0x16][..]), (false, &[0xadd, 0x16])] {
        let said = ReadOptions {
            header: Some(header),
            ..hexadecimal.clone()
        };
        assert_eq!(places("add,be\n16,x\n", &said), wanted);
    }
}

#[test]
fn processes_are_numbers_as_sizes_are() {
    let text = "addr,size,pid\n0x10,0x10,0x1f\n0x20,1,31\n";
    let got = accesses("csv", text.as_bytes());
    let fields: Vec<_> = got.iter().map(|a| (a.addr, a.size, a.pid)).collect();
    assert_eq!(fields, [(16, 16, 31), (32, 1, 31)]);
    for pid in ["0x100000000", "1f", "0x", ""] {
        let text = format!("addr,size,pid\n0x10,1,{pid}\n");
        assert!(error("csv", text.as_bytes()).what.contains("up to 32 bits"));
    }
}

#[test]
fn columns_can_be_chosen() {
    let text = "17,0x401ab70,w\n18,0x10,r\n";
    let by_number = options(&[("addr", "2"), ("rw", "3")]);
    let expected = [(Kind::Write, 0x401_ab70, 1), (Kind::Read, 16, 1)];
    assert_eq!(good(text, &by_number), expected);
    // A header line that names nothing known.
    let text = format!("when,where,how\n{text}");
    assert_eq!(good(&text, &by_number), expected);
    assert_eq!(
        good(&text, &options(&[("addr", "where"), ("rw", "HOW")])),
        expected
    );
    // A choice wins over a name.
    let text = "addr,other\n1,2\n";
    assert_eq!(
        good(text, &options(&[("addr", "other")])),
        [(Kind::Read, 2, 1)]
    );
    let headless = ReadOptions {
        header: Some(false),
        ..options(&[("addr", "2")])
    };
    let (got, result) = read_with(text, &headless);
    assert!(got.is_empty());
    assert_eq!(result.unwrap_err().position, Position::Line(1));
}

#[test]
fn wrong_choices_are_said() {
    for (columns, what) in [
        (&[("adr", "1")][..], "no such role"),
        (&[("addr", "0")], "count from 1"),
        (&[("addr", "nowhere")], "no column is named nowhere"),
        (&[("rw", "1")], "no column is an address"),
    ] {
        let (_, result) = read_with("1,2\n", &options(columns));
        let error = result.unwrap_err();
        assert!(error.what.contains(what), "{error}");
        assert!(error.help.contains("--col"));
    }
    let (_, result) = read_with("1\n", &options(&[("addr", "2")]));
    let error = result.unwrap_err();
    assert!(error.what.contains("no column 2"), "{error}");
}

#[test]
fn ids_and_what_they_say_of_the_trace() {
    for (name, kind) in [
        ("page", None),
        ("block", Some(TraceKind::BlockIo)),
        ("id", Some(TraceKind::BlockIo)),
        ("key", Some(TraceKind::BlockIo)),
    ] {
        let text = format!("{name},size\n7,512\n");
        let format = by_name("csv").unwrap();
        let input = Box::new(std::io::Cursor::new(text.clone()));
        let mut reader = (format.open)(input, "t".into(), &ReadOptions::default()).unwrap();
        let mut got = Vec::new();
        assert!(reader.fill(&mut got, usize::MAX).unwrap());
        assert_eq!(tuples(&got), [(Kind::Read, 7, 1)]);
        assert_eq!(
            (reader.known().addressing, reader.known().kind),
            (Addressing::Ids, kind)
        );
        let sized = options(&[("size", "size")]);
        assert_eq!(good(&text, &sized), [(Kind::Read, 7, 512)]);
    }
}

#[test]
fn bases() {
    let hexadecimal = ReadOptions {
        base: Some(Base::Hex),
        ..ReadOptions::default()
    };
    let text = "addr,len\n1f,10\n0x20,1\n";
    assert_eq!(
        good(text, &hexadecimal),
        [(Kind::Read, 31, 10), (Kind::Read, 32, 1)]
    );
    let error = error("csv", text.as_bytes());
    assert!(error.help.contains("--base hex"), "{error}");
    assert_eq!(error.position, Position::Line(2));
}

#[test]
fn what_is_wrong_is_said_with_the_exact_line() {
    for end in ["\n", "\r\n"] {
        for (line, what) in [
            ("x,r,1", "address is not decimal"),
            ("0xg,r,1", "not hexadecimal"),
            (",r,1", "address is missing"),
            ("18446744073709551616,r,1", "address over 64 bits"),
            (
                "1,x,1",
                "use r, read, load, get, w, write, store, set, i, ifetch, fetch, instruction",
            ),
            ("1,1,1", "unknown kind of access"),
            ("1,r,0", "size is 0"),
            ("1,r,16777217", "over 16777216"),
            ("1,r", "no column 3"),
            ("\0,r,1", "binary data"),
        ] {
            let text = format!("addr,rw,size{end}1,r,1{end}{end}#{end}{line}{end}1,r,1{end}");
            let error = error("csv", text.as_bytes());
            assert!(error.what.contains(what), "{line}: {error}");
            assert_eq!(error.position, Position::Line(5), "{line}");
            assert_eq!(skipping("csv", text.as_bytes()).1, 1);
            let unended = text[..text.len() - 5 - 2 * end.len()].to_owned();
            assert_eq!(
                super::super::testing::error("csv", unended.as_bytes()).position,
                Position::Line(5)
            );
        }
    }
    bad_line_cases("csv", "addr", &[]);
    let text = format!("addr\n{}q\n", "1\n".repeat(48_211));
    assert_eq!(
        error("csv", text.as_bytes()).position,
        Position::Line(48_213)
    );
}

#[test]
fn an_open_quote_does_not_fill_the_memory() {
    let text = format!("addr,note\n1,\"{}", "2,y\n".repeat(1 << 20));
    let error = error("csv", text.as_bytes());
    assert!(error.what.contains("longer than 1 MiB"), "{error}");
    assert_eq!(error.position, Position::Line(2));
}

#[test]
fn only_a_telling_header_is_guessed() {
    assert_eq!(guess_of(b"page\n1\n2\n").unwrap(), "csv");
    assert!(guess_of(b"1,2,r\n3,4,w\n").is_err());
    assert!(guess_of(b"time,where\n1,2\n").is_err());
    assert!(guess_of(b"addr,op\n1\n2\n3\n").is_err());
}
