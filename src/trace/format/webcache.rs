//! The traces of webcachesim and LRB (Wikipedia's, and others turned into their form): `time id size`
//! between blanks. Source: the README of github.com/dasebe/webcachesim and of webcachesim2.

use super::Format;
use super::csv::Delimiter;
use super::csv::preset::{self, Form, Layout, More, Place};
use super::options::Numbers;
use crate::trace::model::access::TraceKind;

pub(super) const FORMAT: Format = Format {
    name: "webcache",
    about: "webcachesim and LRB traces: time, object id, size, perhaps features",
    layout: "\
one request per line, three decimal numbers or more between blanks: time, which never falls, id of
the object, size in bytes (1 to 4294967295), features (0 to 65535). Each id is a page; all requests
are reads; times, sizes and features are ignored. With --format webcache times may fall; without it
a file with features is not recognised.
    109 26 1
    139 3 2
    158 3 2
",
    kind: TraceKind::BlockIo,
    numbers: Numbers::DEC_IDS,
    sniff: |sample| preset::sniff(&LAYOUTS, sample),
    open: |input, path, options| preset::open(&LAYOUTS, input, path, options),
    written: None,
};

static LAYOUTS: [Layout; 1] = [Layout {
    name: FORMAT.name,
    delimiter: Delimiter::Blanks,
    columns: &[
        ("time", Form::Rising(0, u64::MAX)),
        ("id", Form::Place),
        ("size", Form::Number(1, u32::MAX as u64)),
    ],
    more: More::Numbers(u16::MAX as u64),
    place: (Place::Block, 1),
    ..Layout::COMMAS
}];

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use crate::trace::model::access::Kind;

    #[test]
    fn ids_are_in_the_second_column() {
        let text = b"109 26 1\r\n139\t3  2\n158 3 2\n159 341 2";
        let got = tuples(&accesses("webcache", text));
        let expected = [26, 3, 3, 341].map(|id| (Kind::Read, id, 1));
        assert_eq!(got, expected);
        assert_eq!(guess_of(text).unwrap(), "webcache");
        let features = b"1 18446744073709551615 4294967295 0 65535\n1 7 1 3 4";
        assert_eq!(accesses("webcache", features)[0].addr, u64::MAX);
        assert_ne!(guess_of(features).ok(), Some("webcache"));
    }

    #[test]
    fn what_only_looks_like_it_is_not_taken() {
        for text in [
            "5 26 1\n4 3 2\n",
            "1 26 0\n2 3 2\n",
            "1 26 1\n2 3 2 1\n",
            "1 26 1 7\n2 3 2 1\n",
            "7 0 1\n",
            "7 0 1 2 0 3 0 4 2 3 0 3 2\n",
        ] {
            assert_ne!(guess_of(text.as_bytes()).ok(), Some("webcache"), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "webcache",
            "1 2 3",
            &[
                ("1 2", "2 columns instead of 3"),
                ("1 x 3", "column 2 (id)"),
                ("1 2 0", "column 3 (size)"),
                ("-1 2 3", "column 1 (time)"),
                ("1 2 3 65536", "column 4 (feature)"),
                ("1 2 3 \x02", "binary data"),
            ],
        );
        assert_eq!(skipping("webcache", b"1 2 3\n1 2\n").1, 1);
    }
}
