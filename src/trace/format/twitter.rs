//! The traces of Twitter's in-memory caches of March 2020 (`cluster001` to `cluster054`): requests for
//! objects with text keys, seven columns. Source: the README of github.com/twitter/cache-trace.

use super::Format;
use super::csv::preset::{self, Form, Layout, Meaning, More, Place};
use super::options::Numbers;
use crate::trace::model::access::{Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "twitter",
    about: "Twitter cache traces: time, key, key size, value size, client, operation, ttl",
    layout: "\
one request per line, seven fields between commas, no header line: time in seconds, key, sizes of
key and value in bytes, number of the client, operation, time to live. Each key is an object, and
objects are numbered in order of appearance; sizes, clients and times are ignored. A key may hold
commas. get and gets are reads; set, add, replace, cas, append, prepend, incr and decr are writes;
delete is left out and counted.
    0,nz:u:eeW511W3dcH3de3d15ec,22,304,4,get,0
    0,nz:u:3ec6JYdPHBHBdXBLSW7h,22,304,4,set,86400
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::FIXED,
    sniff: |sample| preset::sniff(&LAYOUTS, sample),
    open: |input, path, options| preset::open(&LAYOUTS, input, path, options),
    written: None,
};

const READ: Meaning = Meaning::Access(Kind::Read);
const WRITE: Meaning = Meaning::Access(Kind::Write);

static LAYOUTS: [Layout; 1] = [Layout {
    name: FORMAT.name,
    columns: &[
        ("time", Form::Rising(0, u64::MAX)),
        ("key", Form::Text),
        ("key size", Form::Number(0, u32::MAX as u64)),
        ("value size", Form::Number(0, u32::MAX as u64)),
        ("client", Form::Number(0, u64::MAX)),
        ("operation", Form::Kind),
        ("ttl", Form::Number(0, u64::MAX)),
    ],
    more: More::Within(1),
    kinds: &[
        ("get", READ),
        ("set", WRITE),
        ("gets", READ),
        ("add", WRITE),
        ("cas", WRITE),
        ("replace", WRITE),
        ("append", WRITE),
        ("prepend", WRITE),
        ("incr", WRITE),
        ("decr", WRITE),
        ("delete", Meaning::Skip),
    ],
    place: (Place::Text, 1),
    kind: Some(5),
    ..Layout::COMMAS
}];

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn keys_are_numbered_and_deletes_dropped() {
        let text = b"0,a:b,22,304,4,get,0\r\n0,c\"d,20,161,10,gets,0\n1,e,f,g,20,161,10,incr,0\n1,a:b,22,304,4,delete,0\n2,a:b,22,304,4,SET,0";
        let got = accesses("twitter", text);
        let expected = [
            (Kind::Read, 0, 1),
            (Kind::Read, 1, 1),
            (Kind::Write, 2, 1),
            (Kind::Write, 0, 1),
        ];
        assert_eq!(tuples(&got), expected);
        assert_eq!(guess_of(text).unwrap(), "twitter");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "twitter",
            "0,a,22,304,4,get,0",
            &[
                ("0,a,22,304,4,get", "6 columns instead of 7"),
                ("0,a,22,304,4,fetch,0", "column 6 (operation)"),
                ("0,,22,304,4,get,0", "column 2 (key) is empty"),
                ("x,a,22,304,4,get,0", "column 1 (time)"),
                ("0,a,22,-1,4,get,0", "column 4 (value size)"),
                ("0,a,22,304,4,get,\x02", "binary data"),
            ],
        );
        assert_eq!(skipping("twitter", b"0,a,2,3,4,get,0\n0,a\n").1, 1);
    }
}
