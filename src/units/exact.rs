//! Numbers compared without rounding: fractions of whole numbers, and percentages as they were
//! written. A floating-point limit of 0.57 % refuses 57 of 10,000; these do not.

use super::UnitError;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Most decimals of a [`Percent`].
const DECIMALS_MAX: u32 = 30;

/// The fraction `part / whole`: a rate, as the two counts that it comes from, or a count over 1.
#[derive(Debug, Clone, Copy)]
pub struct Fraction {
    /// The numerator.
    pub part: u64,
    /// The denominator, above 0.
    pub whole: u64,
}

impl Fraction {
    /// A whole number.
    pub fn of(count: u64) -> Fraction {
        Fraction {
            part: count,
            whole: 1,
        }
    }

    /// Returns the numerators of this fraction and of `other` over a common denominator.
    fn over_common(self, other: Fraction) -> (u128, u128) {
        let times = |a: u64, b: u64| u128::from(a) * u128::from(b);
        (times(self.part, other.whole), times(other.part, self.whole))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> Ordering {
        let (this, other) = self.over_common(*other);
        this.cmp(&other)
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Fraction) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Fraction {}

/// A percentage from 0 upwards, a decimal fraction exactly as written: 19 digits and 30 decimals at
/// most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    digits: u64,
    decimals: u32,
}

impl Percent {
    /// Returns whether `now` differs from `before` by at most this percentage of `before`.
    pub fn allows(self, before: Fraction, now: Fraction) -> bool {
        let (now, before) = now.over_common(before);
        let hundred = 100 * 10_u128.pow(self.decimals);
        product(now.abs_diff(before), hundred) <= product(before, self.digits.into())
    }
}

/// Returns `a * b` in 256 bits: the high half, then the low half.
fn product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u128 = u64::MAX as u128;
    let ((a1, a0), (b1, b0)) = ((a >> 64, a & HALF), (b >> 64, b & HALF));
    let low = a0 * b0;
    let cross = a1 * b0 + (low >> 64);
    let middle = a0 * b1 + (cross & HALF);
    let high = a1 * b1 + (cross >> 64) + (middle >> 64);
    (high, middle << 64 | low & HALF)
}

impl FromStr for Percent {
    type Err = UnitError;

    /// Reads `2`, `0.57`, `.5`, `5e-3`.
    fn from_str(text: &str) -> Result<Percent, UnitError> {
        let wrong = || {
            UnitError(format!(
                "{text:?} is no percentage from 0 upwards (19 digits and {DECIMALS_MAX} decimals at most)"
            ))
        };
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().map_err(|_| wrong())?),
            None => (text, 0),
        };
        let number = number.strip_prefix('+').unwrap_or(number);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let part = part.trim_end_matches('0');
        let digits = format!("{whole}{part}");
        if whole.is_empty() && part.is_empty() && !number.contains('0')
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(wrong());
        }
        let digits = digits.trim_start_matches('0');
        let digits: u64 = match digits {
            "" => {
                return Ok(Percent {
                    digits: 0,
                    decimals: 0,
                });
            }
            digits => digits.parse().map_err(|_| wrong())?,
        };
        let decimals = i64::try_from(part.len()).unwrap_or(i64::MAX) - i64::from(exponent);
        if decimals >= 0 {
            let decimals = u32::try_from(decimals).ok();
            let decimals = decimals.filter(|&decimals| decimals <= DECIMALS_MAX);
            return decimals
                .map(|decimals| Percent { digits, decimals })
                .ok_or_else(wrong);
        }
        let scale = u32::try_from(-decimals)
            .ok()
            .and_then(|zeros| 10_u64.checked_pow(zeros));
        let digits = scale.and_then(|scale| digits.checked_mul(scale));
        digits
            .map(|digits| Percent {
                digits,
                decimals: 0,
            })
            .ok_or_else(wrong)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.decimals as usize;
        let digits = format!("{:0>width$}", self.digits, width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        match part {
            "" => f.write_str(whole),
            part => write!(f, "{whole}.{part}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().unwrap()
    }

    /// A limit with two decimals allows a change of exactly that share, and no more.
    #[test]
    fn a_change_at_its_limit_is_within_it() {
        for hundredths in 1..=300_u64 {
            let limit = percent(&format!("{}.{:02}", hundredths / 100, hundredths % 100));
            for expected in (10_000..=300_000).step_by(10_000) {
                let most = expected / 10_000 * hundredths;
                let allows = |now| limit.allows(Fraction::of(expected), Fraction::of(now));
                assert!(allows(expected + most) && allows(expected - most));
                assert!(!allows(expected + most + 1) && !allows(expected - most - 1));
            }
        }
        let tiny = percent("0.000000000000000000000000000001");
        assert!(!tiny.allows(Fraction::of(u64::MAX), Fraction::of(u64::MAX - 1)));
        assert!(tiny.allows(Fraction::of(7), Fraction::of(7)));
        assert!(!percent("99").allows(Fraction::of(0), Fraction::of(1)));
        // Products beyond 128 bits: (2^64 - 2) / 1 against its half.
        let all = Fraction::of(u64::MAX - 1);
        let half = Fraction {
            part: u64::MAX - 1,
            whole: 2,
        };
        assert!(percent("50").allows(all, half) && percent("100").allows(half, all));
        assert!(!percent("49.999999999999999").allows(all, half));
        assert!(!percent("99.9999999999999999").allows(half, all));
    }

    #[test]
    fn rates_are_compared_by_their_counts() {
        let rate = |part, whole| Fraction { part, whole };
        assert!(percent("1").allows(rate(1000, 10_000), rate(1010, 10_000)));
        assert!(!percent("1").allows(rate(1000, 10_000), rate(1011, 10_000)));
        assert_eq!(rate(1, 3), rate(2, 6));
        assert!(rate(1, 3) < rate(33_334, 100_000));
    }

    #[test]
    fn percentages_are_read_and_shown() {
        for (text, shown) in [
            ("0", "0"),
            ("00.50", "0.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+2", "2"),
            ("5e-3", "0.005"),
            ("1.5E2", "150"),
            ("0.0e9", "0"),
            ("1e-30", "0.000000000000000000000000000001"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            assert_eq!(percent(text).to_string(), shown, "{text}");
        }
        for text in [
            "",
            ".",
            "-1",
            "nan",
            "inf",
            "1e",
            "1e-31",
            "1e20",
            "1_000",
            "0x1",
            "1%",
            "++1",
            "18446744073709551616",
            "e5",
            "1e99999999999",
        ] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn products_have_256_bits() {
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(product(1 << 100, 1 << 30), (1 << 2, 0));
        assert_eq!(product(u64::MAX.into(), 3), (0, 3 * u128::from(u64::MAX)));
    }
}
