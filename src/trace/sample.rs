//! Which pages a sample of a trace takes: those whose hash is below a threshold, so that a page is
//! taken with all its references or not at all (spatial sampling, as in Waldspurger, Park, Garthwaite
//! and Ahmad, "Efficient MRC construction with SHARDS", FAST 2015). Knows nothing of what is made of
//! the sample.

use super::r#gen::mixed;
use std::fmt;
use std::str::FromStr;

/// Of how many pages one is taken: a share above 0 and below 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Hashes below it are taken, of 2^64.
    threshold: u64,
}

/// So that a sample of a sample (`curve --sample`) is not the same pages again.
const SALT: u64 = 0x7061_6765_6265_6e63;

impl Rate {
    /// A share of the pages; `None` if it is not above 0 and below 1.
    pub fn new(share: f64) -> Option<Rate> {
        let threshold = (share * 2f64.powi(64)) as u64;
        (share > 0.0 && share < 1.0 && threshold > 0).then_some(Rate { threshold })
    }

    /// The share.
    pub fn share(self) -> f64 {
        self.threshold as f64 / 2f64.powi(64)
    }

    /// Whether the page with this number (or id) of this process is taken.
    #[inline]
    pub fn takes(self, pid: u32, number: u64) -> bool {
        mixed(number.wrapping_add(mixed(u64::from(pid) ^ SALT))) < self.threshold
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.share())
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let (number, unit) = match text.trim().strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text.trim(), 1.0),
        };
        let share = number.parse::<f64>().ok().map(|number| number / unit);
        share
            .and_then(Rate::new)
            .ok_or_else(|| "a share of the pages above 0 and below 1: 0.01 or 1%".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_and_show() {
        for (text, shown) in [
            ("0.01", "0.01"),
            ("1%", "0.01"),
            (" 50% ", "0.5"),
            (".25", "0.25"),
        ] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), shown);
        }
        for text in ["0", "1", "100%", "-1", "x", "", "nan", "inf", "2", "1e-30"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn so_many_pages_are_taken_and_always_the_same() {
        let rate = Rate::new(0.1).unwrap();
        let taken: Vec<u64> = (0..20_000).filter(|&page| rate.takes(3, page)).collect();
        assert!((1_800..2_200).contains(&taken.len()), "{}", taken.len());
        // Pinned: the same sample in every version.
        assert_eq!(taken[..4], PINNED);
        let other = (0..20_000).filter(|&page| rate.takes(4, page));
        assert!(other.filter(|page| taken.contains(page)).count() < 300);
    }

    const PINNED: [u64; 4] = [5, 17, 35, 44];
}
