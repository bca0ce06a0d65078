//! The key-value traces of Meta's CacheLib (`kvcache`, 2022 to 2024), as CacheBench replays them. Source:
//! the columns in `KVReplayGenerator.h` of github.com/facebook/CacheLib.

use super::Format;
use super::csv::preset::{self, Form, Layout, Meaning, More, Place};
use super::options::Numbers;
use crate::trace::model::access::{Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "cachelib",
    about: "CacheLib traces: key, op, size, op_count, key_size, or those of 2024 with a header",
    layout: "\
one line per key, operation and interval, fields between commas, with or without a header line:
key,op,size,op_count,key_size and perhaps ttl; or
op_time,key,key_size,op,op_count,size,cache_hits,ttl,usecase,sub_usecase. A line is op_count
requests in a row. Each key is an object, and objects are numbered in order of appearance; sizes
and times are ignored. GET and GET_LEASE are reads, SET and SET_LEASE writes; DELETE is left out
and counted.
    1668757755,SET,82,1,40
    1665497896,GET,169,18,78
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::FIXED,
    sniff: |sample| preset::sniff(&LAYOUTS, sample),
    open: |input, path, options| preset::open(&LAYOUTS, input, path, options),
    written: None,
};

const KINDS: &[(&str, Meaning)] = &[
    ("get", Meaning::Access(Kind::Read)),
    ("set", Meaning::Access(Kind::Write)),
    ("get_lease", Meaning::Access(Kind::Read)),
    ("set_lease", Meaning::Access(Kind::Write)),
    ("delete", Meaning::Skip),
];

const NUMBER: Form = Form::Number(0, u64::MAX);

/// Repetitions.
const COUNT: Form = Form::Number(1, u32::MAX as u64);

const OF_2022: Layout = Layout {
    name: FORMAT.name,
    header: "key,op,size,op_count,key_size",
    columns: &[
        ("key", Form::Text),
        ("op", Form::Kind),
        ("size", NUMBER),
        ("op_count", COUNT),
        ("key_size", NUMBER),
    ],
    more: More::Nothing,
    kinds: KINDS,
    place: (Place::Text, 0),
    kind: Some(1),
    repeat: Some(3),
    ..Layout::COMMAS
};

static LAYOUTS: [Layout; 3] = [
    OF_2022,
    Layout {
        header: "key,op,size,op_count,key_size,ttl",
        columns: &[
            ("key", Form::Text),
            ("op", Form::Kind),
            ("size", NUMBER),
            ("op_count", COUNT),
            ("key_size", NUMBER),
            ("ttl", NUMBER),
        ],
        ..OF_2022
    },
    Layout {
        header: "op_time,key,key_size,op,op_count,size,cache_hits,ttl,usecase,sub_usecase",
        columns: &[
            ("op_time", NUMBER),
            ("key", Form::Text),
            ("key_size", NUMBER),
            ("op", Form::Kind),
            ("op_count", COUNT),
            ("size", NUMBER),
            ("cache_hits", NUMBER),
            ("ttl", NUMBER),
            ("usecase", Form::Text),
            ("sub_usecase", Form::Text),
        ],
        place: (Place::Text, 1),
        kind: Some(3),
        repeat: Some(4),
        ..OF_2022
    },
];

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn lines_are_as_many_requests_as_they_say() {
        let without =
            "7,SET,82,1,40\n8,GET,0,3,40\r\n7,DELETE,0,9,40\n07,GET_LEASE,1,1,4\n7,GET,1,2,4";
        let header = format!("key,op,size,op_count,key_size\n{without}");
        let expected = [
            (Kind::Write, 0, 1),
            (Kind::Read, 1, 1),
            (Kind::Read, 1, 1),
            (Kind::Read, 1, 1),
            (Kind::Read, 2, 1),
            (Kind::Read, 0, 1),
            (Kind::Read, 0, 1),
        ];
        for text in [without, &header] {
            assert_eq!(tuples(&accesses("cachelib", text.as_bytes())), expected);
            assert_eq!(guess_of(text.as_bytes()).unwrap(), "cachelib");
        }
    }

    #[test]
    fn the_other_layouts() {
        let of_2024 = "op_time,key,key_size,op,op_count,size,cache_hits,ttl,usecase,sub_usecase\n\
                       604038471,82131353f9ddc8c6,48,GET,1,87,1,0,366387042,3003229276\n\
                       604038474,749ab7237b8d0372,47,SET,2,10,7,0,176962275,176962275\n";
        let ttl = "k,GET,87,1,4,0\nl,SET,10,2,4,3600\n";
        let expected = [(Kind::Read, 0, 1), (Kind::Write, 1, 1), (Kind::Write, 1, 1)];
        let (_, headless) = of_2024.split_once('\n').unwrap();
        for text in [of_2024, headless, ttl] {
            assert_eq!(tuples(&accesses("cachelib", text.as_bytes())), expected);
            assert_eq!(guess_of(text.as_bytes()).unwrap(), "cachelib");
        }
    }

    /// A line of more requests than one batch holds.
    #[test]
    fn many_requests_of_one_line() {
        let text = "1,GET,0,100000,4\n2,SET,0,1,4\n1,GET,0,70000,4";
        let got = accesses("cachelib", text.as_bytes());
        assert_eq!(got.len(), 170_001);
        assert_eq!(got.iter().filter(|a| a.addr == 0).count(), 170_000);
        assert_eq!(got[100_000].kind, Kind::Write);
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "cachelib",
            "1,GET,0,1,4",
            &[
                ("1,GET,0,1", "4 columns instead of 5"),
                ("1,SAT,0,1,4", "column 2 (op)"),
                ("1,GET,0,0,4", "column 4 (op_count)"),
                (",GET,0,1,4", "column 1 (key) is empty"),
                ("1,GET,0,1,\x02", "binary data"),
            ],
        );
        assert_eq!(skipping("cachelib", b"1,GET,0,1,4\n1,GET,0,0,4\n").1, 1);
    }
}
