//! A zip archive as one stream: its members one after the other, in the order of the file, which
//! must be the order of the numbers in their names. drmemtrace keeps a trace in members `chunk.0000`,
//! `chunk.0001` and so on; an archive of one file is that file. Layout: PKWARE's APPNOTE.TXT, 4.3.
//!
//! Reads forwards only, so that a pipe will do: the directory at the end must list the members that
//! were read. Deliberately absent: what the members hold, encryption, other methods than deflate.

use std::io::{self, BufRead, ErrorKind, Read, Take};

/// A stream of bytes before decompression.
pub(in crate::trace) type ByteSource = Box<dyn BufRead + Send>;

const MEMBER: u32 = 0x0403_4b50;
const DIRECTORY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// Returns whether a file that begins with `head` is an archive.
pub(in crate::trace) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(&MEMBER.to_le_bytes()) || head.starts_with(&END.to_le_bytes())
}

/// The content of all members of an archive.
pub(in crate::trace) struct Members {
    state: State,
    /// Name and checksum of the members of this archive so far.
    read: Vec<(Vec<u8>, u32)>,
    /// Entries of its directory so far.
    listed: usize,
    crc: flate2::Crc,
}

enum State {
    /// Before a record of the archive, or at the end.
    Between(ByteSource),
    /// In a member.
    Member(Content, Member),
    /// While a state is exchanged for the next, and after a fault.
    Gone,
}

enum Content {
    Stored(Take<ByteSource>),
    Deflated(flate2::bufread::DeflateDecoder<ByteSource>),
}

/// A member, as its header describes it.
struct Member {
    name: Vec<u8>,
    crc: u32,
    /// The checksum follows the member.
    descriptor: bool,
    /// Sizes are of 64 bits.
    wide: bool,
}

impl Members {
    pub(in crate::trace) fn new(source: ByteSource) -> Members {
        Members {
            state: State::Between(source),
            read: Vec::new(),
            listed: 0,
            crc: flate2::Crc::new(),
        }
    }

    /// Reads records up to the next member. Returns [`State::Between`] at the end of the file.
    fn next_member(&mut self, mut source: ByteSource) -> io::Result<State> {
        loop {
            let mut magic = Vec::with_capacity(4);
            (&mut source).take(4).read_to_end(&mut magic)?;
            // At the end of the file, the last record must have been the end of an archive.
            if magic.is_empty() && self.read.is_empty() && self.listed == 0 {
                return Ok(State::Between(source));
            }
            let magic = magic.first_chunk().ok_or(ErrorKind::UnexpectedEof)?;
            match u32::from_le_bytes(*magic) {
                MEMBER => return self.begin(source),
                DIRECTORY => self.directory(&mut source)?,
                END_64 => {
                    let length = u64::from_le_bytes(bytes(&mut source)?);
                    skip(&mut source, length)?;
                }
                LOCATOR_64 => skip(&mut source, 16)?,
                END => self.end(&mut source)?,
                _ => return Err(corrupt("no record of a zip archive where one should be")),
            }
        }
    }

