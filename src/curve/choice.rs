//! Which curve is wanted, at which sizes, and the points that come of it.

use super::sizes::{POINTS, outline, spread, spread_from};
use super::{Axis, Filling, LANES, Point, Source, Spec, TABLE, TooLong};
use crate::policy::{self, ParamError, PolicyChoice};
use crate::units::did_you_mean;
use std::fmt;
use std::str::FromStr;

/// A kind of curve with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    /// The index in [`TABLE`].
    index: usize,
    /// Of Clock: whether the reference bit of a page that comes in is set.
    load_bit: bool,
}

/// The memory at which a curve is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Frames.
    pub frames: Amounts,
    /// Windows.
    pub taus: Amounts,
    /// What is chosen is every number of frames, where one pass gives them.
    pub all_sizes: bool,
}

/// Amounts of memory, of one kind.
#[derive(Debug, Clone)]
pub struct Amounts {
    /// Those asked for, rising, at least 1.
    pub asked: Vec<u64>,
    /// Besides, those that each curve chooses for itself.
    pub chosen: bool,
}

impl Default for Amounts {
    fn default() -> Amounts {
        Amounts {
            asked: Vec::new(),
            chosen: true,
        }
    }
}

impl Amounts {
    /// Only these.
    pub fn only(asked: Vec<u64>) -> Amounts {
        Amounts {
            asked,
            chosen: false,
        }
    }

    /// All, rising, where `chosen` gives those that the curve chooses.
    pub fn all(&self, chosen: impl FnOnce() -> Vec<u64>) -> Vec<u64> {
        let mut all = self.asked.clone();
        if self.chosen {
            all.extend(chosen());
            all.sort_unstable();
            all.dedup();
        }
        all
    }

    /// The least, where `chosen` is the least that the curve chooses; 1 if there is none.
    fn least(&self, chosen: u64) -> u64 {
        let asked = self.asked.first().copied();
        let chosen = self.chosen.then_some(chosen);
        asked.into_iter().chain(chosen).min().unwrap_or(1)
    }
}

impl Choice {
    /// One of each kind, without parameters.
    pub fn all() -> Vec<Choice> {
        let choice = |index| Choice {
            index,
            load_bit: true,
        };
        (0..TABLE.len()).map(choice).collect()
    }

    fn named(name: &str, load_bit: bool) -> Option<Choice> {
        let index = TABLE.iter().position(|spec| spec.name == name)?;
        Some(Choice { index, load_bit })
    }

    /// The curve of a policy with these parameters, if there is one.
    pub fn of(policy: &PolicyChoice) -> Option<Choice> {
        let spec = policy.spec();
        let clock = spec.name == "clock";
        let load_bit = !clock || policy.params.get(spec, "load-bit") == Some(1);
        Choice::named(spec.name, load_bit).filter(|_| clock || policy.params().is_empty())
    }

    /// The entry of the table.
    pub fn spec(&self) -> &'static Spec {
        &TABLE[self.index]
    }

    /// The parameters that differ from their defaults, as policies write them.
    pub fn params(&self) -> &'static str {
        match self.load_bit {
            true => "",
            false => "load-bit=0",
        }
    }

    /// The curve of a trace whose every page is private and stays mapped.
    pub fn points(&self, source: &Source<'_>, wanted: &Wanted) -> Result<Vec<Point>, TooLong> {
        let trace = source.trace;
        let frames = |faults: &[u64], write_backs: Option<&[u64]>, filling: &Filling| {
            let sizes = wanted.frames_of(faults);
            let one = |&frames: &u64| {
                let at = frames.min(faults.len() as u64 - 1) as usize;
                let counts = (faults[at], write_backs.map(|counts| counts[at]));
                filling.point(frames, counts)
            };
            sizes.iter().map(one).collect()
        };
        Ok(match self.spec().name {
            "lru" => {
                let curve = source.lru(wanted.least_frames(trace.distinct()));
                let filling = Filling::new(&curve.first_uses, trace.len() as u64);
                frames(&curve.faults, Some(&curve.write_backs), &filling)
            }
            "opt" => {
                let curve = super::opt(trace)?;
                frames(&curve.faults, None, &curve.filling)
            }
            "ws" | "vmin" => {
                let intervals = source.intervals(wanted.least_tau())?;
                let taus = wanted.taus.all(|| spread(intervals.longest(), POINTS));
                let one = |&tau: &u64| match self.spec().name {
                    "ws" => intervals.working_set(tau),
                    _ => intervals.vmin(tau),
                };
                taus.iter().map(one).collect()
            }
            _ => self.lanes(source, wanted),
        })
    }

    /// FIFO and Clock.
    fn lanes(&self, source: &Source<'_>, wanted: &Wanted) -> Vec<Point> {
        let trace = source.trace;
        let filling = source.filling();
        let sizes = wanted.frames.all(|| lane_sizes(trace.distinct() as u64));
        let counts = source.lanes(self.spec().name == "fifo", self.load_bit, &sizes);
        let point = |(&frames, (faults, dirty)): (&u64, (u64, u64))| {
            filling.point(frames, (faults, Some(dirty)))
        };
        sizes.iter().zip(counts).map(point).collect()
    }
}

