//! Known files that are no traces, or no traces that this program can read: refused by name, with
//! what to do. Each is known by its first bytes.
//!
//! Does not know the formats that are read, nor text that is known by its lines (see `strange_text`).

use super::Sample;
use crate::trace::model::error::{Cause, Position, TraceError};
use memchr::memmem;
use std::path::Path;

/// A kind of file.
struct Stranger {
    /// What it is, after "this is".
    name: &'static str,
    /// What the user can do.
    help: &'static str,
    /// Returns whether the sample is of this kind.
    is: fn(&[u8]) -> bool,
}

const UNPACK: &str = "unpack it, and name a trace in it";
const TABLE_HELP: &str =
    "write the columns as csv, and read them with --format csv --col addr=NAME";
const NETWORK: &str = "it holds packets, not references to memory";
const DAMON: &str = "DAMON samples how often regions are accessed, not single accesses, which no replay can \
     use; `damo report` draws them, and `pagebench record` or `perf record` gives accesses";

/// Every kind, the more certain ones first.
const STRANGERS: &[Stranger] = &[
    Stranger {
        name: "a recording of perf (perf.data)",
        help: "print it as text, and read that: perf script -F pid,time,event,ip,addr -i FILE > t.txt",
        is: |bytes| bytes.starts_with(b"PERFILE2") || bytes.starts_with(b"2ELIFREP"),
    },
    Stranger {
        name: "a recording of trace-cmd (trace.dat)",
        help: "print it as text: trace-cmd report -i FILE > t.txt",
        is: |bytes| bytes.starts_with(b"\x17\x08\x44tracing"),
    },
    Stranger {
        name: "a binary trace of blktrace",
        help: "print it as text: blkparse -i FILE > t.txt",
        is: |bytes| {
            matches!(
                bytes,
                [0x07, b't', b'a', b'e', ..] | [b'e', b'a', b't', 0x07, ..]
            )
        },
    },
    Stranger {
        name: "a binary record of DAMON",
        help: DAMON,
        is: |bytes| bytes.starts_with(b"damon_recfmt_ver"),
    },
    Stranger {
        name: "a record of DAMON (JSON)",
        help: DAMON,
        is: |bytes| {
            is_json(bytes) && has(bytes, b"kdamond_idx")
                || is_json(bytes) && has(bytes, b"nr_accesses")
        },
    },
    Stranger {
        name: "a zlib stream, as DAMON's `damo record` writes",
        help: DAMON,
        is: is_zlib,
    },
    Stranger {
        name: "JSON",
        help: TABLE_HELP,
        is: is_json,
    },
    Stranger {
        name: "a Parquet table",
        help: TABLE_HELP,
        is: |bytes| bytes.starts_with(b"PAR1"),
    },
    Stranger {
        name: "an Arrow table",
        help: TABLE_HELP,
        is: |bytes| bytes.starts_with(b"ARROW1"),
    },
    Stranger {
        name: "an ORC table",
        help: TABLE_HELP,
        is: |bytes| bytes.starts_with(b"ORC\x0a") || bytes.starts_with(b"ORC\x08"),
    },
    Stranger {
        name: "an Avro file",
        help: TABLE_HELP,
        is: |bytes| bytes.starts_with(b"Obj\x01"),
    },
    Stranger {
        name: "an SQLite database",
        help: "write a table as csv: sqlite3 -csv -header FILE 'select … from …' > t.csv",
        is: |bytes| bytes.starts_with(b"SQLite format 3\0"),
    },
    Stranger {
        name: "an HDF5 file",
        help: TABLE_HELP,
        is: |bytes| bytes.starts_with(b"\x89HDF\r\n\x1a\n"),
    },
    Stranger {
        name: "an array of NumPy",
        help: "write its numbers without the header, and read them with --format raw:u64le: \
               numpy.load(FILE).astype('<u8').tofile('t.raw')",
        is: |bytes| bytes.starts_with(b"\x93NUMPY"),
    },
    Stranger {
        name: "an ELF program or library",
        help: "record it: pagebench record PROGRAM",
        is: |bytes| bytes.starts_with(b"\x7fELF"),
    },
    Stranger {
        name: "a Windows program",
        help: "a program is no trace; trace it, for example with DynamoRIO's drmemtrace",
        is: |bytes| bytes.starts_with(b"MZ") && has(bytes, b"This program cannot be run"),
    },
    Stranger {
        name: "a capture of network packets (pcap)",
        help: NETWORK,
        is: |bytes| {
            let magic = [0xa1b2_c3d4u32, 0xa1b2_3c4d];
            let first: Option<&[u8; 4]> = bytes.first_chunk();
            first.is_some_and(|first| {
                magic.contains(&u32::from_le_bytes(*first))
                    || magic.contains(&u32::from_be_bytes(*first))
            })
        },
    },
    Stranger {
        name: "a capture of network packets (pcapng)",
        help: NETWORK,
        is: |bytes| {
            bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
                && matches!(
                    bytes.get(8..12),
                    Some([0x4d, 0x3c, 0x2b, 0x1a] | [0x1a, 0x2b, 0x3c, 0x4d])
                )
        },
    },
    Stranger {
        name: "a tar archive",
        help: UNPACK,
        is: |bytes| bytes.get(257..262) == Some(b"ustar"),
    },
    Stranger {
        name: "a 7z archive",
        help: UNPACK,
        is: |bytes| bytes.starts_with(b"7z\xbc\xaf\x27\x1c"),
    },
    Stranger {
        name: "a rar archive",
        help: UNPACK,
        is: |bytes| bytes.starts_with(b"Rar!\x1a\x07"),
    },
    Stranger {
        name: "a stream of snappy-java",
        help: "unpack it: snzip -d -t snappy-java FILE",
        is: |bytes| bytes.starts_with(b"\x82SNAPPY\0"),
    },
    Stranger {
        name: "a trace of LTTng (CTF)",
        help: "print it as text: babeltrace2 FOLDER > t.txt",
        is: |bytes| {
            matches!(
                bytes,
                [0xc1, 0x1f, 0xfc, 0xc1, ..] | [0x75, 0xd1, 0x1d, 0x57, ..]
            )
        },
    },
    Stranger {
        name: "a picture or a document",
        help: "name a trace",
        is: |bytes| {
            bytes.starts_with(b"\x89PNG\r\n")
                || bytes.starts_with(b"%PDF-")
                || bytes.starts_with(b"\xff\xd8\xff")
        },
    },
    Stranger {
        name: "a web page",
        help: "the file is the page of a download, not the trace: fetch the file itself",
        is: |bytes| {
            let begin: Vec<u8> = bytes
                .trim_ascii_start()
                .iter()
                .take(14)
                .map(u8::to_ascii_lowercase)
                .collect();
            begin.starts_with(b"<!doctype html") || begin.starts_with(b"<html")
        },
    },
];

