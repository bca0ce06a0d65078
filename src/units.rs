//! Page sizes, byte sizes and the grammar of `-m 64,2^4..2^14,1%,64MiB,auto`: what users write for
//! amounts of memory, and what it means for a given trace. Knows nothing else.

mod exact;
mod words;

pub use exact::{Fraction, Percent};
pub use words::{about, counted, did_you_mean, nearest};

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
/// A page of a process: a page-table entry. Where nothing is shared it has the number of its page.
pub type EntryId = PageId;
/// The largest page id: one bit of a packed reference says whether it writes.
pub const PAGE_ID_MAX: u32 = (1 << 31) - 1;

/// Text that is no amount, size or range: a lowercase sentence that says why.
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

    /// The page size of `2^shift` bytes, if it is allowed.
    pub fn from_shift(shift: u8) -> Option<PageSize> {
        (Self::MIN.shift..=Self::MAX.shift)
            .contains(&shift)
            .then_some(PageSize { shift })
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
        let bytes = parse_bytes(text)?;
        let allowed = bytes.is_power_of_two() && bytes <= PageSize::MAX.bytes();
        match PageSize::from_shift(bytes.trailing_zeros() as u8) {
            Some(size) if allowed => Ok(size),
            _ => bad(format!(
                "page size \"{text}\" is not a power of two from 64 bytes to 1 GiB (4KiB, 2MiB …)"
            )),
        }
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show_bytes(self.bytes()))
    }
}

/// Bytes as people write them: `4 KiB` without the blank, exact or with one decimal.
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    while unit + 1 < UNITS.len() && bytes >> (10 * (unit + 1)) > 0 {
        unit += 1;
    }
    // What rounds to 1024 of a unit is one of the next.
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

/// A large count as people read it: `20.1 M`.
pub fn show_count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        // What rounds to 1000.0 of one is one of the next.
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
                "\"{text}\": write KiB, MiB, GiB or TiB (powers of 1024)"
            ));
        }
        _ => {
            return bad(format!(
                "\"{text}\" is not a size in bytes (4096, 4KiB, 64MiB)"
            ));
        }
    };
    match number.parse::<u64>() {
        Ok(n) if n <= u64::MAX >> shift => Ok(n << shift),
        Ok(_) => bad(format!("\"{text}\" is over 2^64 bytes")),
        Err(_) => bad(format!(
            "\"{text}\" is not a size in bytes (4096, 4KiB, 64MiB)"
        )),
    }
}

/// Reads a count: `4096`, `20M`; `k`, `M` and `G` are thousands, millions and
/// thousands of millions; `2^14` is a power.
pub fn parse_count(text: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    let wrong = || {
        // Where amounts are asked for, this is the only word that there is.
        let hint = match text {
            "auto" => String::new(),
            _ => did_you_mean(text, std::iter::once("auto")),
        };
        UnitError(format!("\"{text}\" is not a count (4096, 2^14, 20M){hint}"))
    };
    if let Some((base, exponent)) = text.split_once('^') {
        let base: u64 = base.trim().parse().map_err(|_| wrong())?;
        let exponent: u32 = exponent.trim().parse().map_err(|_| wrong())?;
        return base
            .checked_pow(exponent)
            .ok_or_else(|| UnitError(format!("\"{text}\" is over 2^64")));
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
        .ok_or_else(|| UnitError(format!("\"{text}\" is over 2^64")))
}

/// Reads `12.5%` as 12.5; `None` if there is no percent sign.
fn parse_percent(text: &str) -> Option<Result<f64, UnitError>> {
    let number = text.trim().strip_suffix('%')?;
    Some(match number.trim().parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 100.0 => Ok(value),
        _ => bad(format!("\"{text}\" is not a share (above 0%, up to 100%)")),
    })
}

/// So many percent of a whole, rounded down. A product that is whole but for the rounding of
/// floating-point numbers (32.3% of 1000) is taken for whole.
pub fn percent_of(percent: f64, whole: u64) -> u64 {
    let exact = whole as f64 * percent / 100.0;
    let near = exact.round();
    match (exact - near).abs() <= near * 1e-12 {
        true => near as u64,
        false => exact as u64,
    }
}

/// One amount of memory, still to be turned into frames.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Amount {
    Count(u64),
    Percent(f64),
    Bytes(u64),
}

