//! The bytes of a file, mapped into memory. Besides `simd`, the only `unsafe` of the crate is here.
//! Knows nothing of what the bytes mean.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;

/// Bytes of a file: mapped where the system can, read otherwise.
#[derive(Debug)]
pub enum Bytes {
    /// A read-only mapping.
    Mapped(memmap2::Mmap),
    /// A copy in memory (pipes, compressed files, tests).
    Owned(Vec<u8>),
}

impl Bytes {
    /// Maps `file`; reads it where mapping fails, as on a pipe.
    #[expect(unsafe_code, reason = "a file mapping cannot be made otherwise")]
    pub fn map(file: &mut File) -> io::Result<Bytes> {
        // SAFETY: the mapping is read-only and private to this value. Should another process
        // shorten the file while it is mapped, reading it would raise SIGBUS, as for every
        // program that maps files; all content is checked against checksums before it is used
        // as an index.
        match unsafe { memmap2::Mmap::map(&*file) } {
            Ok(map) => Ok(Bytes::Mapped(map)),
            Err(_) => Bytes::read(file),
        }
    }

    /// Reads everything: the portable twin of [`Bytes::map`].
    pub fn read(file: &mut File) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Bytes::Owned(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn mapping_and_reading_give_the_same_bytes() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&(0..=255u8).cycle().take(100_000).collect::<Vec<u8>>())
            .unwrap();
        let mapped = Bytes::map(&mut File::open(file.path()).unwrap()).unwrap();
        let read = Bytes::read(&mut File::open(file.path()).unwrap()).unwrap();
        assert!(matches!(mapped, Bytes::Mapped(_)));
        assert_eq!(mapped[..], read[..]);
    }
}
