//! Small files in layouts that people have, and what csv says of files that it cannot read.

use super::super::testing::{error, guess_of, read, tuples};
use super::super::{ReadOptions, Unit, by_name};
use super::*;
use crate::trace::model::access::Kind;

const RW_COLUMN: &str = "PC,VAddr,R/W\n0x400,0x1000,W\n0x404,0x2000,R\n0x408,0x1000,W\n";
const CODES: &str = "version,time,op,size,lbn\n1,10,2a,512,700\n1,11,28,512,701\n1,12,2a,512,700\n";
const STRING_KEYS: &str =
    "0,ab:c:k1xZ,22,304,4,get,0\n0,ab:c:k2yQ,20,161,10,get,0\n1,ab:c:k1xZ,22,304,4,set,0\n";
const PIDS: &str = "1\t49152\tW\n1\t49664\tR\n2\t49152\tW\n4\t512\tR\n1\t49152\tR\n3\t1024\tW\n";

/// Options of columns, each `role=column`.
fn columns(columns: &str) -> ReadOptions {
    let own = |part: &str| {
        let (role, column) = part.split_once('=').unwrap();
        (role.to_owned(), column.to_owned())
    };
    ReadOptions {
        columns: columns.split_whitespace().map(own).collect(),
        ..ReadOptions::default()
    }
}

fn result(text: &str, options: &ReadOptions) -> Result<Vec<Access>, TraceError> {
    let input = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
    let (got, result) = read(by_name("csv").unwrap(), input, options);
    result.map(|_| got)
}

fn good(text: &str, options: &ReadOptions) -> Vec<(Kind, u64, u32)> {
    let got = result(text, options);
    tuples(&got.unwrap_or_else(|e| panic!("{e}\n{text}")))
}

/// The report in words, once the file was read.
fn said(text: &str, options: &ReadOptions) -> String {
    let input = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
    let format = by_name("csv").unwrap();
    let mut reader = (format.open)(input, "t".into(), options).unwrap();
    super::super::testing::drain(&mut *reader).1.unwrap();
    reader.report().parts().join("; ")
}

#[test]
fn a_column_named_r_w_is_the_kind() {
    let expected = [
        (Kind::Write, 0x1000, 1),
        (Kind::Read, 0x2000, 1),
        (Kind::Write, 0x1000, 1),
    ];
    assert_eq!(good(RW_COLUMN, &ReadOptions::default()), expected);
    assert_eq!(guess_of(RW_COLUMN.as_bytes()).unwrap(), "csv");
    assert_eq!(
        said(RW_COLUMN, &ReadOptions::default()),
        "columns by \",\"; with a header line; reads addr=VAddr rw=R/W; ignores PC"
    );
}

#[test]
fn codes_can_be_left_out_or_explained() {
    let reads = [700, 701, 700].map(|id| (Kind::Read, id, 1));
    assert_eq!(good(CODES, &columns("page=lbn rw=none")), reads);
    assert_eq!(good(CODES, &columns("rw=none")), reads);
    let kinds = [("2A", Kind::Write), ("28", Kind::Read)];
    let kinds = kinds.map(|(word, kind)| (word.to_owned(), Meaning::Access(kind)));
    let explained = ReadOptions {
        kinds: kinds.to_vec(),
        ..ReadOptions::default()
    };
    let mut expected = reads;
    (expected[0].0, expected[2].0) = (Kind::Write, Kind::Write);
    assert_eq!(good(CODES, &explained), expected);
    let others = |meaning| ReadOptions {
        other_kinds: Some(meaning),
        kinds: vec![kinds[0].clone()],
        ..ReadOptions::default()
    };
    assert_eq!(good(CODES, &others(Meaning::Access(Kind::Read))), expected);
    let writes = [expected[0], expected[2]];
    assert_eq!(good(CODES, &others(Meaning::Skip)), writes);
    assert!(
        said(CODES, &others(Meaning::Skip)).ends_with("1 line of a skipped kind dropped"),
        "{}",
        said(CODES, &others(Meaning::Skip))
    );
    let error = error("csv", CODES.as_bytes());
    assert_eq!(error.position, Position::Line(2));
    assert!(
        error.what.contains("unknown kind of access \"2a\""),
        "{error}"
    );
    for option in ["--kinds 2a=write,28=read", "--col rw=none"] {
        assert!(error.help.contains(option), "{error}");
    }
}

