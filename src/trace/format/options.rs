//! What a user can say about how a file is read ([`ReadOptions`]), and what a format says about its
//! numbers ([`Numbers`]): their base, and what one of them counts.
//!
//! Does not know files, lines or how options are written on the command line.

use super::tokens::{NumberFault, decimal, hex, hex_0x, strip_0x};
use std::fmt;
use std::num::NonZeroU32;

/// The base of numbers that begin without `0x`. Those that begin with it are hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Sixteen.
    Hex,
    /// Ten.
    Dec,
}

impl Base {
    /// Every base with its name on the command line.
    pub const ALL: [(Base, &'static str); 2] = [(Base::Hex, "hex"), (Base::Dec, "dec")];

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Base::Hex => "hex",
            Base::Dec => "dec",
        }
    }

    /// Returns the word for messages.
    pub fn word(self) -> &'static str {
        match self {
            Base::Hex => "hexadecimal",
            Base::Dec => "decimal",
        }
    }

    /// Reads a number of this base, or a hexadecimal one with `0x`.
    #[inline]
    pub(in crate::trace) fn number(self, digits: &[u8]) -> Result<u64, NumberFault> {
        match (self, strip_0x(digits)) {
            (Base::Hex, _) => hex_0x(digits),
            (Base::Dec, Some(digits)) => hex(digits),
            (Base::Dec, None) => decimal(digits),
        }
    }
}

/// What one number of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A byte: the number is a byte address.
    Byte,
    /// A page: the number is the id of a page, block or object.
    Page,
    /// A sector of 512 bytes.
    Sector,
    /// This number of bytes.
    Bytes(NonZeroU32),
}

impl Unit {
    /// Size of a sector in bytes.
    const SECTOR: u64 = 512;

    /// Returns the bytes that one number counts; `None` for ids.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Unit::Byte => Some(1),
            Unit::Page => None,
            Unit::Sector => Some(Unit::SECTOR),
            Unit::Bytes(bytes) => Some(u64::from(bytes.get())),
        }
    }

    /// Reads a unit as written on the command line: `byte`, `page`, `sector`, or a number of bytes.
    ///
    /// # Errors
    ///
    /// Errors if `text` is no unit, with what is one.
    pub fn parse(text: &str) -> Result<Unit, String> {
        match text.trim() {
            "byte" => return Ok(Unit::Byte),
            "page" => return Ok(Unit::Page),
            "sector" => return Ok(Unit::Sector),
            _ => {}
        }
        let bytes = crate::units::parse_bytes(text).ok();
        let bytes = bytes.and_then(|bytes| NonZeroU32::new(u32::try_from(bytes).ok()?));
        let bytes =
            bytes.ok_or("byte, page, sector (512 bytes), or a number of bytes (4096, 4KiB)")?;
        Ok(Unit::Bytes(bytes))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Byte => f.write_str("byte"),
            Unit::Page => f.write_str("page"),
            Unit::Sector => f.write_str("sector"),
            Unit::Bytes(bytes) => write!(f, "{bytes}"),
        }
    }
}

/// What a format says about the numbers that name places (addresses, ids, blocks). An option that it
/// cannot honour is refused when the file is opened.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// The base without `--base`; `None` if there is no base to choose, as in binary formats.
    pub base: Option<Base>,
    /// What one number counts without `--unit`. The reader has applied it already: its addresses are
    /// bytes, or with [`Unit::Page`] ids. `None` if `--unit` does not apply.
    pub unit: Option<Unit>,
    /// True if sizes are bytes whatever the unit. Otherwise they count units, as places do, and a place
    /// without a size is one unit.
    pub sizes_in_bytes: bool,
    /// What the layout leaves open. The program asks unless the file or the user settles it.
    pub open: Open,
    /// Endings of file names, without dots, that settle what is open. The content must fit, too.
    pub endings: &'static [&'static str],
}

/// What the layout of a format leaves open.
#[derive(Debug, Clone, Copy)]
pub enum Open {
    /// Nothing: base and unit are those of the format.
    Nothing,
    /// The base of numbers without `0x` and without the digits a to f.
    Base(PlacesOf),
    /// What the numbers of a list count: bytes or pages.
    Unit(PlacesOf),
}