fn has(bytes: &[u8], text: &[u8]) -> bool {
    memmem::find(bytes, text).is_some()
}

/// Returns whether a sample begins as JSON: an object or a list of objects.
fn is_json(bytes: &[u8]) -> bool {
    match bytes.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"')),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')),
        _ => false,
    }
}

/// Returns whether a sample begins with the header of zlib: deflate with a window of 32 KiB, and a sum
/// that is a multiple of 31. No text begins so, except for `x^`, which is not taken.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, 0x01 | 0x9c | 0xda, ..])
}

/// Returns the error for a sample of a known kind of file that is not read, or of a file of ChampSim
/// whose size is wrong; `None` for any other.
pub(super) fn refusal(path: &Path, sample: &Sample<'_>) -> Option<TraceError> {
    if let Some(stranger) = STRANGERS
        .iter()
        .find(|stranger| (stranger.is)(sample.bytes))
    {
        let error = TraceError {
            cause: Cause::UnknownFormat,
            ..TraceError::new(
                path,
                format!("this is {}, which is not read", stranger.name),
            )
        };
        return Some(error.help(stranger.help));
    }
    wrong_size_of_champsim(path, sample)
}

/// Bytes of an instruction of ChampSim.
const CHAMPSIM: u64 = 64;

fn wrong_size_of_champsim(path: &Path, sample: &Sample<'_>) -> Option<TraceError> {
    let name = path.file_name()?.to_str()?;
    let named = [".champsim", ".champsimtrace"]
        .iter()
        .any(|ending| name.contains(ending));
    let bytes = match sample.whole {
        true => sample.bytes.len() as u64,
        false => sample.file_bytes?,
    };
    if !named || bytes.is_multiple_of(CHAMPSIM) {
        return None;
    }
    let (records, more) = (bytes / CHAMPSIM, bytes % CHAMPSIM);
    let what = format!(
        "the name is one of champsim, whose records have {CHAMPSIM} bytes, but the file has {bytes}: \
         {records} records and {more} bytes"
    );
    let help = "the file was cut, or is of another kind: `--format champsim --skip-bad` reads the whole \
                records, `--format cloudsuite` reads records of 96 bytes";
    let error = TraceError::new(path, what).at(Position::Byte(records * CHAMPSIM));
    Some(error.help(help))
}

