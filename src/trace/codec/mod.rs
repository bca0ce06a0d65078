//! THE table of codecs, and the opening of trace files: a path (or `-`) becomes one stream of
//! decompressed bytes. A codec is recognised by its first bytes, never by the file's name.
//!
//! Deliberately absent: what the bytes mean (see `format`). After a fault a stream stays faulty;
//! nothing behind it is handed out.

use super::model::error::{Cause, TraceError};
pub(super) use read_ahead::BUFFER;
use read_ahead::BytesAhead;
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use watch::{FileChanged, WatchedFile, WatchedReader};
use zip::ByteSource;

/// Number of bytes from which a codec is recognised.
const HEAD: usize = 6;

/// Returns whether a compressed file may begin with `first`. If not, a pipe need not have more bytes for
/// its codec to be recognised.
fn may_be_compressed(first: u8) -> bool {
    matches!(first, 0x1f | 0x28 | 0x50..=0x5f | 0xfd | 0x04 | b'B' | 0xff)
}

/// Upper limit of the memory that an xz stream may ask for, in KiB. `xz -9` needs 64 MiB.
const XZ_MEMORY_KIB: u32 = 2 * 1024 * 1024;

/// Wraps a compressed stream in its decoder.
type Decode = fn(ByteSource) -> io::Result<Box<dyn Read + Send>>;

/// A trace file opened for reading, decompressed.
pub struct Input {
    /// The decompressed bytes.
    pub reader: Box<dyn BufRead + Send>,
    /// The name of the codec; `none` where the file is not compressed.
    pub codec: &'static str,
    /// The decompressed size in bytes; known for regular files that are not compressed.
    pub file_bytes: Option<u64>,
    /// The file; `None` for standard input.
    pub(in crate::trace) file: Option<Arc<WatchedFile>>,
    /// The number of bytes read so far, packed as they are.
    pub(in crate::trace) packed_bytes: Arc<AtomicU64>,
}

/// How a written file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// One entry of the table.
pub struct Codec {
    /// The name in messages and results.
    pub name: &'static str,
    /// Endings of the names of such files, without dot.
    pub endings: &'static [&'static str],
    /// How such files are written; `None` if they are only read.
    pub written: Option<Compression>,
    /// Returns whether a file that begins with these bytes (up to 6) is of this codec.
    is: fn(&[u8]) -> bool,
    /// Wraps the compressed stream; `None` if there is nothing to do.
    decode: Option<Decode>,
}

/// Returns the codec of files whose names have this ending, without dot.
pub(super) fn by_ending(ending: &str) -> Option<&'static Codec> {
    CODECS.iter().find(|codec| codec.endings.contains(&ending))
}

/// Every codec, `none` last, since it fits everything.
pub const CODECS: &[Codec] = &[
    Codec {
        name: "gzip",
        endings: &["gz"],
        written: Some(Compression::Gzip),
        is: |head| head.starts_with(&[0x1f, 0x8b]),
        decode: Some(|source| Ok(Box::new(flate2::bufread::MultiGzDecoder::new(source)))),
    },
    Codec {
        name: "zstd",
        endings: &["zst", "zstd"],
        written: Some(Compression::Zstd),
        // A skippable frame may come first; lz4 has them too, but only zstd's tools write one there.
        is: |head| head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable(head),
        decode: Some(|source| {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
            // The largest window there is, so that `zstd --long=31` needs no option here.
            decoder.window_log_max(31)?;
            Ok(Box::new(decoder))
        }),
    },
    Codec {
        name: "xz",
        endings: &["xz"],
        written: None,
        is: |head| head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
        decode: Some(|source| {
            let source = WholeReads(BufReader::with_capacity(BUFFER, source));
            let decoder = lzma_rust2::XzReader::new_mem_limit(source, true, XZ_MEMORY_KIB);
            Ok(Box::new(decoder))
        }),
    },
    Codec {
        name: "lz4",
        endings: &["lz4"],
        written: None,
        is: |head| head.starts_with(&LZ4_MAGIC),
        decode: Some(|source| Ok(Box::new(Lz4Frames::Between(source)))),
    },
    Codec {
        name: "bzip2",
        endings: &["bz2"],
        written: None,
        // `BZh`, the block size, and the first byte of a block's or the end's magic number.
        is: |head| {
            matches!(head, [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.first().is_none_or(|b| matches!(b, 0x31 | 0x17)))
        },
        decode: Some(|source| Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(source)))),
    },
    Codec {
        name: "snappy",
        endings: &["sz", "snappy"],
        written: None,
        // The stream identifier of the framing format; a block without frames has none. The format has
        // no end, so that a file cut between two chunks is a shorter file.
        is: |head| head.starts_with(&[0xff, 0x06, 0, 0, b's', b'N']),
        decode: Some(|source| Ok(Box::new(snap::read::FrameDecoder::new(source)))),
    },
    Codec {
        name: "zip",
        endings: &["zip"],
        written: None,
        is: zip::is_zip,
        decode: Some(|source| Ok(Box::new(zip::Members::new(source)))),
    },
    Codec {
        name: "none",
        endings: &[],
        written: Some(Compression::None),
        is: |_| true,
        decode: None,
    },
];