#[test]
fn text_keys_without_a_header() {
    let options = columns("key=2 rw=6");
    let expected = [(Kind::Read, 0, 1), (Kind::Read, 1, 1), (Kind::Write, 0, 1)];
    assert_eq!(good(STRING_KEYS, &options), expected);
    assert_eq!(good(STRING_KEYS, &columns("text=2 rw=6")), expected);
    assert_eq!(guess_of(STRING_KEYS.as_bytes()).unwrap(), "twitter");
    let said = said(STRING_KEYS, &options);
    assert!(
        said.contains("without a header line; text keys; reads text=2 rw=6; ignores 1 3 4 5 7"),
        "{said}"
    );
    // Numbers as text: each spelling is a key.
    let spelled = good("id\n7\n07\n7\n", &columns("text=id"));
    assert_eq!(spelled.iter().map(|a| a.1).collect::<Vec<_>>(), [0, 1, 0]);
    // The first lines hold numbers, a later one text.
    let text = format!("id,op\n{}ab,r\n", "7,r\n".repeat(200));
    let error = result(&text, &ReadOptions::default()).unwrap_err();
    assert_eq!(error.position, Position::Line(202));
    assert!(error.help.contains("--col text=1"), "{error}");
    assert_eq!(good(&text, &columns("text=1"))[200].1, 1);
}

#[test]
fn is_the_first_line_of_text_a_header() {
    let number = |text: &str, options: &ReadOptions| good(text, options).len();
    // Names beside text keys, and numbers below the names.
    assert_eq!(number("when,what\n1,a\n2,b\n", &columns("key=2")), 2);
    assert_eq!(number("what,op\na,get\nb,get\n", &columns("key=1 rw=2")), 2);
    // Kinds and numbers are values.
    assert_eq!(number("id,get\na,set\n", &columns("key=1 rw=2")), 2);
    assert_eq!(
        number("page,1\na,2\n", &columns("key=1 size=none pid=2")),
        2
    );
    let error = result("x,y\na,b\n", &columns("key=1")).unwrap_err();
    assert!(
        error.what.contains("may name the columns or be a record"),
        "{error}"
    );
    assert!(error.help.contains("--header yes"), "{error}");
}

#[test]
fn processes_between_tabs() {
    let options = columns("pid=1 addr=2 rw=3");
    let got = result(PIDS, &options).unwrap();
    assert_eq!(
        got.iter().map(|a| a.pid).collect::<Vec<_>>(),
        [1, 1, 2, 4, 1, 3]
    );
    assert_eq!((got[0].kind, got[0].addr), (Kind::Write, 49_152));
    let error = guess_of(PIDS.as_bytes()).unwrap_err();
    for piece in [
        "columns between tabs, without a header line: 1 (1), 2 (49152), 3 (W)",
        "--format csv --header no --col page=2 --col rw=3",
        "--format csv --header no --col addr=2 --col rw=3",
        "--col addr=2 --col rw=3 --col pid=1",
    ] {
        assert!(error.help.contains(piece), "{error}");
    }
}

#[test]
fn lines_of_one_device() {
    let text = "disk,addr,op\nhm 0,0x1000,r\nhm 1,0x2000,bad\nhm 0,0x3000,w\n7,0x4000,r\n";
    let filtered = |filters: &[(&str, &str)]| ReadOptions {
        filters: filters
            .iter()
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .collect(),
        ..ReadOptions::default()
    };
    let places = |filters: &[(&str, &str)]| {
        let got = good(text, &filtered(filters));
        got.iter().map(|a| a.1).collect::<Vec<_>>()
    };
    assert_eq!(places(&[("disk", "hm 0")]), [0x1000, 0x3000]);
    assert_eq!(
        places(&[("1", "7"), ("DISK", "hm 0")]),
        [0x1000, 0x3000, 0x4000]
    );
    assert_eq!(places(&[("disk", "hm 0"), ("op", "w")]), [0x3000]);
    let said = said(text, &filtered(&[("disk", "7")]));
    assert!(said.contains("where=disk"), "{said}");
    assert!(said.ends_with("3 lines left out by --where"), "{said}");
    let error = result(text, &filtered(&[("disk", "hm")])).unwrap_err();
    assert!(error.what.contains("leaves out all 4 lines"), "{error}");
    assert!(error.help.contains("column 1 are hm 0, hm 1, 7"), "{error}");
    let error = result(text, &filtered(&[("dsk", "7")])).unwrap_err();
    assert!(error.what.contains("no column is named dsk"), "{error}");
}

