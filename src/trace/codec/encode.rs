//! Compression of written files, chosen by the ending of the file's name. A file that is read is
//! recognised by its content instead (see `codec`, which also has the endings).

pub use super::Compression;
use crate::trace::codec;
use std::io::{self, Write};
use std::path::Path;

/// Returns the compression that a file's name asks for, and the ending before the ending of that,
/// without dots; empty if there is none.
///
/// # Errors
///
/// Errors if the ending is that of a codec that is read only.
pub fn by_name(path: &Path) -> Result<(Compression, String), String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = file.rsplit_once('.').unwrap_or((&file, ""));
    let Some(codec) = codec::by_ending(ending) else {
        return Ok((Compression::None, ending.to_owned()));
    };
    let packing = codec.written.ok_or_else(|| {
        format!(
            "files that end in .{ending} are read, not written; name one that ends in .zst or .gz"
        )
    })?;
    let inner = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
    Ok((packing, inner.to_owned()))
}

/// Compresses the bytes written to it. [`Compressor::finish`] ends the stream.
pub enum Compressor<W: Write> {
    /// Passes bytes on unchanged.
    None(W),
    /// gzip, without name and time, so that the same content is the same bytes.
    Gzip(flate2::write::GzEncoder<W>),
    /// Zstandard.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Compressor<W> {
    /// Returns an encoder that writes to `out`. `level` is 1 (fast) to 19 (small); gzip uses at most 9.
    ///
    /// # Errors
    ///
    /// Errors if the library does, which has no memory then.
    pub fn new(packing: Compression, out: W, level: i32) -> io::Result<Compressor<W>> {
        Ok(match packing {
            Compression::None => Compressor::None(out),
            Compression::Gzip => {
                let level = flate2::Compression::new(level.clamp(1, 9) as u32);
                Compressor::Gzip(flate2::write::GzEncoder::new(out, level))
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, level)?;
                encoder.include_checksum(true)?;
                Compressor::Zstd(encoder)
            }
        })
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// Errors if `out` does.
    pub fn finish(self) -> io::Result<()> {
        let mut out = match self {
            Compressor::None(out) => out,
            Compressor::Gzip(encoder) => encoder.finish()?,
            Compressor::Zstd(encoder) => encoder.finish()?,
        };
        out.flush()
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Compressor::None(out) => out.write(bytes),
            Compressor::Gzip(encoder) => encoder.write(bytes),
            Compressor::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressor::None(out) => out.flush(),
            Compressor::Gzip(encoder) => encoder.flush(),
            Compressor::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_packing() {
        let of = |name: &str| by_name(Path::new(name));
        assert_eq!(of("a/x.din.gz"), Ok((Compression::Gzip, "din".into())));
        assert_eq!(of("x.zst"), Ok((Compression::Zstd, String::new())));
        assert_eq!(of("x.pbt"), Ok((Compression::None, "pbt".into())));
        assert_eq!(of("-"), Ok((Compression::None, String::new())));
        assert!(
            of("x.csv.xz")
                .unwrap_err()
                .contains(".xz are read, not written")
        );
    }
}
