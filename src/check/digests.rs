//! Digests of the sequence of faults of a cell, kept beside a baseline in `<baseline>.faults.csv`, one line
//! a cell. The faults are divided into blocks. After each block stands the digest of all faults so far.
//! The first digest that differs names the block in which a later sequence departs from this one.
//!
//! All blocks of a cell have the same length, a power of two, chosen so that there are at most 64 blocks or
//! as many as asked for. So a departure is narrowed to that share of the faults wherever it is.
//!
//! Deliberately absent: counts, and replays.

use super::cell_key::{KEY, key_of};
use crate::report::results::column::read_fields;
use crate::report::results::columns::{Row, column_of};
use crate::report::results::results_csv::{TableError, read_records, table_to_csv};
use crate::sweep::{Identity, Part};
use crate::vm::{FaultEvent, Listener};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Blocks of a cell if nothing else is asked for.
pub const BLOCKS: usize = 64;
/// The most blocks of a cell.
pub const BLOCKS_MAX: usize = 4096;

/// The digests of a sequence of faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultDigest {
    /// Faults from the beginning of the trace, warm-up included.
    pub faults: u64,
    /// Faults of a block; the last block may have fewer.
    pub every: u64,
    /// After each block the digest of all faults so far.
    pub marks: Vec<u32>,
}

/// Digests the faults it is given, block by block.
pub struct Rolling {
    hash: Xxh3,
    digest: FaultDigest,
    most: usize,
}

impl Rolling {
    /// Keeps at most `most` blocks.
    pub fn in_blocks(most: usize) -> Rolling {
        Rolling {
            hash: Xxh3::new(),
            digest: FaultDigest {
                every: 1,
                ..FaultDigest::default()
            },
            most: most.max(1),
        }
    }

    /// Makes blocks as long as those of `other`.
    pub fn like(other: &FaultDigest) -> Rolling {
        let mut rolling = Rolling::in_blocks(usize::MAX);
        rolling.digest.every = other.every;
        rolling
    }

    /// Returns the digests of all faults.
    pub fn finish(mut self) -> FaultDigest {
        if !self.digest.faults.is_multiple_of(self.digest.every) {
            self.mark(true);
        }
        self.digest
    }

    /// Adds the digest at the end of a block. At the `end` of all faults the block may be incomplete.
    fn mark(&mut self, end: bool) {
        let digest = &mut self.digest;
        // Keeps 32 of the 64 bits: two different sequences agree at a mark by chance once in 2^32.
        let mark = self.hash.digest() as u32;
        if digest.marks.len() == self.most {
            // Doubles the length of blocks: every second mark goes.
            let mut indices = 0..;
            digest
                .marks
                .retain(|_| indices.next().is_some_and(|n| n % 2 == 1));
            digest.every *= 2;
        }
        if end || digest.faults.is_multiple_of(digest.every) {
            digest.marks.push(mark);
        }
    }
}

impl Listener for Rolling {
    fn fault(&mut self, event: &FaultEvent) {
        let (victim, dirty) = event
            .victim
            .map_or((u32::MAX, false), |victim| (victim.page, victim.written));
        let flags = [event.kind as u8, u8::from(event.major), u8::from(dirty)];
        self.hash.update(&event.time.to_le_bytes());
        self.hash.update(&event.page.to_le_bytes());
        self.hash.update(&victim.to_le_bytes());
        self.hash.update(&flags);
        self.digest.faults += 1;
        if self.digest.faults.is_multiple_of(self.digest.every) {
            self.mark(false);
        }
    }
}

/// The block in which two sequences depart: at a fault with a number, from 0, in `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The number of faults that agree at least.
    pub from: u64,
    /// The number of the first fault after the block of the departure.
    pub to: u64,
}

impl FaultDigest {
    /// Returns where the sequence `now`, in blocks of the same length, departs from this one; `None` if it
    /// does not.
    pub fn departure(&self, now: &FaultDigest) -> Option<Departure> {
        let same = (self.marks.iter().zip(&now.marks)).take_while(|(a, b)| a == b);
        let agreed = same.count() as u64;
        // The mark of an incomplete block stands at its end, where the other sequence may have none.
        let from = (agreed * self.every).min(self.faults).min(now.faults);
        let differs = self.faults != now.faults || self.marks != now.marks;
        differs.then_some(Departure {
            from,
            to: (from - from % self.every) + self.every,
        })
    }
}