#[test]
fn ids_in_units_have_sizes_in_bytes() {
    let options = ReadOptions {
        unit: Some(Unit::Sector),
        ..columns("rw=none")
    };
    let input = Box::new(io::Cursor::new(CODES.as_bytes().to_vec()));
    let format = by_name("csv").unwrap();
    let mut reader = (format.open)(input, "t".into(), &options).unwrap();
    let mut got = Vec::new();
    assert!(reader.fill(&mut got, 9).unwrap());
    // Whoever applies the unit multiplies the places.
    assert_eq!(tuples(&got)[0], (Kind::Read, 700, 512));
    let known = reader.known();
    assert_eq!(known.addressing, Addressing::Bytes);
    assert_eq!(known.kind, Some(TraceKind::BlockIo));
    let keys = ReadOptions {
        unit: Some(Unit::Sector),
        ..columns("text=lbn")
    };
    let error = result(CODES, &keys).unwrap_err();
    assert!(
        error.what.contains("text keys have neither unit nor size"),
        "{error}"
    );
}

#[test]
fn any_delimiter_is_found() {
    let expected = [(Kind::Write, 5, 1), (Kind::Read, 6, 1)];
    for text in [
        "op|addr\nw|5\nr|6\n",
        "op addr\nw 5\nr  6\n",
        "op \taddr\nw\t 5\nr 6\n",
        "op\t\taddr\nw\t5\nr\t\t6\n",
        "op;addr\nw;5\nr;6\n",
    ] {
        assert_eq!(good(text, &ReadOptions::default()), expected, "{text}");
        assert_eq!(guess_of(text.as_bytes()).unwrap(), "csv", "{text}");
    }
    let colon = ReadOptions {
        delimiter: Delimiter::parse(":"),
        ..ReadOptions::default()
    };
    assert_eq!(good("op:addr\nw:5\nr:6\n", &colon), expected);
}

#[test]
fn a_column_can_be_off() {
    let text = "addr,page,rw,size,pid\n0x1000,7,x,0,none\n";
    let off = columns("rw=none size=none pid=none");
    assert_eq!(good(text, &off), [(Kind::Read, 0x1000, 1)]);
    let page = columns("addr=none address=none rw=none pid=none");
    assert_eq!(good(text, &page), [(Kind::Read, 7, 1)]);
}

/// What is said of a file names what is there, never a header that is missing, and never csv where the
/// file is binary.
#[test]
fn what_cannot_be_read_is_described() {
    let error = result("when,where\n1,2\n", &ReadOptions::default()).unwrap_err();
    assert!(error.what.contains("no column is an address"), "{error}");
    let named = "Start Time;Where;How\n1;200000;r\n2;100000;w\n3;200000;r\n";
    let error = guess_of(named.as_bytes()).unwrap_err();
    for piece in [
        "columns between \";\", with a header line: 1 Start Time (1), 2 Where (200000), 3 How (r)",
        "--header yes --col page=2 --col rw=3",
    ] {
        assert!(error.help.contains(piece), "{error}");
    }
    let binary = b"\x7fELF\x02\x01,\x00\x03,\n\x00\x04\n";
    let error = guess_of(binary).unwrap_err().to_string();
    assert!(
        !error.contains("csv") && !error.contains("columns"),
        "{error}"
    );
    let error = super::super::testing::error("csv", binary).to_string();
    assert!(error.contains("binary data"), "{error}");
    assert!(
        !error.contains("csv") && !error.contains("header"),
        "{error}"
    );
    let error = super::super::testing::error("csv", b"addr\n1\n\x02,\x03\n").to_string();
    assert!(
        error.contains("binary data") && !error.contains("csv"),
        "{error}"
    );
}

#[test]
fn only_named_columns_are_claimed() {
    for text in [
        "1,2,r\n3,4,w\n",
        "offset,length,volume\n1,2,3\n",
        "16912 5\n62490 7\n",
        STRING_KEYS,
        PIDS,
    ] {
        assert_ne!(guess_of(text.as_bytes()).ok(), Some("csv"), "{text}");
    }
}

#[test]
fn repetitions_are_accesses() {
    let text = "key,op,size,op_count\na,GET,5,2\nb,SET,5,1\n";
    let expected = [(Kind::Read, 0, 1), (Kind::Read, 0, 1), (Kind::Write, 1, 1)];
    assert_eq!(good(text, &ReadOptions::default()), expected);
    let error = result("key,op_count\na,0\n", &ReadOptions::default()).unwrap_err();
    assert!(error.what.contains("repetitions is 0"), "{error}");
}
