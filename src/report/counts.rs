//! Which columns of `results.csv` are asked for, where not all are; and THE table of those that a
//! curve's point and the totals of a trace tell, so that no cell need be replayed for them.
//!
//! Deliberately absent: how curves are made, and which cells have one.

use super::columns::{COLUMNS, column};
use crate::sweep::Facts;
use crate::units::did_you_mean;

/// The first column that is counted by a replay; those before it name the cell and its trace.
const FIRST: &str = "hits";

/// What a column needs beside the faults and the mean resident size of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The write-backs, which OPT's curve does not know.
    WriteBacks,
    /// That memory is given by frames: they fill once, and are full from then on.
    Frames,
}

/// The columns that follow from curves, and what each needs.
const FROM_CURVES: &[(&str, &[Need])] = &[
    ("hits", &[]),
    ("faults", &[]),
    ("fills", &[]),
    ("refills", &[]),
    ("maps", &[]),
    ("cow_copies", &[]),
    ("cow_reuses", &[]),
    ("fault_rate", &[]),
    ("hit_rate", &[]),
    ("refs_per_fault", &[]),
    ("mean_resident", &[]),
    ("peak_resident", &[Need::Frames]),
    ("resident_end", &[Need::Frames]),
    ("evictions", &[Need::Frames]),
    ("evictions_clean", &[Need::Frames, Need::WriteBacks]),
    ("evictions_dirty", &[Need::Frames, Need::WriteBacks]),
    ("expired", &[Need::Frames]),
    ("expired_dirty", &[Need::Frames]),
    ("freed", &[]),
    ("freed_dirty", &[]),
    ("write_backs", &[Need::WriteBacks]),
    ("prefetched", &[]),
    ("opt_faults", &[]),
    ("ratio_to_opt", &[]),
];

/// Columns that come of others, which are then asked for too.
const IMPLIED: [(&str, &[&str]); 2] = [
    ("opt_faults", &["faults"]),
    ("ratio_to_opt", &["faults", "opt_faults"]),
];

/// A set of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts(u128);

const _: () = assert!(COLUMNS.len() <= 128);

impl Default for Counts {
    fn default() -> Counts {
        Counts::ALL
    }
}

impl Counts {
    /// Every column.
    pub const ALL: Counts = Counts(u128::MAX);

    /// The columns of these names, beside those that name the cell; all if there is no name.
    ///
    /// # Errors
    ///
    /// A name is that of no count.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Counts, String> {
        if names.is_empty() {
            return Ok(Counts::ALL);
        }
        let mut all = Counts(u128::MAX);
        for (place, _) in COLUMNS.iter().enumerate().filter(|(_, c)| is_count(c.name)) {
            all.remove(place);
        }
        for name in names {
            let name = name.as_ref().trim();
            let counts = COLUMNS.iter().map(|column| column.name);
            let mut counts = counts.filter(|name| is_count(name));
            if !is_count(name) {
                let hint = did_you_mean(name, counts);
                let what = match column(name) {
                    Some(_) => "names the cell and is always there",
                    None => "is no count of results.csv",
                };
                return Err(format!("\"{name}\" {what}{hint} (see: pagebench columns)"));
            }
            all.add(counts.find(|known| *known == name).unwrap_or(name));
        }
        Ok(all)
    }

    fn add(&mut self, name: &str) {
        let place = COLUMNS.iter().position(|column| column.name == name);
        self.0 |= place.map_or(0, |place| 1 << place);
        let implied = IMPLIED.iter().filter(|(of, _)| *of == name);
        for name in implied.flat_map(|(_, names)| *names) {
            self.add(name);
        }
    }

    /// Takes the column at this place out.
    pub fn remove(&mut self, place: usize) {
        self.0 &= !(1 << place);
    }

    /// Whether the column at this place is in it.
    pub const fn has_place(self, place: usize) -> bool {
        self.0 >> place & 1 != 0
    }

    /// Whether the column `name` is in it.
    pub fn has(self, name: &str) -> bool {
        let place = COLUMNS.iter().position(|column| column.name == name);
        place.is_some_and(|place| self.has_place(place))
    }

    /// Whether all are in it.
    pub fn is_all(self) -> bool {
        self == Counts::ALL
    }

    /// The counts in it, in the order of columns; none if there are all.
    pub fn names(self) -> Vec<&'static str> {
        if self.is_all() {
            return Vec::new();
        }
        let all = COLUMNS.iter().enumerate();
        let here = all.filter(|(place, column)| self.has_place(*place) && is_count(column.name));
        here.map(|(_, column)| column.name).collect()
    }

    /// Whether one of them depends on translation.
    pub fn need_tlbs(self) -> bool {
        let translated = |name: &&str| {
            let begins = |start: &&str| name.starts_with(*start);
            ["tlb_", "walk_", "shootdowns", "time_ns", "eat_ns"]
                .iter()
                .any(begins)
        };
        self.is_all() || self.names().iter().any(translated)
    }

    /// What a curve must tell for all of them; `None` if only a replay does.
    pub fn facts(self) -> Option<Facts> {
        if self.is_all() {
            return None;
        }
        let mut facts = Facts::default();
        for name in self.names() {
            let (_, needs) = FROM_CURVES.iter().find(|(known, _)| *known == name)?;
            facts.write_backs |= needs.contains(&Need::WriteBacks);
            facts.frames |= needs.contains(&Need::Frames);
        }
        Some(facts)
    }
}

/// Whether a column has a count of a replay, or what is derived from some.
pub fn is_count(name: &str) -> bool {
    let place = |name| COLUMNS.iter().position(|column| column.name == name);
    place(name) >= place(FIRST) && !["status", "error", "untouched_end"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_given_back() {
        let counts = Counts::parse(&["write_backs", " ratio_to_opt"]).unwrap();
        assert_eq!(
            counts.names(),
            ["faults", "write_backs", "opt_faults", "ratio_to_opt"]
        );
        assert_eq!(Counts::parse(&counts.names()).unwrap(), counts);
        assert!(Counts::parse::<&str>(&[]).unwrap().is_all());
        let every: Vec<&str> = COLUMNS.iter().map(|c| c.name).collect();
        let every: Vec<&str> = every.into_iter().filter(|name| is_count(name)).collect();
        assert_eq!(Counts::parse(&every).unwrap(), Counts::ALL);
        for (name, why) in [
            ("fautls", "did you mean \"faults\""),
            ("trace", "names the cell"),
            ("", "no count"),
        ] {
            let error = Counts::parse(&[name]).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_asked_decides_what_is_needed() {
        let of = |names: &[&str]| Counts::parse(names).unwrap();
        let facts = |write_backs, frames| {
            Some(Facts {
                write_backs,
                frames,
            })
        };
        assert_eq!(of(&["faults", "hit_rate"]).facts(), facts(false, false));
        assert_eq!(of(&["evictions_dirty"]).facts(), facts(true, true));
        assert_eq!(of(&["faults", "dirty_end"]).facts(), None);
        assert_eq!(Counts::ALL.facts(), None);
        assert!(of(&["eat_ns"]).need_tlbs() && Counts::ALL.need_tlbs());
        assert!(!of(&["faults", "swap_reads"]).need_tlbs());
        for (name, _) in FROM_CURVES {
            assert!(is_count(name), "{name}");
        }
    }
}
