//! The traces of Tencent's cloud block storage of October 2018 (SNIA IOTTA, set 27917): requests to
//! virtual volumes, five columns. Source: the README of the set.

use super::Format;
use super::csv::preset::{self, Form, Layout, Meaning, More, Place};
use super::options::{Numbers, Unit};
use crate::trace::model::access::{Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "tencent",
    about: "Tencent block traces: time in seconds, offset and size in sectors, 0 or 1, volume",
    layout: "\
one request per line, five decimal numbers between commas: time in seconds since 1970 (10 digits),
offset and size in sectors of 512 bytes (size 0 to 32768), 0 (read) or 1 (write), number of the
volume. A header line Timestamp,Offset,Size,IOType,VolumeID is skipped. A request touches the bytes
of the volume from its offset on, of size 0 one sector. Each volume is a process with its number;
--where VolumeID=1063 takes one.
    1538323200,12910952,128,0,1063
    1538323200,6265688,8,1,1071
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        unit: Some(Unit::Sector),
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff: |sample| preset::sniff(&LAYOUTS, sample),
    open: |input, path, options| preset::open(&LAYOUTS, input, path, options),
    written: None,
};

static LAYOUTS: [Layout; 1] = [Layout {
    name: FORMAT.name,
    header: "Timestamp,Offset,Size,IOType,VolumeID",
    columns: &[
        ("Timestamp", Form::Number(1_000_000_000, 9_999_999_999)),
        ("Offset", Form::Place),
        ("Size", Form::Number(0, 32_768)),
        ("IOType", Form::Kind),
        ("VolumeID", Form::Number(0, u32::MAX as u64)),
    ],
    more: More::Nothing,
    kinds: &[
        ("0", Meaning::Access(Kind::Read)),
        ("1", Meaning::Access(Kind::Write)),
    ],
    unit: 512,
    place: (Place::Address, 1),
    kind: Some(3),
    size: Some(2),
    process: Some(4),
    ..Layout::COMMAS
}];

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn sectors_of_volumes() {
        let text = b"Timestamp,Offset,Size,IOType,VolumeID\n1538323200,2,8,0,1063\r\n1538323201,0,32768,1,4294967295\n1538323201,5,0,1,7";
        let got = accesses("tencent", text);
        let expected = [
            (Kind::Read, 1024, 4096),
            (Kind::Write, 0, 1 << 24),
            (Kind::Write, 2560, 512),
        ];
        assert_eq!(tuples(&got), expected);
        let pids: Vec<u32> = got.iter().map(|a| a.pid).collect();
        assert_eq!(pids, [1063, u32::MAX, 7]);
        assert_eq!(guess_of(text).unwrap(), "tencent");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "tencent",
            "1538323200,2,8,0,1063",
            &[
                ("1538323200,2,8,0", "4 columns instead of 5"),
                ("1538323200,2,8,2,1063", "column 4 (IOType)"),
                ("1538323200,2,32769,0,1063", "column 3 (Size)"),
                ("153832320,2,8,0,1063", "column 1 (Timestamp)"),
                ("1538323200,36028797018963968,8,0,1063", "over 64 bits"),
                ("1538323200,36028797018963967,8,0,1063", "past the end"),
                ("1538323200,2,8,0,-1", "column 5 (VolumeID)"),
                ("1538323200,2,8,0,\x02", "binary data"),
            ],
        );
        assert_eq!(skipping("tencent", b"1538323200,2,8,0,1\n0\n").1, 1);
    }
}
