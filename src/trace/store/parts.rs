//! The parts of a `.pbt` as bytes: header, trailer, index, blocks and their columns. No byte is used
//! before its checksum holds.
//!
//! Knows nothing of what the columns mean.

use super::budget::{Budget, event_bytes, footer_bytes};
use super::write::trailer_checksum;
use super::{
    BLOCK_HEADER_BYTES, BLOCK_MAGIC, BLOCK_REFS_MAX, BlockEntry, CODEC_NONE, CODEC_ZSTD,
    COLUMN_BYTES_MAX, COLUMN_HEADER_BYTES, COLUMNS_MAX, DAMAGED, END_MAGIC, FOOTER_MAGIC,
    FOOTER_TAGS, HEADER_BYTES, MAGIC, MAJOR, TAG_EVENTS, TAG_RAW, TRAILER_BYTES, checksum, u32_at,
    u64_at,
};
use crate::trace::codec::positioned::Bytes;
use crate::trace::codec::{changed_error, count_bytes, read_error};
use crate::trace::model::error::{Position, TraceError};
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What is wrong with a block that the index describes otherwise.
pub(super) const OTHER_NUMBER: &str =
    "the block has another number of references than the index says";

/// A column: its tag and its unpacked bytes.
pub(super) type Column = (u16, Vec<u8>);

/// The bytes of a file and its path, for messages.
#[derive(Debug)]
pub(super) struct Parts {
    pub path: PathBuf,
    bytes: Bytes,
}

impl Parts {
    /// Returns the parts of the file at `path` with these bytes.
    pub fn of(path: &Path, bytes: Bytes) -> Parts {
        Parts {
            path: path.to_path_buf(),
            bytes,
        }
    }

    /// Returns the error for a file that is damaged at byte `at`, or that changed while it was read: then
    /// that explains the damage.
    pub fn corrupt(&self, at: u64, what: &str) -> TraceError {
        match self.unchanged() {
            Err(changed) => changed,
            Ok(()) => TraceError::new(&self.path, what)
                .at(Position::Byte(at))
                .help(DAMAGED),
        }
    }

    /// Errors if the file changed since it was opened.
    pub fn unchanged(&self) -> Result<(), TraceError> {
        let unchanged = self.bytes.unchanged();
        unchanged.map_err(|changed| changed_error(&self.path, &changed))
    }

