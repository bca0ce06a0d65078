//! Samples of the pages of a trace: the pages whose hash is below a threshold. A page is
//! taken with all its references or not at all (spatial sampling, as in Waldspurger, Park, Garthwaite
//! and Ahmad, "Efficient MRC construction with SHARDS", FAST 2015). The hash is of the content that a
//! page shows, so that of the processes that share a page all have it or none has. A sample of a
//! sample uses another hash. Knows nothing of what is made of the sample.

use super::access::TraceKind;
use super::shown::Shown;
use crate::units::parse_share;
use crate::units::splitmix64;
use std::fmt;
use std::str::FromStr;

/// The share of the pages that a sample takes, above 0 and below 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Pages with a hash below it are taken; hashes are uniform below 2^64.
    threshold: u64,
    /// Number of hashes that chose the pages of the original.
    earlier: u32,
}

/// So that `curve --sample` of a sample does not take the same pages again.
const SALT: u64 = 0x7061_6765_6265_6e63;
/// So that bytes of files are no memory of processes.
const FILE_SALT: u64 = 0x6669_6c65_7061_6765;

impl Rate {
    /// Returns the rate of a share of the pages; `None` if it is not above 0 and below 1.
    pub fn new(share: f64) -> Option<Rate> {
        let threshold = (share * 2f64.powi(64)) as u64;
        (share > 0.0 && share < 1.0 && threshold > 0).then_some(Rate {
            threshold,
            earlier: 0,
        })
    }

    /// Returns the same share for a sample of `original`, with a hash that is independent of those that
    /// chose the original's pages.
    pub fn of(self, original: Chosen) -> Rate {
        Rate {
            earlier: original.hashes,
            ..self
        }
    }

    /// The share.
    pub fn share(self) -> f64 {
        self.threshold as f64 / 2f64.powi(64)
    }

    /// Returns whether a page that shows `shown` is taken.
    #[inline]
    pub fn takes(self, shown: Shown) -> bool {
        let (place, owner) = match shown {
            Shown::Memory { process, number } => (number, u64::from(process) ^ SALT),
            Shown::File { file, offset } => (offset, u64::from(file) ^ FILE_SALT),
        };
        let owner = match self.earlier {
            0 => owner,
            earlier => owner ^ splitmix64(u64::from(earlier)),
        };
        splitmix64(place.wrapping_add(splitmix64(owner))) < self.threshold
    }
}

/// How the pages of a trace were chosen from those of its original.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// The share of the original's pages: the product of the rates of all samples.
    pub share: f64,
    /// How many samples were taken, each of the one before; 0 if all pages are there.
    pub hashes: u32,
}

impl Chosen {
    /// All pages of the original.
    pub const ALL: Chosen = Chosen {
        share: 1.0,
        hashes: 0,
    };

    /// Returns itself, or one unknown sample if a trace of kind `kind` is a sample that does not state
    /// how its pages were chosen.
    pub fn or_of_kind(self, kind: TraceKind) -> Chosen {
        match (self.hashes, kind) {
            (0, TraceKind::Sampled) => Chosen { hashes: 1, ..self },
            _ => self,
        }
    }

    /// Returns how the pages of a sample of this trace are chosen.
    pub fn sampled(self, rate: Rate) -> Chosen {
        // Rounded: the binary product of 0.1 and 0.1 would print with 17 digits.
        let share = format!("{:.11e}", self.share * rate.share());
        Chosen {
            share: share.parse().expect("a number as it was written"),
            hashes: self.hashes + 1,
        }
    }

    /// Parses a text that begins as `Display` writes a [`Chosen`]. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Chosen> {
        let (share, by) = text.split_once(" of the pages")?;
        let share: f64 = share.trim().parse().ok()?;
        let hashes = by.trim().strip_prefix("by ").and_then(|by| {
            let (count, _) = by.split_once(" hashes")?;
            count.parse().ok()
        });
        (share > 0.0 && share <= 1.0).then_some(Chosen {
            share,
            hashes: hashes.unwrap_or(1),
        })
    }

    /// Splits a format as a `.pbt` states it into the format and how the pages were chosen.
    pub fn of_format(format: &str) -> (&str, Chosen) {
        let mut parts = format.split(BETWEEN);
        let base = parts.next().unwrap_or(format);
        // Versions before this one recorded each sample of a sample by itself.
        let all = parts.filter_map(Chosen::parse);
        let chosen = all.reduce(|all, next| Chosen {
            share: all.share * next.share,
            hashes: all.hashes + next.hashes,
        });
        (base, chosen.unwrap_or(Chosen::ALL))
    }

    /// Returns the format `base` with how the pages were chosen, as a `.pbt` states it.
    pub fn to_format(self, base: &str) -> String {
        match self.hashes {
            0 => base.to_owned(),
            _ => format!("{base}{BETWEEN}{self}"),
        }
    }
}

/// Text between a format and how the pages were chosen.
const BETWEEN: &str = ", sample of ";

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the pages", self.share)?;
        match self.hashes {
            0 | 1 => Ok(()),
            hashes => write!(f, " by {hashes} hashes"),
        }
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
        parse_share(text)
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
        let takes = |process, number| rate.takes(Shown::Memory { process, number });
        let taken: Vec<u64> = (0..20_000).filter(|&page| takes(3, page)).collect();
        assert!((1_800..2_200).contains(&taken.len()), "{}", taken.len());
        // Pinned: the same sample in every version.
        assert_eq!(taken[..4], PINNED);
        let other = (0..20_000).filter(|&page| takes(4, page));
        assert!(other.filter(|page| taken.contains(page)).count() < 300);
    }

    #[test]
    fn a_sample_of_a_sample_takes_its_share_of_it() {
        let half = Rate::new(0.5).unwrap();
        let shown = (0..20_000u64).map(|number| match number % 2 {
            0 => Shown::Memory { process: 3, number },
            _ => Shown::File {
                file: 3,
                offset: number << 12,
            },
        });
        let (mut pages, mut chosen): (Vec<Shown>, _) = (shown.collect(), Chosen::ALL);
        for left in [10_000, 5_000, 2_500, 1_250] {
            let rate = half.of(chosen);
            pages.retain(|&shown| rate.takes(shown));
            chosen = chosen.sampled(rate);
            assert!(
                pages.len().abs_diff(left) < 250,
                "{} of {left}",
                pages.len()
            );
            assert_eq!(chosen.share, left as f64 / 20_000.0);
        }
        assert_eq!(chosen.to_string(), "0.0625 of the pages by 4 hashes");
    }

    #[test]
    fn what_is_recorded_is_read() {
        let tenth = Rate::new(0.1).unwrap();
        let once = Chosen::ALL.sampled(tenth);
        let twice = once.sampled(tenth);
        for (chosen, text) in [
            (Chosen::ALL, "plain"),
            (once, "plain, sample of 0.1 of the pages"),
            (twice, "plain, sample of 0.01 of the pages by 2 hashes"),
        ] {
            assert_eq!(chosen.to_format("plain"), text);
            assert_eq!(Chosen::of_format(text), ("plain", chosen));
        }
        let old = "csv, sample of 0.5 of the pages, sample of 0.5 of the pages";
        let (base, chosen) = Chosen::of_format(old);
        assert_eq!((base, chosen.share, chosen.hashes), ("csv", 0.25, 2));
        for text in [
            "",
            "x of the pages",
            "2 of the pages",
            "0.5",
            "nan of the pages",
        ] {
            assert_eq!(Chosen::parse(text), None, "{text}");
        }
    }

    const PINNED: [u64; 4] = [5, 17, 35, 44];
}
