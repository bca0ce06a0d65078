//! Amounts as users write them: page sizes, bytes, counts, shares and lists of these, and the ids that
//! every layer shares. Depends on nothing else in the crate.
//!
//! | module | owns |
//! |---|---|
//! | `ladder` | lists of memory sizes: `-m 64,2^4..2^14,1%,64MiB,auto` |
//! | `exact` | fractions and percentages compared without rounding |
//! | `printed` | text from data on its way to a terminal or a file for people |
//! | `words` | words of messages: plurals, nearest names |

mod exact;
mod ladder;
mod printed;
mod words;

pub use exact::{Fraction, Percent};
pub use ladder::Ladder;
pub use printed::{
    Printable, guarded, is_control, plain_name, printed_json, shell_word, toml_string,
};
pub use words::{about, counted, did_you_mean};

use std::fmt;
use std::str::FromStr;

/// Returns a bijection of `number` whose results look random: SplitMix64 (G. Steele, D. Lea, C.
/// Flood, 2014).
pub fn splitmix64(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A page of a trace: its dense id, in order of first reference. At most [`PAGE_ID_MAX`].
pub type PageId = u32;
/// A frame of memory, from 0.
pub type FrameId = u32;
/// A page-table entry: one page of one process. Without sharing, entry i names page i.
pub type EntryId = PageId;
/// The largest page id, 2^31 − 1: a packed reference keeps one bit for writes.
pub const PAGE_ID_MAX: u32 = (1 << 31) - 1;

/// Why a text is no amount, size or range: a lowercase sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(pub String);

fn bad<T>(message: impl Into<String>) -> Result<T, UnitError> {
    Err(UnitError(message.into()))
}

/// A page size: a power of two from 64 bytes to 1 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageSize {
    shift: u8,
}

impl PageSize {
    /// The smallest page, 64 bytes.
    pub const MIN: PageSize = PageSize { shift: 6 };
    /// The usual page, 4 KiB.
    pub const DEFAULT: PageSize = PageSize { shift: 12 };
    /// The largest page, 1 GiB.
    pub const MAX: PageSize = PageSize { shift: 30 };

    /// Returns the page size of `2^shift` bytes; `None` outside 64 bytes to 1 GiB.
    pub fn from_shift(shift: u8) -> Option<PageSize> {
        (Self::MIN.shift..=Self::MAX.shift)
            .contains(&shift)
            .then_some(PageSize { shift })
    }

    /// Returns the page size of `bytes` bytes; `None` unless it is a power of two from 64 bytes to
    /// 1 GiB.
    pub fn from_bytes(bytes: u64) -> Option<PageSize> {
        let shift = u8::try_from(bytes.trailing_zeros()).ok()?;
        PageSize::from_shift(shift).filter(|size| size.bytes() == bytes)
    }

    /// log2 of the size in bytes.
    pub const fn shift(self) -> u8 {
        self.shift
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        1 << self.shift
    }
}

impl FromStr for PageSize {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<PageSize, UnitError> {
        PageSize::from_bytes(parse_bytes(text)?).map_or_else(
            || {
                bad(format!(
                    "page size {text:?} is not a power of two from 64 bytes to 1 GiB (4KiB, 2MiB …)"
                ))
            },
            Ok,
        )
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_bytes(self.bytes()))
    }
}

/// Returns `bytes` as people write it: `4KiB` if that is exact, else with one decimal, `1.5KiB`.
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    while unit + 1 < UNITS.len() && bytes >> (10 * (unit + 1)) > 0 {
        unit += 1;
    }
    // 1023.95 KiB and more would print as 1024.0KiB: use the next unit.
    if unit + 1 < UNITS.len() && bytes as f64 / (1u64 << (10 * unit)) as f64 >= 1023.95 {
        return format!("1.0{}", UNITS[unit + 1]);
    }
    let one = 1u64 << (10 * unit);
    if bytes.is_multiple_of(one) {
        format!("{}{}", bytes / one, UNITS[unit])
    } else {
        format!("{:.1}{}", bytes as f64 / one as f64, UNITS[unit])
    }
}

/// Returns `count` as people read it: exact below 10,000, then `20.1 M`.
pub fn show_count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        // 999.95 k and more would print as 1000.0 k: use the next unit.
        10_000..999_950 => format!("{:.1} k", count as f64 / 1e3),
        999_950..9_999_950_000 => format!("{:.1} M", count as f64 / 1e6),
        _ => format!("{:.1} G", count as f64 / 1e9),
    }
}

