//! Compression of what is written, chosen by the ending of the file's name. What is read is told
//! from content instead (see `codec`).

use std::io::{self, Write};
use std::path::Path;

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// Endings of packed files, and of those that are read but not written.
const ENDINGS: [(&str, Option<Packing>); 7] = [
    ("gz", Some(Packing::Gzip)),
    ("zst", Some(Packing::Zstd)),
    ("zstd", Some(Packing::Zstd)),
    ("xz", None),
    ("lz4", None),
    ("bz2", None),
    ("zip", None),
];

/// The packing that a file's name asks for, and the ending before that one, without dots; empty if
/// there is none.
///
/// # Errors
///
/// The ending is one of a packing that is read only.
pub fn by_name(path: &Path) -> Result<(Packing, String), String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = file.rsplit_once('.').unwrap_or((&file, ""));
    match ENDINGS.iter().find(|(known, _)| *known == ending) {
        None => Ok((Packing::None, ending.to_owned())),
        Some((_, Some(packing))) => {
            let inner = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
            Ok((*packing, inner.to_owned()))
        }
        Some((_, None)) => Err(format!(
            "files that end in .{ending} are read, not written; name one that ends in .zst or .gz"
        )),
    }
}

/// Packs what is written to it. [`Encoder::finish`] ends the stream.
pub enum Encoder<W: Write> {
    /// As it is.
    None(W),
    /// gzip, without name and time, so that the same content is the same bytes.
    Gzip(flate2::write::GzEncoder<W>),
    /// Zstandard.
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Packs into `out`; `level` is 1 (fast) to 19 (small), of gzip up to 9.
    ///
    /// # Errors
    ///
    /// Those of the library: there is no memory.
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
    /// Those of the sink.
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