    fn get(&self, span: Range<u64>) -> Result<Cow<'_, [u8]>, TraceError> {
        let at = span.start;
        if span.end > self.bytes.len() || span.start > span.end {
            return Err(self.corrupt(at, "a block lies outside the file"));
        }
        let bytes = self.bytes.get(span);
        bytes.map_err(|e| read_error(&self.path, e).at(Position::Byte(at)))
    }

    /// Checks header and trailer and returns where the footer is.
    pub fn footer_span(&self) -> Result<Range<u64>, TraceError> {
        let length = self.bytes.len();
        let head = self.get(0..length.min(HEADER_BYTES as u64))?;
        if head.len() < HEADER_BYTES || head[..8] != MAGIC {
            return Err(self.corrupt(0, "this is no .pbt file"));
        }
        let major = u16::from_le_bytes([head[8], head[9]]);
        if major != MAJOR {
            return Err(TraceError::new(
                &self.path,
                format!("version {major} of .pbt; this program reads version {MAJOR}"),
            )
            .help("convert the original again, or take the program that wrote it"));
        }
        let start = length.saturating_sub(TRAILER_BYTES as u64);
        let trailer = self.get(start..length)?;
        if start < HEADER_BYTES as u64 || trailer[16..] != END_MAGIC {
            return Err(self.corrupt(length, "the file is cut short: it has no end mark"));
        }
        let footer = u64_at(&trailer, 0);
        if u64_at(&trailer, 8) != trailer_checksum(footer, &head) {
            return Err(self.corrupt(start, "the end mark is corrupt"));
        }
        Ok(footer.min(start)..start)
    }

    /// Returns the columns of the footer in `span`. What they take until the trace is opened is within
    /// the [`Budget`] of the file.
    pub fn footer(&self, span: Range<u64>) -> Result<Vec<Column>, TraceError> {
        let mut budget = Budget::of(self.bytes.len());
        let at = span.start;
        let columns = self.block(span, FOOTER_MAGIC, &FOOTER_TAGS, |_, headers| {
            let wanted = headers.iter().filter(|h| FOOTER_TAGS.contains(&h.tag));
            let bytes = wanted.map(|header| footer_bytes(header.tag, header.raw as u64));
            let bytes = bytes.fold(0, u64::saturating_add);
            budget.take(bytes, "its footer")
        })?;
        let events = columns.iter().filter(|(tag, _)| *tag == TAG_EVENTS);
        let bytes = events.map(|(_, text)| event_bytes(text)).sum();
        let fits = budget.take(bytes, "its list of events");
        fits.map_err(|what| self.corrupt(at, &what))?;
        Ok(columns)
    }

    /// Returns the columns with a tag in `wanted` of `block`, which ends before the byte `end`.
    pub fn columns(
        &self,
        block: &BlockEntry,
        end: u64,
        wanted: &[u16],
    ) -> Result<Vec<Column>, TraceError> {
        let span = block.offset..end;
        self.block(span, BLOCK_MAGIC, wanted, |refs, headers| {
            if u64::from(refs) != block.refs {
                return Err(OTHER_NUMBER.into());
            }
            let room = block_bytes(block.refs);
            let wanted = headers.iter().filter(|h| wanted.contains(&h.tag));
            if wanted.map(|header| header.raw as u64).sum::<u64>() > room {
                return Err("a column is larger than its block can be".into());
            }
            Ok(())
        })
    }

    /// Reads the index of blocks, for a trace of `refs` references whose footer has the offset `footer`.
    /// Returns `None` if it is corrupt, or if a block would take more than the [`Budget`] of the file.
    pub fn block_index(&self, index: &[u8], footer: u64, refs: u64) -> Option<Vec<BlockEntry>> {
        let (entries, _) = index.as_chunks::<16>();
        let entry = |bytes: &[u8; 16]| BlockEntry {
            offset: u64_at(bytes, 0),
            refs: u64_at(bytes, 8),
        };
        let blocks: Vec<BlockEntry> = entries.iter().map(entry).collect();
        let in_order = blocks.is_sorted_by(|a, b| a.offset < b.offset);
        let mut budget = Budget::of(self.bytes.len());
        let most = blocks.iter().map(|block| block.refs).max().unwrap_or(0);
        let fits = |block: &BlockEntry| (HEADER_BYTES as u64..footer).contains(&block.offset);
        let fit = most <= BLOCK_REFS_MAX
            && budget.take(block_bytes(most), "a block").is_ok()
            && blocks.iter().all(fits);
        let adds_up = || blocks.iter().map(|block| block.refs).sum::<u64>() == refs;
        (in_order && fit && adds_up()).then_some(blocks)
    }

    /// Reads the block in `span`. Returns its columns with a tag in `wanted`. Unpacks them only if `allow`
    /// allows it, given the number of references and the headers.
    fn block(
        &self,
        span: Range<u64>,
        magic: [u8; 4],
        wanted: &[u16],
        allow: impl FnOnce(u32, &[ColumnHeader]) -> Result<(), String>,
    ) -> Result<Vec<Column>, TraceError> {
        let fail = |what: &str| self.corrupt(span.start, what);
        let block = self.get(span.clone())?;
        count_bytes(block.len());
        if block.len() < BLOCK_HEADER_BYTES + 8 || block[..4] != magic {
            return Err(fail("a block does not begin where it should"));
        }
        let (refs, headers, mut rest) =
            column_headers(&block).ok_or_else(|| fail("the header of a block is corrupt"))?;
        allow(refs, &headers).map_err(|what| fail(&what))?;
        let mut found: Vec<Column> = Vec::new();
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
            if checksum(payload) != header.sum {
                return Err(fail("the checksum of a column does not hold"));
            }
            if wanted {
                let unpacked = unpack_column(header.codec, payload, header.raw);
                let unpacked = unpacked.ok_or_else(|| fail("a column cannot be unpacked"))?;
                found.push((header.tag, unpacked));
            }
        }
        Ok(found)
    }
}

/// Returns an upper bound of the unpacked columns of a block of `refs` references. A block that claims more
/// is corrupt, and would only take memory.
fn block_bytes(refs: u64) -> u64 {
    // 15 bytes a reference and 512 at most.
    refs * 16 + 1024
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

/// Returns all columns of a block, known and unknown ones.
#[cfg(test)]
pub(super) fn columns_of_block(block: &[u8]) -> Vec<Column> {
    let (_, headers, mut rest) = column_headers(block).expect("a block");
    let column = |header: ColumnHeader| {
        let payload;
        (payload, rest) = rest.split_at(header.stored);
        let bytes = unpack_column(header.codec, payload, header.raw);
        (header.tag, bytes.expect("a column"))
    };
    headers.into_iter().map(column).collect()
}

fn unpack_column(codec: u8, payload: &[u8], raw: usize) -> Option<Vec<u8>> {
    let bytes = match codec {
        CODEC_NONE => payload.to_vec(),
        CODEC_ZSTD if raw <= COLUMN_BYTES_MAX => zstd::bulk::decompress(payload, raw).ok()?,
        _ => return None,
    };
    (bytes.len() == raw).then_some(bytes)
}