    /// Reads the header of a member after its magic number.
    fn begin(&mut self, mut source: ByteSource) -> io::Result<State> {
        let fixed: [u8; 26] = bytes(&mut source)?;
        let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| fixed[at + i]));
        let (flags, method) = (u16_at(2), u16_at(4));
        let name = vec(&mut source, u16_at(22))?;
        let extra = vec(&mut source, u16_at(24))?;
        let sizes = wide_sizes(&extra);
        let member = Member {
            crc: u32_at(10),
            descriptor: flags & 8 != 0,
            wide: sizes.is_some(),
            name,
        };
        if flags & 1 != 0 {
            return Err(unsupported(&member.name, "is encrypted; unpack it"));
        }
        self.one_trace(&member.name)?;
        self.crc = flate2::Crc::new();
        let packed = match (u32_at(14), sizes) {
            (u32::MAX, Some(packed)) => packed,
            (packed, _) => u64::from(packed),
        };
        let content = match method {
            0 if member.descriptor => {
                let what = "is stored without its size; unpack it";
                return Err(unsupported(&member.name, what));
            }
            0 => Content::Stored(source.take(packed)),
            8 => Content::Deflated(flate2::bufread::DeflateDecoder::new(source)),
            _ => {
                let what = format!("is compressed by method {method}, not by deflate; unpack it");
                return Err(unsupported(&member.name, &what));
            }
        };
        Ok(State::Member(content, member))
    }

    /// Members must be pieces of one trace, in order: their names may differ in digits only, and
    /// their numbers must rise.
    fn one_trace(&self, name: &[u8]) -> io::Result<()> {
        let stem = |name: &[u8]| -> Vec<u8> {
            name.iter()
                .copied()
                .filter(|b| !b.is_ascii_digit())
                .collect()
        };
        let is_file = |name: &&[u8]| !name.ends_with(b"/");
        let mut files = self.read.iter().map(|(name, _)| &name[..]).filter(is_file);
        let Some(last) = files.next_back().filter(|_| is_file(&name)) else {
            return Ok(());
        };
        if stem(last) != stem(name) {
            let what = format!("is another file than {}; unpack it", last.escape_ascii());
            return Err(unsupported(name, &what));
        }
        if numbers(name) <= numbers(last) {
            let what = format!(
                "stands behind {}: pack the pieces in the order of their numbers, or unpack them",
                last.escape_ascii()
            );
            return Err(unsupported(name, &what));
        }
        Ok(())
    }

    /// Ends a member. Errors if its checksum is not that of its header or descriptor.
    fn finish(&mut self, content: Content, member: Member) -> io::Result<State> {
        let mut source = match content {
            Content::Stored(rest) if rest.limit() > 0 => {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            Content::Stored(rest) => rest.into_inner(),
            Content::Deflated(decoder) => decoder.into_inner(),
        };
        let mut crc = member.crc;
        if member.descriptor {
            crc = u32_of(&mut source)?;
            if crc == DESCRIPTOR {
                crc = u32_of(&mut source)?;
            }
            skip(&mut source, if member.wide { 16 } else { 8 })?;
        }
        if crc != self.crc.sum() {
            return Err(corrupt("the checksum of a member is wrong"));
        }
        self.read.push((member.name, crc));
        Ok(State::Between(source))
    }

    /// Reads an entry of the directory, which must be the next member that was read.
    fn directory(&mut self, source: &mut ByteSource) -> io::Result<()> {
        let fixed: [u8; 42] = bytes(source)?;
        let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let crc = u32::from_le_bytes(std::array::from_fn(|i| fixed[12 + i]));
        let name = vec(source, u16_at(24))?;
        skip(source, u64::from(u16_at(26)) + u64::from(u16_at(28)))?;
        if self.read.get(self.listed) != Some(&(name, crc)) {
            return Err(corrupt("the directory names other members than were read"));
        }
        self.listed += 1;
        Ok(())
    }

    /// Reads the end of an archive; another may follow.
    fn end(&mut self, source: &mut ByteSource) -> io::Result<()> {
        let fixed: [u8; 18] = bytes(source)?;
        skip(
            source,
            u64::from(u16::from_le_bytes([fixed[16], fixed[17]])),
        )?;
        if self.listed != self.read.len() {
            return Err(corrupt("the directory does not name all members"));
        }
        self.read.clear();
        self.listed = 0;
        Ok(())
    }
}

impl Read for Members {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Gone) {
                State::Between(source) => {
                    self.state = self.next_member(source)?;
                    if let State::Between(_) = self.state {
                        return Ok(0);
                    }
                }
                State::Member(mut content, member) => {
                    let n = match &mut content {
                        Content::Stored(rest) => rest.read(buf)?,
                        Content::Deflated(decoder) => decoder.read(buf)?,
                    };
                    if n > 0 || buf.is_empty() {
                        self.crc.update(&buf[..n]);
                        self.state = State::Member(content, member);
                        return Ok(n);
                    }
                    self.state = self.finish(content, member)?;
                }
                State::Gone => return Err(ErrorKind::InvalidData.into()),
            }
        }
    }
}

/// The numbers in a name, in order: of each the count of its digits without leading zeros, and these.
fn numbers(name: &[u8]) -> Vec<(usize, &[u8])> {
    let runs = name.split(|byte| !byte.is_ascii_digit());
    runs.filter(|run| !run.is_empty())
        .map(|run| {
            let zeros = run.iter().take_while(|&&digit| digit == b'0').count();
            (run.len() - zeros, &run[zeros..])
        })
        .collect()
}

/// The packed size in the extra field of large archives (tag 1), if it is there.
fn wide_sizes(mut extra: &[u8]) -> Option<u64> {
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let field = rest.get(..length)?;
        if head[..2] == [1, 0] {
            let packed = field.get(8..16).and_then(|bytes| bytes.first_chunk());
            return Some(packed.map_or(0, |bytes| u64::from_le_bytes(*bytes)));
        }
        extra = &rest[length..];
    }
    None
}

fn bytes<const N: usize>(source: &mut ByteSource) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u32_of(source: &mut ByteSource) -> io::Result<u32> {
    bytes(source).map(u32::from_le_bytes)
}

