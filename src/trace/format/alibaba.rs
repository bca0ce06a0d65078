//! The block traces of Alibaba Cloud of January 2020: requests to virtual disks, five columns. Source:
//! the README of github.com/alibaba/block-traces.

use super::Format;
use super::csv::preset::{self, Form, Layout, Meaning, More, Place};
use super::options::Numbers;
use crate::trace::model::access::{Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "alibaba",
    about: "Alibaba block traces: disk, R or W, offset, length, time in microseconds",
    layout: "\
one request per line, five fields between commas: number of the disk, R or W, offset and length in
bytes (decimal, 0 to 16777216), time in microseconds since 1970 (16 digits). A header line
device_id,opcode,offset,length,timestamp is skipped. A request touches the bytes of the disk from
its offset on, of length 0 one byte. Each disk is a process with its number; --where device_id=7
takes one.
    0,R,126703644672,4096,1577808000000626
    7,W,8792731648,16384,1577808000000917
",
    kind: TraceKind::BlockIo,
    numbers: Numbers {
        sizes_in_bytes: true,
        ..Numbers::DEC_BYTES
    },
    sniff: |sample| preset::sniff(&LAYOUTS, sample),
    open: |input, path, options| preset::open(&LAYOUTS, input, path, options),
    written: None,
};

static LAYOUTS: [Layout; 1] = [Layout {
    name: FORMAT.name,
    header: "device_id,opcode,offset,length,timestamp",
    columns: &[
        ("device_id", Form::Number(0, u32::MAX as u64)),
        ("opcode", Form::Kind),
        ("offset", Form::Place),
        ("length", Form::Number(0, u32::MAX as u64)),
        (
            "timestamp",
            Form::Number(1_000_000_000_000_000, 9_999_999_999_999_999),
        ),
    ],
    more: More::Nothing,
    kinds: &[
        ("r", Meaning::Access(Kind::Read)),
        ("w", Meaning::Access(Kind::Write)),
    ],
    place: (Place::Address, 2),
    kind: Some(1),
    size: Some(3),
    process: Some(0),
    ..Layout::COMMAS
}];

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, bad_line_cases, guess_of, skipping, tuples};
    use super::*;

    #[test]
    fn every_disk_is_a_process() {
        let text = b"device_id,opcode,offset,length,timestamp\r\n0,R,126703644672,4096,1577808000000626\n999,w,7,0,1577808000000626";
        let got = accesses("alibaba", text);
        let expected = [(Kind::Read, 126_703_644_672, 4096), (Kind::Write, 7, 1)];
        assert_eq!(tuples(&got), expected);
        assert_eq!([got[0].pid, got[1].pid], [0, 999]);
        assert_eq!(guess_of(text).unwrap(), "alibaba");
    }

    #[test]
    fn what_is_wrong_is_said() {
        bad_line_cases(
            "alibaba",
            "0,R,0,4096,1577808000000626",
            &[
                ("0,R,0,4096", "4 columns instead of 5"),
                ("0,R,0,4096,1577808000000626,1", "6 columns instead of 5"),
                ("0,D,0,4096,1577808000000626", "column 2 (opcode)"),
                (
                    "4294967296,R,0,4096,1577808000000626",
                    "column 1 (device_id)",
                ),
                ("0,R,0,4096,1577808000", "column 5 (timestamp)"),
                ("0,R,x,4096,1577808000000626", "column 3 (offset)"),
                ("0,R,0,16777217,1577808000000626", "over 16777216"),
                ("0,R,0,\x02,1577808000000626", "binary data"),
            ],
        );
        assert_eq!(skipping("alibaba", b"0,R,0,1,1577808000000626\n0\n").1, 1);
    }
}
