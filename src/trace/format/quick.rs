//! The fast path of line-based formats: a line is seen through blocks of 64 bytes, in which a class of
//! bytes is one bit each ([`Block`]), so that no branch depends on how long its words are. It takes lines
//! in the usual form of their format and leaves all others to the parser of single lines, which is its
//! plain twin.
//!
//! Knows no format.

use super::options::Base;
use crate::simd::SimdLevel;
use crate::simd::text::{BLOCK, DIGITS, Lanes};
use crate::trace::model::access::{Access, Kind};

/// Bytes that must follow the beginning of a block: those of the block, and of a number that begins in
/// it. Lines closer to the end of a buffer are left to the parser.
const ROOM: usize = BLOCK + DIGITS as usize;

/// What a fast path makes of a line.
#[derive(Clone, Copy)]
pub(super) struct Quick {
    /// The access, if the line has one.
    pub access: Option<Access>,
    /// A second access, if the line has two.
    pub second: Option<Access>,
    /// Bytes of the line with its end.
    pub length: u32,
}

impl Quick {
    /// A line of `length` bytes with one access.
    #[inline(always)]
    pub fn access(access: Access, length: u32) -> Option<Quick> {
        Some(Quick {
            access: Some(access),
            second: None,
            length,
        })
    }

    /// A line of `length` bytes with one access of process 0 to one byte.
    #[inline(always)]
    pub fn single(kind: Kind, addr: u64, length: u32) -> Option<Quick> {
        Quick::access(Access::single(kind, addr), length)
    }

    /// A line of `length` bytes without an access.
    #[inline(always)]
    pub fn nothing(length: u32) -> Option<Quick> {
        Some(Quick {
            access: None,
            second: None,
            length,
        })
    }
}

/// What was taken by the fast path.
#[derive(Default)]
pub(super) struct Taken {
    pub bytes: usize,
    pub lines: u64,
    /// The accesses of the last line, if the buffer does not take the first of them.
    pub left: [Option<Access>; 2],
}

/// Returns the level whose instructions fast paths use: the best one, unless a test chooses.
#[inline]
pub(super) fn level() -> SimdLevel {
    #[cfg(test)]
    if let Some(level) = testing::LEVEL.get() {
        return level;
    }
    SimdLevel::best()
}

/// What tests choose and count.
#[cfg(test)]
pub(super) mod testing {
    use super::SimdLevel;
    use std::cell::Cell;

    thread_local! {
        /// The level whose instructions are used.
        pub static LEVEL: Cell<Option<SimdLevel>> = const { Cell::new(None) };
        /// Lines that fast paths took.
        pub static LINES: Cell<u64> = const { Cell::new(0) };
    }
}

/// How often a fast path is tried: less often where it takes no line, time and again.
#[derive(Default)]
pub(super) struct Patience {
    /// Lines to parse before it is tried again.
    wait: u32,
    /// How often in a row it took no line.
    misses: u32,
}

/// The most lines to parse before the fast path is tried again, plus one, as a power of two.
const MISSES_MAX: u32 = 5;

impl Patience {
    /// Returns true if the fast path is to be tried now; else a line is parsed.
    #[inline]
    pub fn is_due(&mut self) -> bool {
        let due = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        due
    }

    /// Notes how many lines it took. The line after them is parsed.
    #[inline]
    pub fn note(&mut self, lines: u64) {
        #[cfg(test)]
        testing::LINES.set(testing::LINES.get() + lines);
        self.misses = match lines {
            0 => (self.misses + 1).min(MISSES_MAX),
            _ => 0,
        };
        self.wait = (1 << self.misses) - 1;
    }
}

/// The text from the beginning of a line on.
#[derive(Clone, Copy)]
pub(super) struct Head<'a, L> {
    lanes: L,
    /// The rest of the buffer, at least [`ROOM`] bytes.
    bytes: &'a [u8],
}

impl<'a, L: Lanes> Head<'a, L> {
    #[inline(always)]
    pub fn new(lanes: L, bytes: &'a [u8]) -> Option<Head<'a, L>> {
        (bytes.len() >= ROOM).then_some(Head { lanes, bytes })
    }

    /// Returns the block at the beginning of the line.
    #[inline(always)]
    pub fn first(self) -> Block<'a, L> {
        let bytes = self.bytes.first_chunk().expect("room for a block");
        Block {
            lanes: self.lanes,
            bytes,
        }
    }

    /// Returns a part of the line.
    #[inline(always)]
    pub fn slice(self, part: Word) -> &'a [u8] {
        &self.bytes[part.from as usize..part.to as usize]
    }

    /// Returns the block that begins `at` bytes after the beginning of the line, or `None` if the buffer
    /// ends before.
    #[inline(always)]
    pub fn block(self, at: u32) -> Option<Block<'a, L>> {
        let bytes = self.bytes.get(at as usize..)?.first_chunk()?;
        Some(Block {
            lanes: self.lanes,
            bytes,
        })
    }
}