fn vec(source: &mut ByteSource, length: u16) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(length)];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn skip(source: &mut ByteSource, length: u64) -> io::Result<()> {
    match io::copy(&mut source.take(length), &mut io::sink())? {
        n if n < length => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn corrupt(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// The archive is whole, but no trace that can be read from here.
fn unsupported(name: &[u8], what: &str) -> io::Error {
    let what = format!("zip archive: {} {what}", name.escape_ascii());
    io::Error::new(ErrorKind::Unsupported, what)
}

#[cfg(test)]
pub(in crate::trace) mod tests {
    use super::*;
    use std::io::Write;

    /// An archive of these members: name, content, whether deflated, whether its checksum comes
    /// behind it.
    pub fn archive(members: &[(&str, &[u8], bool, bool)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for &(name, content, deflated, descriptor) in members {
            let mut crc = flate2::Crc::new();
            crc.update(content);
            let mut packed = content.to_vec();
            if deflated {
                let level = flate2::Compression::fast();
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(content).unwrap();
                packed = encoder.finish().unwrap();
            }
            let known = [crc.sum(), packed.len() as u32, content.len() as u32];
            let known: Vec<u8> = known.iter().flat_map(|n| n.to_le_bytes()).collect();
            let flags = [u8::from(descriptor) * 8, 0];
            let method = [u8::from(deflated) * 8, 0];
            let length = (name.len() as u16).to_le_bytes();
            let zeros = [0; 18];
            let offset = (out.len() as u32).to_le_bytes();
            let before = match descriptor {
                true => &zeros[..12],
                false => &known,
            };
            let head = [
                &MEMBER.to_le_bytes()[..],
                &[20, 0],
                &flags,
                &method,
                &[0; 4],
                before,
            ];
            out.extend(
                [
                    &head.concat()[..],
                    &length,
                    &[0; 2],
                    name.as_bytes(),
                    &packed,
                ]
                .concat(),
            );
            if descriptor {
                out.extend([&DESCRIPTOR.to_le_bytes()[..], &known].concat());
            }
            let head = [
                &DIRECTORY.to_le_bytes()[..],
                &[20, 0, 20, 0],
                &flags,
                &method,
                &[0; 4],
                &known,
            ];
            let tail = [&length[..], &zeros[..12], &offset, name.as_bytes()];
            directory.extend([head.concat(), tail.concat()].concat());
        }
        let count = (members.len() as u16).to_le_bytes();
        let (size, start) = (directory.len() as u32, out.len() as u32);
        out.extend_from_slice(&directory);
        let end = [
            &END.to_le_bytes()[..],
            &[0; 4],
            &count,
            &count,
            &size.to_le_bytes(),
        ];
        out.extend([&end.concat()[..], &start.to_le_bytes(), &[0; 2]].concat());
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        let mut members = Members::new(Box::new(io::Cursor::new(bytes.to_vec())));
        match members.read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(e) => Err(e.to_string()),
        }
    }

    #[test]
    fn members_are_one_stream_in_order() {
        let bytes = archive(&[
            ("t/", b"", false, false),
            ("t/chunk.0000", b"one ", true, false),
            ("t/chunk.0001", b"two ", false, false),
            ("t/chunk.0010", b"three", true, true),
        ]);
        assert_eq!(read(&bytes).unwrap(), b"one two three");
        assert_eq!(
            read(&bytes.repeat(2)).unwrap(),
            b"one two threeone two three"
        );
        assert_eq!(read(&archive(&[])).unwrap(), b"");
    }

    #[test]
    fn what_is_no_single_trace_is_refused() {
        let two = archive(&[
            ("a.txt", b"1\n", true, false),
            ("b.txt", b"2\n", true, false),
        ]);
        let error = read(&two).unwrap_err();
        assert!(
            error.contains("b.txt is another file than a.txt; unpack it"),
            "{error}"
        );
        let mut locked = archive(&[("a", b"1\n", true, false)]);
        locked[6] |= 1;
        assert!(read(&locked).unwrap_err().contains("is encrypted"));
        locked[6] = 0;
        locked[8] = 93;
        assert!(read(&locked).unwrap_err().contains("method 93"));
        assert!(
            read(&archive(&[("a", b"1", false, true)]))
                .unwrap_err()
                .contains("without its size")
        );
    }

    #[test]
    fn pieces_stand_in_the_order_of_their_numbers() {
        let of = |names: &[&str]| {
            let members: Vec<_> = names
                .iter()
                .map(|n| (*n, n.as_bytes(), true, false))
                .collect();
            read(&archive(&members))
        };
        let huge = [
            "p99999999999999999999998",
            "p99999999999999999999999",
            "p100000000000000000000000",
        ];
        for names in [
            &["part1", "part2", "part10"][..],
            &["part001", "part2", "part0010"],
            &["a1.part9", "a1.part10", "a2.part1"],
            &["part", "part1"],
            &["part0", "part1"],
            &huge,
        ] {
            assert_eq!(of(names).unwrap(), names.concat().as_bytes());
        }
        for (names, later, before) in [
            // As a shell sorts part*.
            (&["part1", "part10", "part2"][..], "part2", "part10"),
            (&["part2", "part1"], "part1", "part2"),
            (&["part01", "d/", "part1"], "part1", "part01"),
            (&["a2.part1", "a1.part2"], "a1.part2", "a2.part1"),
        ] {
            let told = format!("zip archive: {later} stands behind {before}: pack the pieces");
            let error = of(names).unwrap_err();
            assert!(error.starts_with(&told), "{error}");
        }
    }

    #[test]
    fn content_and_directory_must_agree() {
        let good = archive(&[("a", b"hello", false, false)]);
        let at = good.windows(5).position(|w| w == b"hello").unwrap();
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(read(&bad).unwrap_err().contains("checksum"));
        for cut in 4..good.len() {
            assert!(read(&good[..cut]).is_err(), "cut at {cut}");
        }
        let mut bad = good.clone();
        let name = good.len() - 23;
        bad[name] = b'b';
        assert!(read(&bad).unwrap_err().contains("other members"));
    }
}