impl Wanted {
    /// The least number of frames of LRU's and OPT's curve over so many pages.
    pub(super) fn least_frames(&self, pages: usize) -> u64 {
        let chosen = match self.all_sizes {
            true => 1,
            false => least_size(pages as u64),
        };
        self.frames.least(chosen)
    }

    /// The least window.
    pub(super) fn least_tau(&self) -> u64 {
        self.taus.least(1)
    }

    /// Frames for a curve that is known at each.
    fn frames_of(&self, faults: &[u64]) -> Vec<u64> {
        let pages = faults.len() as u64 - 1;
        self.frames.all(|| match self.all_sizes {
            true => (1..=pages).collect(),
            false => {
                // What tables show is among them.
                let mut sizes = outline(faults, least_size(pages), POINTS / 2);
                sizes.extend(powers(pages));
                sizes.retain(|&size| size >= least_size(pages));
                sizes
            }
        })
    }
}

/// The powers of two up to the number of pages.
fn powers(pages: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1u64), |power| power.checked_mul(2))
        .take_while(move |&power| power <= pages)
}

/// The smallest memory of a curve over so many pages that chooses its sizes itself: very small
/// ones, where most time would go, are left out if there are many pages.
fn least_size(pages: u64) -> u64 {
    if pages < 64 { 1 } else { 16 }
}

/// As many sizes as one pass takes: every one if these are few, else powers of two, and between them.
pub fn lane_sizes(pages: u64) -> Vec<u64> {
    let from = least_size(pages);
    if pages - from.min(pages) < LANES as u64 {
        return (from.min(pages)..=pages).collect();
    }
    let mut sizes: Vec<u64> = powers(pages).filter(|&power| power >= from).collect();
    sizes.extend(spread_from(from, pages, LANES - sizes.len().min(LANES - 2)));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

impl Filling {
    fn point(&self, frames: u64, (faults, write_backs): (u64, Option<u64>)) -> Point {
        Point {
            memory: frames,
            faults,
            write_backs,
            resident_sum: self.resident_sum(frames),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)?;
        match self.params() {
            "" => Ok(()),
            params => write!(f, ":{params}"),
        }
    }
}

impl FromStr for Choice {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Choice, ParamError> {
        let name = text.split(':').next().unwrap_or_default().trim();
        if policy::PolicyId::named(name).is_err() {
            // VMIN is a curve and no policy: it has no parameters.
            let lower = name.to_lowercase();
            let known = TABLE.iter().map(|spec| spec.name);
            return Choice::named(&lower, true)
                .filter(|_| !text.contains(':'))
                .ok_or_else(|| {
                    let hint = did_you_mean(&lower, known.clone());
                    let known: Vec<&str> = known.collect();
                    ParamError(format!(
                        "no curve \"{text}\"{hint} (there are: {})",
                        known.join(", ")
                    ))
                });
        }
        let policy: PolicyChoice = text.parse()?;
        Choice::of(&policy).ok_or_else(|| {
            ParamError(format!(
                "no curve of {policy}: replay it at each size (pagebench run -p {policy})"
            ))
        })
    }
}

/// What is stored of bursts is enough for a kind of curve: it asks for no single reference.
pub fn lists_do(choice: &Choice) -> bool {
    choice.spec().name == "lru"
}

/// The memory of a kind of curve is a window.
pub fn has_windows(choice: &Choice) -> bool {
    choice.spec().axis == Axis::Windows
}

/// The points of a kind of curve have write-backs. Of OPT and VMIN these depend on which of the pages
/// that are never used again goes first.
pub fn tells_write_backs(choice: &Choice) -> bool {
    !matches!(choice.spec().name, "opt" | "vmin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_and_print() {
        for (text, shown) in [
            ("LRU", "lru"),
            ("belady", "opt"),
            ("vmin", "vmin"),
            ("clock:load-bit=0", "clock:load-bit=0"),
            ("clock:load-bit=1", "clock"),
        ] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), shown);
        }
        for (text, why) in [
            ("vmni", "did you mean \"vmin\""),
            ("lur", "did you mean \"lru\""),
            ("ws:limit=3", "no curve of ws:limit=3"),
            ("vmin:k=1", "unknown parameter"),
            ("lru-k:k=1", "no curve"),
            ("clock:load-bti=0", "did you mean \"load-bit\""),
            ("", "there are: lru"),
        ] {
            let error = text.parse::<Choice>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        for (choice, spec) in Choice::all().iter().zip(TABLE) {
            assert_eq!(spec.name.parse::<Choice>().unwrap(), *choice);
        }
    }

    #[test]
    fn lanes_fit_one_pass() {
        for pages in [1, 2, 63, 64, 65, 70, 79, 80, 700, 5000, 1 << 20, 1 << 31] {
            let sizes = lane_sizes(pages);
            assert!(sizes.len() <= LANES, "{pages}: {}", sizes.len());
            assert!(sizes.is_sorted_by(|a, b| a < b) && sizes[0] > 0);
            assert_eq!(sizes.last(), Some(&pages));
            let all = pages - least_size(pages) + 1;
            assert!(
                sizes.len() as u64 == all || sizes.len() > LANES / 2,
                "{pages}"
            );
            assert!(all > LANES as u64 || sizes.len() as u64 == all, "{pages}");
        }
    }
}
