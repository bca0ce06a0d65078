//! Compression of written files, chosen by the ending of the file's name. A file that is read is
//! recognised by its content instead (see `codec`, which also has the endings).

pub use super::Packing;
use crate::trace::codec;
use std::io::{self, Write};
use std::path::Path;

/// Returns the compression that a file's name asks for, and the ending before the ending of that,
/// without dots; empty if there is none.
///
/// # Errors
///
/// Errors if the ending is that of a codec that is read only.
pub fn by_name(path: &Path) -> Result<(Packing, String), String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = file.rsplit_once('.').unwrap_or((&file, ""));
    let Some(codec) = codec::by_ending(ending) else {
        return Ok((Packing::None, ending.to_owned()));
    };
    let packing = codec.written.ok_or_else(|| {
        format!(
            "files that end in .{ending} are read, not written; name one that ends in .zst or .gz"
        )
    })?;
    let inner = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
    Ok((packing, inner.to_owned()))
}

/// Compresses the bytes written to it. [`Encoder::finish`] ends the stream.
pub enum Encoder<W: Write> {
    /// Passes bytes on unchanged.
    None(W),
    /// gzip, without name and time, so that the same content is the same bytes.
    Gzip(flate2::write::GzEncoder<W>),
    /// Zstandard.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Returns an encoder that writes to `out`. `level` is 1 (fast) to 19 (small); gzip uses at most 9.
    ///
    /// # Errors
    ///
    /// Errors if the library does, which has no memory then.
    pub fn new(packing: Packing, out: W, level: i32) -> io::Result<Encoder<W>> {
        Ok(match packing {
            Packing::None => Encoder::None(out),
            Packing::Gzip => {
                let level = flate2::Compression::new(level.clamp(1, 9) as u32);
                Encoder::Gzip(flate2::write::GzEncoder::new(out, level))
            }
            Packing::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(out, level)?;
                encoder.include_checksum(true)?;
                Encoder::Zstd(encoder)
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
            Encoder::None(out) => out,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        out.flush()
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::None(out) => out.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::None(out) => out.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_packing() {
        let of = |name: &str| by_name(Path::new(name));
        assert_eq!(of("a/x.din.gz"), Ok((Packing::Gzip, "din".into())));
        assert_eq!(of("x.zst"), Ok((Packing::Zstd, String::new())));
        assert_eq!(of("x.pbt"), Ok((Packing::None, "pbt".into())));
        assert_eq!(of("-"), Ok((Packing::None, String::new())));
        assert!(
            of("x.csv.xz")
                .unwrap_err()
                .contains(".xz are read, not written")
        );
    }
}