/// Collects the faults around a departure in a second replay.
pub struct Window {
    shown: std::ops::Range<u64>,
    seen: u64,
    /// The faults shown, with their numbers.
    pub events: Vec<(u64, FaultEvent)>,
    /// The position of the last fault before the departure.
    pub before: Option<u64>,
    /// The position of the last fault of the block of the departure, or of the last fault.
    pub behind: Option<u64>,
    departure: Departure,
}

impl Window {
    /// Shows `before` faults before the departure's beginning and `behind` faults after it.
    pub fn around(departure: Departure, before: u64, behind: u64) -> Window {
        let from = departure.from;
        Window {
            shown: from.saturating_sub(before)..from.saturating_add(behind),
            seen: 0,
            events: Vec::new(),
            before: None,
            behind: None,
            departure,
        }
    }
}

impl Listener for Window {
    fn fault(&mut self, event: &FaultEvent) {
        let number = self.seen;
        self.seen += 1;
        if number >= self.departure.to.max(self.shown.end) {
            return;
        }
        if number < self.departure.from {
            self.before = Some(event.time);
        } else if number < self.departure.to {
            self.behind = Some(event.time);
        }
        if self.shown.contains(&number) {
            self.events.push((number, *event));
        }
    }
}

/// The digests of the cells of a baseline.
#[derive(Debug, Clone, Default)]
pub struct Digests {
    /// The digests by the keys of their cells, each with the whole cell.
    lines: BTreeMap<Identity, (Identity, FaultDigest)>,
}

/// The version of the file.
const SCHEMA: &str = "1";

/// The parts of a cell that a line has: its key and the digest of its trace.
fn parts() -> impl Iterator<Item = Part> {
    KEY.into_iter().chain([Part::Digest])
}

/// The columns of the digests, after the schema and the cell.
const DIGESTS: [&str; 3] = ["faults_in_all", "faults_a_block", "digests"];

fn header() -> Vec<&'static str> {
    let cell = parts().map(Part::column);
    ["schema"].into_iter().chain(cell).chain(DIGESTS).collect()
}

/// Returns the path of the digests of a baseline.
pub fn path_of(baseline: &Path) -> PathBuf {
    let mut name = baseline.as_os_str().to_owned();
    name.push(".faults.csv");
    name.into()
}

impl Digests {
    /// Returns the digests of a cell; `None` if there are none of this trace.
    pub fn of(&self, cell: &Identity) -> Option<&FaultDigest> {
        let (known, digest) = self.lines.get(&key_of(cell))?;
        let same = known.difference(cell, &[Part::Digest]).is_none();
        same.then_some(digest)
    }

    /// Returns the limit of blocks a cell that the digests were made with, as a power of two. A cell with
    /// a block for each fault fits any limit: returns at least [`BLOCKS`] if all are such.
    pub fn blocks(&self) -> usize {
        let most = |digests: &mut dyn Iterator<Item = &FaultDigest>| {
            let blocks = digests.map(|digest| digest.marks.len());
            blocks.max().map_or(0, usize::next_power_of_two)
        };
        let all = || self.lines.values().map(|(_, digest)| digest);
        match most(&mut all().filter(|digest| digest.every > 1)) {
            0 => most(&mut all()).max(BLOCKS),
            limited => limited.max(most(&mut all())),
        }
    }

    /// Sets the digests of a cell, or removes them.
    pub fn set(&mut self, cell: &Identity, digest: Option<FaultDigest>) {
        match digest {
            Some(digest) => self.lines.insert(key_of(cell), (cell.clone(), digest)),
            None => self.lines.remove(&key_of(cell)),
        };
    }

    /// Returns the bytes of the file, in the stable order.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut lines: Vec<&(Identity, FaultDigest)> = self.lines.values().collect();
        lines.sort_by(|(a, _), (b, _)| a.cmp(b));
        let fields = |(cell, digest): &(Identity, FaultDigest)| {
            let mut fields = vec![SCHEMA.to_owned()];
            fields.extend(parts().map(|part| cell.text(part)));
            fields.push(digest.faults.to_string());
            fields.push(digest.every.to_string());
            fields.push(
                digest
                    .marks
                    .iter()
                    .map(|mark| format!("{mark:08x}"))
                    .collect(),
            );
            fields
        };
        table_to_csv(header(), lines.into_iter().map(fields))
    }

    /// Reads the file; `path` is for messages.
    ///
    /// # Errors
    ///
    /// Errors with the file and the line if the version is another one, if digests do not fit the number of
    /// faults, or if two lines are of one cell.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Digests, TableError> {
        let wrong_header = "not digests of this version: its columns are others\n  \
             help: remove the file and write it again with --accept --with-digests";
        let mut digests = Digests::default();
        read_records(path, text, &header(), wrong_header, |record| {
            let mut fields = record.iter();
            let schema = fields.next().unwrap_or_default();
            if schema != SCHEMA {
                return Err(format!(
                    "schema {schema}: this program reads schema {SCHEMA}"
                ));
            }
            let mut row = Row::default();
            read_fields(&mut row, parts().map(column_of), fields)?;
            let own = record.iter().skip(record.len() - DIGESTS.len());
            let digest = parse_digest(&own.collect::<Vec<_>>())
                .ok_or("its digests do not fit its number of faults: it was edited or cut")?;
            let cell = row.identity();
            match digests.lines.insert(key_of(&cell), (cell, digest)) {
                Some(_) => Err("a second line for one cell".into()),
                None => Ok(()),
            }
        })?;
        Ok(digests)
    }
}

