//! The bytes of a trace at given offsets: read from a file when they are needed, or held in memory.
//!
//! Why not simply map the file? If another program cuts a mapped file, the next look at it ends the
//! process (SIGBUS). A read is short instead, and costs about as much: the bytes are packed and few.
//! Knows nothing of what the bytes mean.

use super::watch::{FileChanged, WatchedFile};
use crate::trace::model::error::TraceError;
use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;

/// The bytes of a trace.
#[derive(Debug)]
pub(in crate::trace) enum Bytes {
    /// A regular file of this length.
    File(WatchedFile, u64),
    /// A copy in memory (pipes, compressed files, tests).
    Owned(Vec<u8>),
}

impl Bytes {
    /// Opens a regular file.
    pub fn open(path: &Path) -> Result<Bytes, TraceError> {
        let file = WatchedFile::open(path)?;
        let fail = || TraceError::new(path, "is no regular file");
        let bytes = file.bytes().ok_or_else(fail)?;
        Ok(Bytes::File(file, bytes))
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        match self {
            Bytes::File(_, bytes) => *bytes,
            Bytes::Owned(bytes) => bytes.len() as u64,
        }
    }

    /// Returns the bytes in `span`. Errors if they lie outside, or if the file was cut meanwhile.
    pub fn get(&self, span: Range<u64>) -> io::Result<Cow<'_, [u8]>> {
        if span.start > span.end || span.end > self.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match self {
            Bytes::File(file, _) => {
                let mut bytes = vec![0; (span.end - span.start) as usize];
                file.read_at(&mut bytes, span.start)?;
                Ok(Cow::Owned(bytes))
            }
            Bytes::Owned(bytes) => Ok(Cow::Borrowed(
                &bytes[span.start as usize..span.end as usize],
            )),
        }
    }

    /// Errors if the file changed since it was opened.
    pub fn unchanged(&self) -> Result<(), FileChanged> {
        match self {
            Bytes::File(file, _) => file.unchanged(),
            Bytes::Owned(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_memory_give_the_same_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let all: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
        std::fs::write(file.path(), &all).unwrap();
        let (opened, owned) = (Bytes::open(file.path()).unwrap(), Bytes::Owned(all));
        assert_eq!(opened.len(), owned.len());
        for span in [0..0, 0..7, 50_000..99_999, 99_999..100_000, 0..100_000] {
            assert_eq!(opened.get(span.clone()).unwrap(), owned.get(span).unwrap());
        }
        let (start, end) = (u64::MAX, 3);
        for bytes in [&opened, &owned] {
            assert!(bytes.get(99_999..100_001).is_err());
            assert!(bytes.get(Range { start, end }).is_err());
        }
        assert_eq!(opened.unchanged(), Ok(()));
        std::fs::write(file.path(), "cut").unwrap();
        let error = opened.get(50_000..60_000).unwrap_err();
        assert!(FileChanged::cause_of(&error).is_some());
        assert!(opened.unchanged().is_err());
    }
}
