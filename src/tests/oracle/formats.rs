//! Readers of the published traces, written from the layout of each format and sharing no code with
//! the program. They stop at whatever they do not understand.
//!
//! | format | record |
//! |---|---|
//! | `addr-rw` | line `hexaddr R` or `hexaddr W` |
//! | `spec` | line `l 0xaddr n` (load) or `s 0xaddr n` (store); `n` is no size |
//! | `page-ref` | line `K hexaddr` with `K` of `I L S M`; `M` reads and writes, one write |
//! | `lirs` | line with a decimal id; a line `*` separates |
//! | `oracleGeneral` | 24 bytes little-endian: u32 time, u64 id, u32 size, i64 next; size ignored |

use super::Ref;

/// The references to pages of `page_size` bytes in the (decompressed) `bytes` of a file.
pub fn read(format: &str, bytes: &[u8], page_size: u64) -> Vec<Ref> {
    if format == "oracleGeneral" {
        assert_eq!(bytes.len() % 24, 0, "whole records");
        let id = |record: &[u8]| u64::from_le_bytes(record[4..12].try_into().expect("eight bytes"));
        return bytes
            .chunks_exact(24)
            .map(|record| reference(id(record), false, false))
            .collect();
    }
    let text = std::str::from_utf8(bytes).expect("a text");
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && *line != "*");
    lines.map(|line| parse(format, line, page_size)).collect()
}

fn reference(page: u64, write: bool, ifetch: bool) -> Ref {
    Ref {
        process: 0,
        page,
        write,
        ifetch,
    }
}

fn parse(format: &str, line: &str, page_size: u64) -> Ref {
    let words: Vec<&str> = line.split_whitespace().collect();
    let hex = |word: &str| {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{format}: {line}"))
    };
    match (format, &words[..]) {
        ("addr-rw", [address, "R"]) => reference(hex(address) / page_size, false, false),
        ("addr-rw", [address, "W"]) => reference(hex(address) / page_size, true, false),
        ("spec", ["l", address, _]) => reference(hex(address) / page_size, false, false),
        ("spec", ["s", address, _]) => reference(hex(address) / page_size, true, false),
        ("page-ref", ["I", address]) => reference(hex(address) / page_size, false, true),
        ("page-ref", ["L", address]) => reference(hex(address) / page_size, false, false),
        ("page-ref", ["S" | "M", address]) => reference(hex(address) / page_size, true, false),
        ("lirs", [id]) => reference(id.parse().expect("a decimal id"), false, false),
        _ => panic!("{format}: {line}"),
    }
}