/// Bytes read of trace files so far by this process, for progress.
static BYTES_READ: AtomicU64 = AtomicU64::new(0);

/// Returns the number of bytes that were read of trace files so far, packed as they are.
pub fn bytes_read() -> u64 {
    BYTES_READ.load(Ordering::Relaxed)
}

/// Adds to [`bytes_read`].
pub(in crate::trace) fn count_bytes(bytes: usize) {
    BYTES_READ.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Counts the bytes of one stream, and adds to [`bytes_read`].
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        count_bytes(read);
        Ok(read)
    }
}

/// Opens a trace file, or standard input for `-`. A file that changes while it is read is an error.
///
/// # Errors
///
/// The file cannot be opened or read, or is a directory.
pub fn open(path: &Path) -> Result<Input, TraceError> {
    if path.as_os_str() == "-" {
        return recognise(io::stdin(), None, path);
    }
    let file = Arc::new(WatchedFile::open(path)?);
    recognise(WatchedReader::new(file.clone()), Some(file), path)
}

/// Looks at the first bytes and wraps the stream of `file` accordingly.
fn recognise(
    inner: impl Read + Send + 'static,
    file: Option<Arc<WatchedFile>>,
    path: &Path,
) -> Result<Input, TraceError> {
    let packed_bytes = Arc::new(AtomicU64::new(0));
    let bytes = packed_bytes.clone();
    let mut source: ByteSource =
        Box::new(BufReader::with_capacity(BUFFER, Counted { inner, bytes }));
    let head = beginning(&mut source, HEAD, may_be_compressed).map_err(|e| read_error(path, e))?;
    let codec = CODECS
        .iter()
        .find(|codec| (codec.is)(&head))
        .expect("the last codec fits everything");
    let source: ByteSource = Box::new(Cursor::new(head).chain(source));
    let Some(decode) = codec.decode else {
        return Ok(Input {
            reader: source,
            codec: codec.name,
            file_bytes: file.as_ref().and_then(|file| file.bytes()),
            file,
            packed_bytes,
        });
    };
    let decoder = Checked {
        inner: decode(source).map_err(|e| read_error(path, e))?,
        codec: codec.name,
        bytes: 0,
        file: file.clone(),
        fault: None,
    };
    Ok(Input {
        reader: Box::new(BytesAhead::new(Box::new(decoder))),
        codec: codec.name,
        file_bytes: None,
        file,
        packed_bytes,
    })
}

/// Takes the first bytes of a stream, at most `most`. Takes only one if `goes_on` is false of it, and
/// so does not wait for a pipe that stays open.
pub(super) fn beginning(
    source: &mut dyn BufRead,
    most: usize,
    goes_on: impl Fn(u8) -> bool,
) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(most);
    (&mut *source).take(1).read_to_end(&mut head)?;
    if head.first().is_some_and(|&first| goes_on(first)) {
        source.take(most as u64 - 1).read_to_end(&mut head)?;
    }
    Ok(head)
}

/// Turns an error of a stream made by [`open`] into one about the trace. The caller adds the position.
pub(super) fn read_error(path: &Path, error: io::Error) -> TraceError {
    if error.raw_os_error().is_some() {
        return TraceError::io(path, "cannot read", error);
    }
    if let Some(changed) = FileChanged::cause_of(&error) {
        return changed_error(path, changed);
    }
    let mut fault = TraceError::new(path, error.to_string());
    if error.kind() == ErrorKind::UnexpectedEof || error.kind() == ErrorKind::InvalidData {
        fault.help = "the file may have been cut or damaged when it was written or copied".into();
    }
    fault.cause = match error.kind() {
        // An archive of something else.
        ErrorKind::Unsupported => Cause::UnknownFormat,
        _ => Cause::of(error),
    };
    fault
}

/// Returns the error for a trace that changed while it was read.
pub(in crate::trace) fn changed_error(path: &Path, changed: &FileChanged) -> TraceError {
    TraceError::new(path, changed.to_string()).help(FileChanged::HELP)
}

/// Fills the buffer of `reader` and returns it. Starts over when a signal interrupts.
pub(super) fn fill_buf(reader: &mut dyn BufRead) -> io::Result<&[u8]> {
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    // Already filled: this only hands the buffer out, which the loop cannot while it borrows.
    reader.fill_buf()
}

/// Counts the bytes of a decoder and gives its errors one wording. Once faulty, always faulty:
/// not every decoder may be asked again after an error.
struct Checked {
    inner: Box<dyn Read + Send>,
    codec: &'static str,
    bytes: u64,
    /// Must be unchanged at the end, which a decoder may find before the file ends.
    file: Option<Arc<WatchedFile>>,
    fault: Option<(ErrorKind, String)>,
}