/// Reads `4096`, `4K`, `4KiB`, `64MiB`, `1G`: bytes, with binary multiples.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        "kb" | "mb" | "gb" | "tb" => {
            return bad(format!(
                "{text:?}: write KiB, MiB, GiB or TiB (powers of 1024)"
            ));
        }
        _ => {
            return bad(format!(
                "{text:?} is not a size in bytes (4096, 4KiB, 64MiB)"
            ));
        }
    };
    match number.parse::<u64>() {
        Ok(n) if n <= u64::MAX >> shift => Ok(n << shift),
        Ok(_) => bad(format!("{text:?} is over 2^64 bytes")),
        Err(_) => bad(format!(
            "{text:?} is not a size in bytes (4096, 4KiB, 64MiB)"
        )),
    }
}

/// Reads a count: `4096`, `20M`, `2^14`. `k`, `M` and `G` are powers of 1000.
pub fn parse_count(text: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    let wrong = || {
        // `auto` is the only word that a list of amounts may hold.
        let hint = match text {
            "auto" => String::new(),
            _ => did_you_mean(text, std::iter::once("auto")),
        };
        UnitError(format!("{text:?} is not a count (4096, 2^14, 20M){hint}"))
    };
    if let Some((base, exponent)) = text.split_once('^') {
        let base: u64 = base.trim().parse().map_err(|_| wrong())?;
        let exponent: u32 = exponent.trim().parse().map_err(|_| wrong())?;
        return base
            .checked_pow(exponent)
            .ok_or_else(|| UnitError(format!("{text:?} is over 2^64")));
    }
    let (number, factor) = match text.chars().last() {
        Some('k') => (&text[..text.len() - 1], 1_000),
        Some('M') => (&text[..text.len() - 1], 1_000_000),
        Some('G') => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    let number: u64 = number
        .trim()
        .replace('_', "")
        .parse()
        .map_err(|_| wrong())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| UnitError(format!("{text:?} is over 2^64")))
}

/// Reads the number of a percentage: 12.5 for `12.5%`. Returns `None` if `text` has no percent sign, and
/// NaN, which lies in no range, if no number stands before the sign.
pub fn parse_percent(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?;
    Some(number.trim().parse().unwrap_or(f64::NAN))
}

/// Reads a share of a whole: 0.01 for `0.01` and for `1%`. Returns `None` if `text` is no number.
pub fn parse_share(text: &str) -> Option<f64> {
    match parse_percent(text) {
        Some(percent) => Some(percent / 100.0).filter(|share| !share.is_nan()),
        None => text.trim().parse().ok(),
    }
}

/// Returns `percent` percent of `whole`, rounded down. A product that misses a whole number only by
/// floating-point rounding (32.3% of 1000) counts as that number.
pub fn percent_of(percent: f64, whole: u64) -> u64 {
    let exact = whole as f64 * percent / 100.0;
    let near = exact.round();
    if (exact - near).abs() <= near * 1e-12 {
        near as u64
    } else {
        exact as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounds_up_to_a_thousand_is_one_of_the_next_unit() {
        let counts = [
            9_999,
            999_949,
            999_950,
            1_000_000,
            9_999_949_999,
            9_999_950_000,
        ];
        assert_eq!(
            counts.map(show_count),
            ["9999", "999.9 k", "1.0 M", "1.0 M", "9999.9 M", "10.0 G"]
        );
        let bytes = [1023, 1024, 1536, 1_048_524, 1_048_525, 1_048_575, 1 << 20];
        assert_eq!(
            bytes.map(show_bytes),
            [
                "1023B",
                "1KiB",
                "1.5KiB",
                "1023.9KiB",
                "1.0MiB",
                "1.0MiB",
                "1MiB"
            ]
        );
    }

    #[test]
    fn page_sizes() {
        assert_eq!("4K".parse::<PageSize>().unwrap(), PageSize::DEFAULT);
        assert_eq!("2MiB".parse::<PageSize>().unwrap().shift(), 21);
        assert_eq!("64".parse::<PageSize>().unwrap(), PageSize::MIN);
        for text in ["32", "5000", "2GiB", "0", "x", "4KB"] {
            assert!(text.parse::<PageSize>().is_err(), "{text}");
        }
        assert_eq!(PageSize::DEFAULT.to_string(), "4KiB");
        assert_eq!(show_bytes(1536), "1.5KiB");
    }

    #[test]
    fn shares_and_percentages() {
        assert_eq!(parse_percent(" 12.5 % "), Some(12.5));
        assert_eq!(parse_percent("12.5"), None);
        assert!(parse_percent("x%").is_some_and(f64::is_nan));
        for text in ["0.01", "1%", " 1 %"] {
            assert_eq!(parse_share(text), Some(0.01), "{text}");
        }
        for text in ["", "%", "x%", "one"] {
            assert_eq!(parse_share(text), None, "{text}");
        }
    }
}