/// Returns the word of a line that is the number of the open kind; an empty one if there is none. A
/// lone star stands for itself. Lines that are blank or begin with `#` are not passed.
pub type PlacesOf = for<'a> fn(&'a [u8]) -> &'a [u8];

impl Numbers {
    /// Binary records, or a layout with its own units: neither option applies.
    pub(super) const FIXED: Numbers = Numbers {
        base: None,
        unit: None,
        sizes_in_bytes: true,
        open: Open::Nothing,
        endings: &[],
    };

    /// Text with hexadecimal byte addresses, which the layout leaves in no doubt.
    pub(super) const HEX_BYTES: Numbers = Numbers {
        base: Some(Base::Hex),
        unit: Some(Unit::Byte),
        sizes_in_bytes: false,
        ..Numbers::FIXED
    };

    /// Text with decimal byte addresses, which the layout leaves in no doubt.
    pub(super) const DEC_BYTES: Numbers = Numbers {
        base: Some(Base::Dec),
        ..Numbers::HEX_BYTES
    };

    /// Text with decimal ids, which the layout leaves in no doubt.
    pub(super) const DEC_IDS: Numbers = Numbers {
        unit: Some(Unit::Page),
        ..Numbers::DEC_BYTES
    };
}

/// How the format of a file was chosen. A parser may be generous about lines only if the user named it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FormatBy {
    /// The user named it.
    #[default]
    User,
    /// It fits the content, and the ending of the name is one that the format owns.
    Ending,
    /// It fits the content. A column that the parser would ignore, and a value that has another meaning
    /// elsewhere, make a bad line.
    Content,
}

/// Options for reading a file. Each format uses those that apply to it.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// `--col addr=2,rw=3`: columns of the csv format, by name in the header or number from 1.
    pub columns: Vec<(String, String)>,
    /// `--delimiter`: of the csv format; guessed from the first line if absent.
    pub delimiter: Option<u8>,
    /// `--header yes|no`: whether the first csv line names the columns; guessed if absent.
    pub header: Option<bool>,
    /// `--base`: the base of addresses and ids without `0x`; that of the format if absent.
    pub base: Option<Base>,
    /// `--unit`: what one address or id counts; that of the format if absent.
    pub unit: Option<Unit>,
    /// `--skip-bad`: count a bad record and go on.
    pub skip_bad: bool,
    /// How the format was chosen.
    pub format_by: FormatBy,
    /// Set by guessing: the first 64 MiB of a list hold small numbers alone, and it is read as page ids
    /// because of that. A number of 4096 or more is then an error.
    pub small_ids: bool,
}

/// The options of a file about which nothing is said.
pub(super) static NO_OPTIONS: ReadOptions = ReadOptions {
    columns: Vec::new(),
    delimiter: None,
    header: None,
    base: None,
    unit: None,
    skip_bad: false,
    format_by: FormatBy::User,
    small_ids: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_words_or_numbers_of_bytes() {
        let bytes = |text| Unit::parse(text).map(Unit::bytes);
        assert_eq!(bytes("byte"), Ok(Some(1)));
        assert_eq!(bytes("page"), Ok(None));
        assert_eq!(bytes("sector"), Ok(Some(512)));
        assert_eq!(bytes("4096"), Ok(Some(4096)));
        assert_eq!(bytes("4KiB"), Ok(Some(4096)));
        for wrong in ["0", "", "-1", "pages", "4294967296"] {
            let message = Unit::parse(wrong).unwrap_err();
            assert!(message.contains("sector"), "{wrong}: {message}");
        }
    }

    #[test]
    fn numbers_with_0x_are_hexadecimal_in_every_base() {
        for (base, number) in [(Base::Hex, 0x10), (Base::Dec, 10)] {
            assert_eq!(base.number(b"10"), Ok(number));
            assert_eq!(base.number(b"0x10"), Ok(16));
        }
        assert_eq!(Base::Dec.number(b"1f"), Err(NumberFault::Digit));
    }
}