impl Read for Checked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, what)) = &self.fault {
            return Err(io::Error::new(*kind, what.clone()));
        }
        match self.inner.read(buf) {
            Ok(n) => {
                self.bytes += n as u64;
                if n == 0 && !buf.is_empty() {
                    self.unchanged()?;
                }
                Ok(n)
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Err(e),
            // A change of the file explains what the decoder complains of.
            Err(e) => self.unchanged().and_then(|()| Err(self.fail(e))),
        }
    }
}

impl Checked {
    /// Errors if the file changed since it was opened.
    fn unchanged(&mut self) -> io::Result<()> {
        let changed = self.file.as_ref().map(|file| file.unchanged());
        changed.unwrap_or(Ok(())).map_err(|changed| {
            self.fault = Some((ErrorKind::InvalidData, changed.to_string()));
            changed.into()
        })
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        let (codec, at) = (self.codec, self.bytes);
        if error.raw_os_error().is_some() {
            self.fault = Some((error.kind(), error.to_string()));
            return error;
        }
        let (kind, what) = if error.kind() == ErrorKind::Unsupported {
            (ErrorKind::Unsupported, error.to_string())
        } else if error.kind() == ErrorKind::UnexpectedEof {
            let what = format!("{codec} stream is cut short after {at} decompressed bytes");
            (ErrorKind::UnexpectedEof, what)
        } else {
            let what = format!("{codec} stream is corrupt after {at} decompressed bytes: {error}");
            (ErrorKind::InvalidData, what)
        };
        self.fault = Some((kind, what.clone()));
        io::Error::new(kind, what)
    }
}

/// Reads that are short only at the end of the stream: the xz decoder takes a short read in the
/// middle of the next stream's magic number for the end.
struct WholeReads<R>(R);

impl<R: Read> Read for WholeReads<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.0.read(&mut buf[done..]) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}

/// The magic number of an lz4 frame.
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

/// Returns whether `head` begins a frame that lz4 and zstd decoders have to skip.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// One lz4 frame at a time. The frame decoder takes an end of file between two blocks for the end
/// of the frame, and does not skip skippable frames; both are seen to here.
enum Lz4Frames {
    /// Before a frame, or at the end.
    Between(ByteSource),
    /// In a frame.
    Frame(Box<Lz4Decoder>),
    /// While a state is exchanged for the next, and after a fault.
    Gone,
}

type Lz4Decoder = lz4_flex::frame::FrameDecoder<Chain<Cursor<[u8; 4]>, Ended>>;

/// A source that records whether a read met its end.
struct Ended {
    source: ByteSource,
    ended: bool,
}

impl Read for Ended {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buf)?;
        self.ended |= n == 0 && !buf.is_empty();
        Ok(n)
    }
}

impl Read for Lz4Frames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Lz4Frames::Gone) {
                Lz4Frames::Between(source) => match next_lz4_frame(source)? {
                    Ok(decoder) => *self = Lz4Frames::Frame(Box::new(decoder)),
                    Err(source) => {
                        *self = Lz4Frames::Between(source);
                        return Ok(0);
                    }
                },
                Lz4Frames::Frame(mut decoder) => {
                    let n = decoder.read(buf)?;
                    if n > 0 || buf.is_empty() {
                        *self = Lz4Frames::Frame(decoder);
                        return Ok(n);
                    }
                    let (_, rest) = (*decoder).into_inner().into_inner();
                    if rest.ended {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    *self = Lz4Frames::Between(rest.source);
                }
                Lz4Frames::Gone => return Err(ErrorKind::InvalidData.into()),
            }
        }
    }
}

/// Returns a decoder for the next frame, or the source at the end of the file.
fn next_lz4_frame(mut source: ByteSource) -> io::Result<Result<Lz4Decoder, ByteSource>> {
    loop {
        if fill_buf(&mut source)?.is_empty() {
            return Ok(Err(source));
        }
        let mut magic = [0; 4];
        source.read_exact(&mut magic)?;
        if magic == LZ4_MAGIC {
            let rest = Ended {
                source,
                ended: false,
            };
            // A new decoder per frame: one that is used again trips over a change of block size.
            let decoder = lz4_flex::frame::FrameDecoder::new(Cursor::new(magic).chain(rest));
            return Ok(Ok(decoder));
        }
        if !is_skippable(&magic) {
            let what = "what follows the last frame is not lz4";
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        source.read_exact(&mut magic)?;
        let length = u64::from(u32::from_le_bytes(magic));
        if io::copy(&mut (&mut source).take(length), &mut io::sink())? < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

pub mod encode;
pub(in crate::trace) mod positioned;
pub(in crate::trace) mod read_ahead;
#[cfg(test)]
mod tests;
pub(in crate::trace) mod watch;
pub(in crate::trace) mod zip;