fn parse_digest(fields: &[&str]) -> Option<FaultDigest> {
    let &[faults, every, marks] = fields else {
        return None;
    };
    let (faults, every): (u64, u64) = (faults.parse().ok()?, every.parse().ok()?);
    if !marks.is_ascii() || marks.len() % 8 != 0 || !every.is_power_of_two() {
        return None;
    }
    let mark = |at: usize| u32::from_str_radix(&marks[at..at + 8], 16).ok();
    let marks: Option<Vec<u32>> = (0..marks.len()).step_by(8).map(mark).collect();
    let marks = marks.filter(|marks| marks.len() as u64 == faults.div_ceil(every))?;
    Some(FaultDigest {
        faults,
        every,
        marks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::access::Kind;
    use crate::vm::FaultKind;

    fn event(time: u64) -> FaultEvent {
        FaultEvent {
            time,
            access: Kind::Read,
            page: time as u32 % 7,
            kind: FaultKind::Fill,
            major: false,
            victim: None,
        }
    }

    fn digest(mut rolling: Rolling, times: impl Iterator<Item = u64>) -> FaultDigest {
        times.for_each(|time| rolling.fault(&event(time)));
        rolling.finish()
    }

    #[test]
    fn blocks_grow_and_stay_few() {
        for count in 0..200 {
            let few = digest(Rolling::in_blocks(8), 0..count);
            assert!(
                few.marks.len() <= 8 && few.every.is_power_of_two(),
                "{count}"
            );
            assert_eq!(few.marks.len() as u64, count.div_ceil(few.every), "{count}");
            // The same as with blocks of that length from the beginning.
            assert_eq!(digest(Rolling::like(&few), 0..count), few, "{count}");
            assert_eq!(few.departure(&few), None);
        }
    }

    #[test]
    fn the_block_of_the_departure_is_named() {
        let then = digest(Rolling::in_blocks(8), 0..100);
        assert_eq!(then.every, 16);
        for other in 0..100 {
            let change = |time| if time == other { 1000 } else { time };
            let now = digest(Rolling::like(&then), (0..100).map(change));
            let departure = then.departure(&now).unwrap();
            assert!((departure.from..departure.to).contains(&other), "{other}");
            assert!(departure.to - departure.from <= 16);
        }
        for count in (0..100).chain(101..300) {
            let now = digest(Rolling::like(&then), 0..count);
            let departure = then.departure(&now).unwrap();
            let first = count.min(100);
            assert!(
                (departure.from..departure.to).contains(&first),
                "{count} {departure:?}"
            );
        }
    }

    #[test]
    fn the_file_is_read_back_and_nonsense_refused() {
        let row = Identity {
            trace: "t".into(),
            trace_digest: "d".into(),
            policy: "lru".into(),
            frames: Some(8),
            ..Identity::default()
        };
        let mut digests = Digests::default();
        let some = digest(Rolling::in_blocks(4), 0..9);
        digests.set(&row, Some(some.clone()));
        let text = String::from_utf8(digests.to_bytes()).unwrap();
        let path = Path::new("b.faults.csv");
        let back = Digests::parse(path, text.as_bytes()).unwrap();
        assert_eq!(back.of(&row), Some(&some));
        let other = Identity {
            trace_digest: "e".into(),
            ..row
        };
        assert_eq!(back.of(&other), None);
        let line = text.lines().nth(1).unwrap();
        for (text, why) in [
            (
                text.replace(",9,4,", ",99,4,"),
                "b.faults.csv:2: its digests do not fit",
            ),
            (text.replace(",9,4,", ",9,0,"), "do not fit"),
            (format!("{text}{line}\n"), "b.faults.csv:3: a second line"),
            (text.replace("\n1,", "\n2,"), "schema 2"),
            ("a,b\n".into(), "not digests of this version"),
        ] {
            let error = Digests::parse(path, text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