impl FromStr for Amount {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Amount, UnitError> {
        if let Some(percent) = parse_percent(text) {
            return percent.map(Amount::Percent);
        }
        if text.trim().ends_with(['B', 'b']) || text.trim().ends_with("iB") {
            return parse_bytes(text).map(Amount::Bytes);
        }
        match parse_count(text) {
            Ok(count) => Ok(Amount::Count(count)),
            Err(e) => match text.trim().chars().last() {
                Some('K' | 'T' | 'g' | 'm') => bad(format!(
                    "\"{text}\": write 64KiB for bytes, 64k for a count of thousands"
                )),
                _ => Err(e),
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Factor(f64),
    Add(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Term {
    One(Amount),
    Range {
        from: Amount,
        to: Amount,
        step: Step,
    },
    Auto,
}

/// The most values that one ladder may have: beyond this a typing error is likelier than a wish.
pub const LADDER_MAX: usize = 10_000;

/// A list of amounts as the user wrote it: `64,128`, `2^4..2^14` (doubling), `10..1000:x1.5`,
/// `100..1000:+100`, `1%,5%` (of the distinct pages), `64MiB`, `auto`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    terms: Vec<Term>,
    text: String,
}

impl Ladder {
    /// The ladder that the program chooses.
    pub fn auto() -> Ladder {
        Ladder {
            terms: vec![Term::Auto],
            text: "auto".into(),
        }
    }

    /// True if any part of it is an amount of bytes.
    pub fn has_bytes(&self) -> bool {
        let bytes = |amount: &Amount| matches!(amount, Amount::Bytes(_));
        self.terms.iter().any(|term| match term {
            Term::One(amount) => bytes(amount),
            Term::Range { from, to, .. } => bytes(from) || bytes(to),
            Term::Auto => false,
        })
    }

    /// True if any part of it is `auto`.
    pub fn has_auto(&self) -> bool {
        self.terms.contains(&Term::Auto)
    }

    /// The values in rising order without repetition; percents are of `whole` (the distinct pages
    /// of a trace, say), and `auto` stands for `auto_values`. Errors where a value is 0 or over
    /// `max`.
    pub fn resolve(
        &self,
        whole: u64,
        page_size: PageSize,
        auto_values: &[u64],
        max: u64,
    ) -> Result<Vec<u64>, UnitError> {
        let count = |amount: Amount| match amount {
            Amount::Count(count) => count,
            // A share of something small is at least one.
            Amount::Percent(p) => ((whole as f64 * p / 100.0).round() as u64).max(1),
            Amount::Bytes(bytes) => bytes / page_size.bytes(),
        };
        let mut values = Vec::new();
        for term in &self.terms {
            match *term {
                Term::Auto => values.extend_from_slice(auto_values),
                Term::One(amount) => values.push(count(amount)),
                Term::Range { from, to, step } => {
                    expand(count(from), count(to), step, &mut values)
                        .map_err(|why| UnitError(format!("\"{}\" {why}", self.text)))?;
                }
            }
        }
        values.sort_unstable();
        values.dedup();
        if values.first() == Some(&0) {
            return bad(format!(
                "\"{}\" gives 0 (with pages of {page_size}): at least 1 is needed",
                self.text
            ));
        }
        match values.last() {
            Some(&top) if top > max => bad(format!(
                "\"{}\" gives {top}: at most {max} is allowed",
                self.text
            )),
            _ => Ok(values),
        }
    }
}

/// The values `from`, `from` stepped, … up to and including `to` if it is met.
fn expand(from: u64, to: u64, step: Step, values: &mut Vec<u64>) -> Result<(), String> {
    if from > to {
        return Err(format!("is an empty range: {from} is above {to}"));
    }
    if from == 0 {
        return Err("starts at 0: at least 1 is needed".into());
    }
    let mut exact = from as f64;
    let mut value = from;
    while value <= to {
        values.push(value);
        if values.len() > LADDER_MAX {
            return Err(format!(
                "has more than {LADDER_MAX} values: take a larger step"
            ));
        }
        value = match step {
            Step::Add(n) => match value.checked_add(n) {
                Some(next) => next,
                None => break,
            },
            Step::Factor(f) => {
                // Small values times 1.2 round to themselves: go on to the next integer at least.
                exact = (exact * f).max(value as f64 + 1.0);
                if exact > u64::MAX as f64 {
                    break;
                } else {
                    exact.round() as u64
                }
            }
        };
    }
    Ok(())
}

impl FromStr for Ladder {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Ladder, UnitError> {
        let terms = text
            .split(',')
            .map(parse_term)
            .collect::<Result<Vec<Term>, UnitError>>()?;
        Ok(Ladder {
            terms,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_term(text: &str) -> Result<Term, UnitError> {
    let text = text.trim();
    if text.is_empty() {
        return bad("an empty value in a list (write 64,128)");
    }
    if text == "auto" {
        return Ok(Term::Auto);
    }
    let Some((from, rest)) = text.split_once("..") else {
        let amount: Amount = text.parse()?;
        return match amount {
            Amount::Count(0) | Amount::Bytes(0) => bad(format!("\"{text}\": at least 1 is needed")),
            amount => Ok(Term::One(amount)),
        };
    };
    let (to, step) = match rest.split_once(':') {
        None => (rest, Step::Factor(2.0)),
        Some((to, step)) => (to, parse_step(text, step)?),
    };
    let (from, to): (Amount, Amount) = (from.parse()?, to.parse()?);
    if let (Amount::Count(a), Amount::Count(b)) = (from, to)
        && a > b
    {
        return bad(format!("\"{text}\" is an empty range: {a} is above {b}"));
    }
    Ok(Term::Range { from, to, step })
}

fn parse_step(term: &str, step: &str) -> Result<Step, UnitError> {
    if let Some(add) = step.strip_prefix('+') {
        return match parse_count(add)? {
            0 => bad(format!("\"{term}\": a step of +0 never ends")),
            add => Ok(Step::Add(add)),
        };
    }
    let factor = step.strip_prefix('x').and_then(|f| f.parse::<f64>().ok());
    match factor {
        Some(f) if f > 1.0 && f.is_finite() => Ok(Step::Factor(f)),
        _ => bad(format!(
            "\"{term}\": the step after ':' is x1.5 (a factor above 1) or +100"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(text: &str) -> Vec<u64> {
        let ladder: Ladder = text.parse().unwrap();
        ladder
            .resolve(1000, PageSize::DEFAULT, &[7, 9], u64::from(PAGE_ID_MAX))
            .unwrap()
    }

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
        let auto = "auto..5".parse::<Ladder>().unwrap_err().to_string();
        assert!(!auto.contains("did you mean"), "{auto}");
    }

    #[test]
    fn ladders() {
        assert_eq!(ladder("64,128,64"), [64, 128]);
        assert_eq!(ladder("2^4..2^7"), [16, 32, 64, 128]);
        assert_eq!(ladder("10..40:x1.5"), [10, 15, 23, 34]);
        assert_eq!(ladder("1..4:x1.1"), [1, 2, 3, 4]);
        assert_eq!(ladder("100..300:+100"), [100, 200, 300]);
        assert_eq!(ladder("1%,5%,100%"), [10, 50, 1000]);
        assert_eq!(ladder("1MiB"), [256]);
        assert_eq!(ladder("auto,8"), [7, 8, 9]);
        assert_eq!(ladder("2k"), [2000]);
    }

    #[test]
    fn bad_ladders_say_why() {
        for (text, why) in [
            ("0", "at least 1"),
            ("2^4..2^1", "empty range"),
            ("1..10:x1", "factor above 1"),
            ("1..10:+0", "never ends"),
            ("64K", "64KiB"),
            ("", "empty value"),
            ("1,,2", "empty value"),
            ("lots", "not a count"),
            ("101%", "share"),
            ("2^99", "over 2^64"),
            ("5MB", "MiB"),
        ] {
            let error = text.parse::<Ladder>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let small: Ladder = "1KiB".parse().unwrap();
        assert!(
            small
                .resolve(9, PageSize::DEFAULT, &[], 100)
                .unwrap_err()
                .0
                .contains("gives 0")
        );
        let long: Ladder = "1..100000:+1".parse().unwrap();
        assert!(
            long.resolve(9, PageSize::DEFAULT, &[], 1 << 30)
                .unwrap_err()
                .0
                .contains("10000")
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
}