/// A block of 64 bytes. Places in it are from 0 to 63; bits of larger places are ignored.
#[derive(Clone, Copy)]
pub(super) struct Block<'a, L> {
    lanes: L,
    bytes: &'a [u8; ROOM],
}

/// Where the text of a line ends.
#[derive(Clone, Copy)]
pub(super) struct LineEnd {
    /// The place of the first byte after the text: the CR or LF.
    pub text: u32,
    /// The place after the LF.
    pub next: u32,
}

impl<'a, L: Lanes> Block<'a, L> {
    #[inline(always)]
    fn block(self) -> &'a [u8; BLOCK] {
        self.bytes.first_chunk().expect("room for a block")
    }

    /// Returns the byte at a place.
    #[inline(always)]
    pub fn byte(self, at: u32) -> u8 {
        self.bytes[at as usize % BLOCK]
    }

    /// Returns the eight bytes from a place on, the first one in the lowest byte.
    #[inline(always)]
    pub fn word(self, at: u32) -> u64 {
        let text: &[u8; 16] = self.text(at);
        u64::from_le_bytes(*text.first_chunk().expect("eight of sixteen bytes"))
    }

    #[inline(always)]
    fn text(self, at: u32) -> &'a [u8; 16] {
        let at = at as usize % BLOCK;
        self.bytes[at..at + 16]
            .first_chunk()
            .expect("sixteen bytes")
    }

    /// Returns the sixteen bytes from a place on, with zeros after the first `count`.
    #[inline(always)]
    pub fn key(self, at: u32, count: u32) -> u128 {
        let text = u128::from_le_bytes(*self.text(at));
        text & (u128::MAX >> (128 - 8 * count.clamp(1, 16)))
    }

    /// Returns the bytes of a word.
    #[inline(always)]
    pub fn slice(self, word: Word) -> &'a [u8] {
        &self.bytes[word.from as usize..word.to as usize]
    }

    /// Returns true if `text` stands at a place. `text` has at most sixteen bytes.
    #[inline(always)]
    pub fn has<const N: usize>(self, at: u32, text: &[u8; N]) -> bool {
        const { assert!(N <= 16) };
        self.text(at)[..N] == *text
    }

    /// Returns the bytes that equal `byte`.
    #[inline(always)]
    pub fn equal(self, byte: u8) -> u64 {
        self.lanes.equal(self.block(), byte)
    }

    /// Returns the blanks and tabs.
    #[inline(always)]
    pub fn blanks(self) -> u64 {
        self.equal(b' ') | self.equal(b'\t')
    }

    /// Returns the bytes that are one of `count` from `first` on, which is not 0; all are ASCII.
    #[inline(always)]
    pub fn among(self, first: u8, count: u8) -> u64 {
        self.lanes.among(self.block(), first, count)
    }

    /// Returns the decimal digits.
    #[inline(always)]
    pub fn digits(self) -> u64 {
        self.lanes.among(self.block(), b'0', 10)
    }

    /// Returns the hexadecimal digits of either case.
    #[inline(always)]
    pub fn hex_digits(self) -> u64 {
        self.lanes.hex_digits(self.block())
    }

    /// Returns the end of the line, if it is in this block.
    #[inline(always)]
    pub fn end(self) -> Option<LineEnd> {
        let end = first(self.equal(b'\n'));
        if end >= BLOCK as u32 {
            return None;
        }
        let return_before = end > 0 && self.byte(end.wrapping_sub(1)) == b'\r';
        Some(LineEnd {
            text: end - u32::from(return_before),
            next: end + 1,
        })
    }

    /// Returns the words of a line that begins with this block. Its text ends at the place `end`; at 64,
    /// words that are cut there end there.
    #[inline(always)]
    pub fn words(self, end: u32) -> Words {
        let blanks = self.blanks() | from(end);
        Words {
            starts: !blanks & (blanks << 1 | 1),
            ends: blanks & !blanks << 1,
        }
    }

    /// Returns the words from the place `start` on, which begins a word; see [`Block::words`].
    #[inline(always)]
    pub fn words_from(self, start: u32, end: u32) -> Words {
        let blanks = self.blanks() | from(end) | !from(start);
        Words {
            starts: !blanks & (blanks << 1 | 1),
            ends: blanks & !blanks << 1,
        }
    }

    /// Returns the last word before the place `end`; `None` without any.
    #[inline(always)]
    pub fn word_before(self, end: u32) -> Option<Word> {
        let blanks = self.blanks();
        let to = last(!blanks & !from(end))? + 1;
        let from = last(blanks & !from(to)).map_or(0, |blank| blank + 1);
        Some(Word { from, to })
    }

    /// Returns the fields between the bytes `separator` of a line that begins with this block. Its text
    /// ends at the place `end`, which is below 64.
    #[inline(always)]
    pub fn fields(self, separator: u8, end: u32) -> Fields {
        Fields {
            ends: self.equal(separator) & !from(end) | 1 << end,
            from: 0,
        }
    }

    /// Returns true if a word is `text`, of at most sixteen bytes.
    #[inline(always)]
    pub fn is<const N: usize>(self, word: Word, text: &[u8; N]) -> bool {
        word.len() == N as u32 && self.has(word.from, text)
    }

    /// Returns the kind that a word of one letter stands for.
    #[inline(always)]
    pub fn letter(self, word: Word, letters: &Letters) -> Option<Kind> {
        let kind = letters.0[usize::from(self.byte(word.from))];
        kind.filter(|_| word.len() == 1)
    }

    /// Returns the decimal number that a word is; `None` if it is none or has more than sixteen digits.
    /// `digits` are those of the block.
    #[inline(always)]
    pub fn decimal(self, digits: u64, word: Word) -> Option<u64> {
        let number = word.is_number(digits, DIGITS);
        number.then(|| self.lanes.decimal(self.text(word.from), word.len()))
    }

    /// Like [`Block::decimal`], of hexadecimal digits of either case.
    #[inline(always)]
    pub fn hex(self, hex_digits: u64, word: Word) -> Option<u64> {
        let number = word.is_number(hex_digits, DIGITS);
        number.then(|| self.lanes.hex(self.text(word.from), word.len()))
    }

    /// Returns the number that a word is, as [`Base::number`] reads it: with `0x` it is hexadecimal.
    #[inline(always)]
    pub fn number(self, base: Base, word: Word) -> Option<u64> {
        if self.has(word.from, b"0x") {
            return self.hex(self.hex_digits(), word.after(2));
        }
        match base {
            Base::Hex => self.hex(self.hex_digits(), word),
            Base::Dec => self.decimal(self.digits(), word),
        }
    }
}

