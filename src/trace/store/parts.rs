//! The parts of a `.pbt` as bytes: header, trailer, index, blocks and their columns. No byte is used
//! before its checksum holds.
//!
//! Knows nothing of what the columns mean.

use super::write::trailer_checksum;
use super::{
    BLOCK_HEADER_BYTES, BLOCK_MAGIC, BLOCK_REFS_MAX, BlockEntry, CODEC_NONE, CODEC_ZSTD,
    COLUMN_BYTES_MAX, COLUMN_HEADER_BYTES, COLUMNS_MAX, END_MAGIC, HEADER_BYTES, MAGIC, MAJOR,
    TAG_RAW, TRAILER_BYTES, checksum, u32_at, u64_at,
};
use crate::trace::codec::count_bytes;
use crate::trace::model::error::{Position, TraceError};
use std::ops::Range;
use std::path::Path;

/// A column: its tag and its unpacked bytes.
type Column = (u16, Vec<u8>);

/// Checks header and trailer of a file and returns where its footer is.
pub(super) fn footer_span(path: &Path, bytes: &[u8]) -> Result<Range<usize>, TraceError> {
    let fail = |at: usize, what: &str| corrupt(path, at, what);
    if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
        return Err(fail(0, "this is no .pbt file"));
    }
    let major = u16::from_le_bytes([bytes[8], bytes[9]]);
    if major != MAJOR {
        return Err(TraceError::new(
            path,
            format!("version {major} of .pbt; this program reads version {MAJOR}"),
        )
        .help("convert the original again, or take the program that wrote it"));
    }
    let end = bytes.len();
    if end < HEADER_BYTES + TRAILER_BYTES || bytes[end - 8..] != END_MAGIC {
        return Err(fail(end, "the file is cut short: it has no end mark"));
    }
    let footer = u64_at(bytes, end - TRAILER_BYTES);
    let sum = u64_at(bytes, end - TRAILER_BYTES + 8);
    if sum != trailer_checksum(footer, &bytes[..HEADER_BYTES]) {
        return Err(fail(end - TRAILER_BYTES, "the end mark is corrupt"));
    }
    Ok(footer.min(end as u64) as usize..end - TRAILER_BYTES)
}

/// Reads the index of blocks, for a trace of `refs` references whose footer has the offset `footer`.
/// Returns `None` if it is corrupt.
pub(super) fn block_index(index: &[u8], footer: u64, refs: u64) -> Option<Vec<BlockEntry>> {
    let (entries, _) = index.as_chunks::<16>();
    let entry = |bytes: &[u8; 16]| BlockEntry {
        offset: u64_at(bytes, 0),
        refs: u64_at(bytes, 8),
    };
    let blocks: Vec<BlockEntry> = entries.iter().map(entry).collect();
    let in_order = blocks.is_sorted_by(|a, b| a.offset < b.offset);
    let fits = |block: &BlockEntry| {
        (HEADER_BYTES as u64..footer).contains(&block.offset) && block.refs <= BLOCK_REFS_MAX
    };
    let fit = blocks.iter().all(fits);
    let adds_up = || blocks.iter().map(|block| block.refs).sum::<u64>() == refs;
    (in_order && fit && adds_up()).then_some(blocks)
}

/// Returns the error for a file that is damaged at byte `at`.
pub(super) fn corrupt(path: &Path, at: usize, what: &str) -> TraceError {
    TraceError::new(path, what)
        .at(Position::Byte(at as u64))
        .help("the file is damaged; copy it again, or convert the original again")
}

/// Header of a column.
struct ColumnHeader {
    tag: u16,
    codec: u8,
    /// Bytes unpacked.
    raw: usize,
    /// Bytes stored.
    stored: usize,
    /// Checksum of the stored bytes.
    sum: u64,
}

/// Reads the headers of the columns of a block, which has at least a block header. Returns the number
/// of references, the headers, and what follows them; `None` if the headers are corrupt.
fn column_headers(block: &[u8]) -> Option<(u32, Vec<ColumnHeader>, &[u8])> {
    let (refs, columns) = (u32_at(block, 4), u32_at(block, 8) as usize);
    if columns > COLUMNS_MAX {
        return None;
    }
    let head = BLOCK_HEADER_BYTES + columns * COLUMN_HEADER_BYTES;
    if block.len() < head + 8 || u64_at(block, head) != checksum(&block[..head]) {
        return None;
    }
    let (headers, _) = block[BLOCK_HEADER_BYTES..head].as_chunks::<COLUMN_HEADER_BYTES>();
    let header = |bytes: &[u8; COLUMN_HEADER_BYTES]| ColumnHeader {
        tag: u16::from_le_bytes([bytes[0], bytes[1]]),
        codec: bytes[2],
        raw: u32_at(bytes, 8) as usize,
        stored: u32_at(bytes, 12) as usize,
        sum: u64_at(bytes, 16),
    };
    Some((
        refs,
        headers.iter().map(header).collect(),
        &block[head + 8..],
    ))
}

/// Reads the block in `span` of the file. Returns its number of references and its columns, of which
/// only those with a tag in `wanted` are unpacked.
pub(super) fn read_block(
    path: &Path,
    bytes: &[u8],
    span: Range<usize>,
    magic: [u8; 4],
    wanted: &[u16],
) -> Result<(u32, Vec<Column>), TraceError> {
    let fail = |what: &str| corrupt(path, span.start, what);
    let block = bytes
        .get(span.clone())
        .ok_or_else(|| fail("a block lies outside the file"))?;
    count_bytes(block.len());
    if block.len() < BLOCK_HEADER_BYTES + 8 || block[..4] != magic {
        return Err(fail("a block does not begin where it should"));
    }
    let (refs, headers, mut rest) =
        column_headers(block).ok_or_else(|| fail("the header of a block is corrupt"))?;
    let mut found: Vec<Column> = Vec::new();
    // All columns of a block take at most 15 bytes a reference plus 512. A block that claims more is
    // corrupt, and would only take memory.
    let mut room = match magic == BLOCK_MAGIC {
        true => refs as usize * 16 + 1024,
        false => usize::MAX,
    };
    for header in headers {
        let payload = rest
            .get(..header.stored)
            .ok_or_else(|| fail("a column is cut short"))?;
        rest = &rest[header.stored..];
        let wanted = wanted.contains(&header.tag);
        // The references are large. Other columns are small and always checked.
        if !wanted && header.tag == TAG_RAW {
            continue;
        }
        if wanted {
            room = room
                .checked_sub(header.raw)
                .ok_or_else(|| fail("a column is larger than its block can be"))?;
        }
        if checksum(payload) != header.sum {
            return Err(fail("the checksum of a column does not hold"));
        }
        if wanted {
            let unpacked = unpack_column(header.codec, payload, header.raw);
            let unpacked = unpacked.ok_or_else(|| fail("a column cannot be unpacked"))?;
            found.push((header.tag, unpacked));
        }
    }
    Ok((refs, found))
}

fn unpack_column(codec: u8, payload: &[u8], raw: usize) -> Option<Vec<u8>> {
    let bytes = match codec {
        CODEC_NONE => payload.to_vec(),
        CODEC_ZSTD if raw <= COLUMN_BYTES_MAX => zstd::bulk::decompress(payload, raw).ok()?,
        _ => return None,
    };
    (bytes.len() == raw).then_some(bytes)
}
