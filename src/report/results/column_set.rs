//! Which columns of `results.csv` a run was asked for (`--counts`), and whether a curve's point and the
//! totals of a trace give all of them, so that no cell need be replayed.
//!
//! Deliberately absent: how curves are made, and which cells have one.

use super::columns::{COLUMNS, Column, column};
use crate::sweep::CurveNeeds;
use crate::units::did_you_mean;

pub use super::column::Counts;

/// Returns the columns that a run can be asked for.
fn counted() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().filter(|column| column.facts.counted)
}

impl Counts {
    /// Returns the set of the columns that name the cell and of the counts in `names`; every column
    /// if `names` is empty.
    ///
    /// # Errors
    ///
    /// Errors if a name is not that of a count.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Counts, String> {
        let mut all = Counts::ALL;
        if names.is_empty() {
            return Ok(all);
        }
        counted().for_each(|column| all.remove(column.index));
        for name in names {
            let name = name.as_ref().trim();
            let known = column(name);
            let Some(count) = known.filter(|column| column.facts.counted) else {
                let hint = did_you_mean(name, counted().map(|column| column.name));
                let what = match known {
                    Some(_) => "names the cell and is always there",
                    None => "is not a count of results.csv",
                };
                return Err(format!("{name:?} {what}{hint} (see: pagebench columns)"));
            };
            all.add_with_implied(count);
        }
        Ok(all)
    }

    /// Adds a column and those that it is computed from.
    fn add_with_implied(&mut self, column: &Column) {
        self.add(column.index);
        for &index in column.facts.implies {
            self.add_with_implied(&COLUMNS[index]);
        }
    }

    /// Returns the counts in the set, in column order.
    fn counts(self) -> impl Iterator<Item = &'static Column> {
        counted().filter(move |column| self.has(column.index))
    }

    /// Returns the names of the counts in the set, in column order. Returns an empty list for the
    /// full set; [`Counts::parse`] reads it back as such.
    pub fn names(self) -> Vec<&'static str> {
        if self.is_all() {
            return Vec::new();
        }
        self.counts().map(|column| column.name).collect()
    }

    /// Returns whether one of the counts depends on translation.
    pub fn need_tlbs(self) -> bool {
        self.counts().any(|column| column.facts.translated)
    }

    /// Returns what a curve must provide for all of the counts; `None` if one needs a replay.
    pub fn facts(self) -> Option<CurveNeeds> {
        self.counts()
            .try_fold(CurveNeeds::default(), |facts, column| {
                let needs = column.facts.from_curve?;
                Some(CurveNeeds {
                    write_backs: facts.write_backs || needs.write_backs,
                    frames: facts.frames || needs.frames,
                })
            })
    }
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
        let every: Vec<&str> = counted().map(|column| column.name).collect();
        assert_eq!(Counts::parse(&every).unwrap(), Counts::ALL);
        for (name, why) in [
            ("fautls", "did you mean \"faults\""),
            ("trace", "names the cell"),
            ("untouched_end", "names the cell"),
            ("", "not a count"),
        ] {
            let error = Counts::parse(&[name]).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_asked_decides_what_is_needed() {
        let of = |names: &[&str]| Counts::parse(names).unwrap();
        let facts = |write_backs, frames| {
            Some(CurveNeeds {
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
    }
}