/// A part of a block: the places `from..to`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub from: u32,
    pub to: u32,
}

impl Word {
    #[inline(always)]
    pub fn len(self) -> u32 {
        self.to.wrapping_sub(self.from)
    }

    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.from == self.to
    }

    /// Returns the byte before its end, or any byte if it is empty.
    #[inline(always)]
    pub fn last(self) -> u32 {
        self.to.wrapping_sub(1)
    }

    /// Returns the bits of its places.
    #[inline(always)]
    pub fn bits(self) -> u64 {
        from(self.from) & !from(self.to)
    }

    /// Returns the word without its first `count` bytes. A shorter one becomes no number.
    #[inline(always)]
    pub fn after(self, count: u32) -> Word {
        Word {
            from: self.from + count,
            ..self
        }
    }

    /// Returns true if the word is one digit or more, up to `most`.
    #[inline(always)]
    pub fn is_number(self, digits: u64, most: u32) -> bool {
        self.len().wrapping_sub(1) < most && self.bits() & !digits == 0
    }
}

/// The words of a line between blanks and tabs.
#[derive(Clone, Copy)]
pub(super) struct Words {
    starts: u64,
    ends: u64,
}

impl Words {
    /// Takes the next word. After the last one words are empty.
    #[inline(always)]
    pub fn next(&mut self) -> Word {
        let word = Word {
            from: first(self.starts),
            to: first(self.ends),
        };
        self.starts = after_first(self.starts);
        self.ends = after_first(self.ends);
        word
    }

    /// Returns the number of words left.
    #[inline(always)]
    pub fn count(self) -> u32 {
        self.starts.count_ones()
    }

    /// Returns true if no word is left.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.starts == 0
    }
}

/// The fields of a line between separators. The line end ends the last one.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    ends: u64,
    from: u32,
}

impl Fields {
    /// Returns the number of fields left.
    #[inline(always)]
    pub fn count(self) -> u32 {
        self.ends.count_ones()
    }

    /// Takes the next field. Only the last one ends with the text of the line; what follows it is none.
    #[inline(always)]
    pub fn next(&mut self) -> Word {
        let word = Word {
            from: self.from,
            to: first(self.ends),
        };
        self.ends = after_first(self.ends);
        self.from = word.to + 1;
        word
    }
}

/// The kinds that letters stand for.
pub(super) struct Letters([Option<Kind>; 256]);

impl Letters {
    pub const fn new(list: &[(u8, Kind)]) -> Letters {
        let mut kinds = [None; 256];
        let mut i = 0;
        while i < list.len() {
            kinds[list[i].0 as usize] = Some(list[i].1);
            i += 1;
        }
        Letters(kinds)
    }
}

/// Returns the place of the first bit; 64 without any.
#[inline(always)]
pub(super) fn first(bits: u64) -> u32 {
    bits.trailing_zeros()
}

/// Returns the bits without the first one.
#[inline(always)]
pub(super) fn after_first(bits: u64) -> u64 {
    bits & bits.wrapping_sub(1)
}

/// Returns the place of the last bit; `None` without any.
#[inline(always)]
pub(super) fn last(bits: u64) -> Option<u32> {
    bits.checked_ilog2()
}

/// Returns the bits of the places from `at` on, which is up to 64.
#[inline(always)]
pub(super) fn from(at: u32) -> u64 {
    u64::MAX.checked_shl(at).unwrap_or(0)
}

/// Most digits of a decimal number that has 64 bits for certain.
pub(super) const SURE_DIGITS: u32 = 19;