#[cfg(test)]
mod tests {
    use super::super::testing::guess_of;
    use super::*;

    /// The first bytes of each kind, as its own tools write them.
    fn heads() -> Vec<(&'static str, Vec<u8>)> {
        let mut tar = vec![0u8; 512];
        tar[..5].copy_from_slice(b"a.txt");
        tar[257..265].copy_from_slice(b"ustar  \0");
        let pcapng = [
            &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a][..],
            &[0; 20],
        ];
        vec![
            ("perf.data", b"PERFILE2\x68\0\0\0\0\0\0\0".to_vec()),
            ("trace-cmd", b"\x17\x08\x44tracing6\0".to_vec()),
            ("blktrace", b"\x07tae\x01\0\0\0".to_vec()),
            (
                "binary record of DAMON",
                b"damon_recfmt_ver\x02\0\0\0".to_vec(),
            ),
            (
                "record of DAMON (JSON)",
                b"[\n  {\n    \"kdamond_idx\": 0,\n    \"snapshots\": []}]".to_vec(),
            ),
            ("zlib stream", b"\x78\x9c\xed\xbd".to_vec()),
            ("JSON", b"{\"a\": [1, 2]}\n".to_vec()),
            ("Parquet", b"PAR1\x15\x04\x15".to_vec()),
            ("Arrow", b"ARROW1\0\0\xff\xff\xff\xff".to_vec()),
            ("ORC", b"ORC\x0a\x1b\x0a".to_vec()),
            ("Avro", b"Obj\x01\x04\x14avro.codec".to_vec()),
            ("SQLite", b"SQLite format 3\0\x10\0".to_vec()),
            ("HDF5", b"\x89HDF\r\n\x1a\n\0\0".to_vec()),
            ("NumPy", b"\x93NUMPY\x01\0v\0{'descr'".to_vec()),
            ("ELF", b"\x7fELF\x02\x01\x01\0".to_vec()),
            (
                "Windows program",
                b"MZ\x90\0\x03This program cannot be run in DOS mode".to_vec(),
            ),
            ("(pcap)", vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]),
            ("(pcap)", vec![0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4]),
            ("pcapng", pcapng.concat()),
            ("tar", tar),
            ("7z", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec()),
            ("rar", b"Rar!\x1a\x07\x01\0".to_vec()),
            ("snappy-java", b"\x82SNAPPY\0\0\0\0\x01".to_vec()),
            ("LTTng", vec![0xc1, 0x1f, 0xfc, 0xc1, 1, 2]),
            ("picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
            ("web page", b"\n<!DOCTYPE html>\n<html>".to_vec()),
        ]
    }

    #[test]
    fn each_is_refused_by_its_name() {
        for (name, bytes) in heads() {
            let error = guess_of(&bytes).unwrap_err();
            assert!(error.what.contains(name), "{name}: {error}");
            assert!(!error.help.is_empty(), "{name}");
            // In a folder it is passed over, as any file that is no trace.
            assert!(matches!(error.cause, Cause::UnknownFormat), "{name}");
        }
        let named = |stranger: &Stranger| heads().iter().any(|(_, bytes)| (stranger.is)(bytes));
        for stranger in STRANGERS {
            assert!(named(stranger), "no sample of {}", stranger.name);
        }
    }

    #[test]
    fn a_file_of_champsim_with_another_size_is_refused_with_the_offset() {
        let bytes = vec![1u8; 64 * 5 + 7];
        let sample = Sample::of(&bytes);
        for name in ["a.champsim", "600.champsimtrace.xz"] {
            let error = refusal(Path::new(name), &sample).expect("a refusal");
            assert_eq!(error.position, Position::Byte(320));
            assert!(error.what.contains("5 records and 7 bytes"), "{error}");
        }
        assert!(refusal(Path::new("a.bin"), &sample).is_none());
        assert!(refusal(Path::new("a.champsim"), &Sample::of(&bytes[..320])).is_none());
    }
}
