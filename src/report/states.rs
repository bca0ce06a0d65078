//! `states.csv`: where pages are at many positions of one trace, written and read back. Knows
//! nothing of how the counts come about.

use super::csv::{TableError, csv_error, table_to_csv};
use std::fs;
use std::path::Path;

/// How many pages are where after some references of a trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatesRow {
    /// Legal references before.
    pub position: u64,
    /// Pages in frames.
    pub resident: u64,
    /// Of these, pages written since they came in.
    pub resident_dirty: u64,
    /// Pages on the swap device only.
    pub swapped: u64,
    /// Pages that left memory and have no slot.
    pub dropped: u64,
    /// Pages of mappings that are bound to nothing; `None` without mappings.
    pub untouched: Option<u64>,
    /// Pages of mappings; `None` without mappings.
    pub mapped: Option<u64>,
    /// Faults so far.
    pub faults: u64,
}

/// A column of `states.csv`.
pub struct StatesColumn {
    /// The name in the header.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// What it means.
    pub about: &'static str,
    show: fn(&StatesRow) -> Option<u64>,
    place: fn(&mut StatesRow) -> Place<'_>,
}

/// Where a field is read to.
enum Place<'a> {
    Count(&'a mut u64),
    Optional(&'a mut Option<u64>),
}

/// Every column, in the order of the file.
pub const COLUMNS: [StatesColumn; 8] = [
    StatesColumn {
        name: "position",
        unit: "references",
        about: "legal references before; the last row stands where the replay ended, before the end of the trace if swap was full",
        show: |row| Some(row.position),
        place: |row| Place::Count(&mut row.position),
    },
    StatesColumn {
        name: "resident",
        unit: "pages",
        about: "pages in frames; shared memory counts once",
        show: |row| Some(row.resident),
        place: |row| Place::Count(&mut row.resident),
    },
    StatesColumn {
        name: "resident_dirty",
        unit: "pages",
        about: "of these, pages written since they came in",
        show: |row| Some(row.resident_dirty),
        place: |row| Place::Count(&mut row.resident_dirty),
    },
    StatesColumn {
        name: "swapped",
        unit: "pages",
        about: "pages on the swap device and not in a frame",
        show: |row| Some(row.swapped),
        place: |row| Place::Count(&mut row.swapped),
    },
    StatesColumn {
        name: "dropped",
        unit: "pages",
        about: "pages that left memory without a slot: of a file, or never written",
        show: |row| Some(row.dropped),
        place: |row| Place::Count(&mut row.dropped),
    },
    StatesColumn {
        name: "untouched",
        unit: "pages",
        about: "pages of mapped that are bound to nothing: neither touched nor asked for; empty without mappings",
        show: |row| row.untouched,
        place: |row| Place::Optional(&mut row.untouched),
    },
    StatesColumn {
        name: "mapped",
        unit: "pages",
        about: "pages that the mappings of each process have, one that several mappings share a part of counted once, summed over the processes; empty without mappings",
        show: |row| row.mapped,
        place: |row| Place::Optional(&mut row.mapped),
    },
    StatesColumn {
        name: "faults",
        unit: "faults",
        about: "faults so far, of all kinds",
        show: |row| Some(row.faults),
        place: |row| Place::Count(&mut row.faults),
    },
];

/// The rows as CSV text.
pub fn to_csv(rows: &[StatesRow]) -> Vec<u8> {
    let header = COLUMNS.map(|column| column.name.to_owned()).to_vec();
    let field = |count: Option<u64>| count.map_or(String::new(), |count| count.to_string());
    let lines = rows.iter().map(|row| {
        let fields = COLUMNS.iter().map(|column| field((column.show)(row)));
        fields.collect()
    });
    table_to_csv(header, lines)
}

/// Reads the rows of a file.
pub fn read_rows(path: &Path) -> Result<Vec<StatesRow>, TableError> {
    let text = fs::read(path).map_err(|e| TableError::io(path, "read", e))?;
    parse_rows(path, &text)
}

/// Reads rows from CSV text; `path` is for messages.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<StatesRow>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
    if !header.iter().eq(COLUMNS.iter().map(|column| column.name)) {
        let names = COLUMNS.map(|column| column.name).join(",");
        let what = format!("no table of states: its header is not {names}");
        return Err(TableError::content(path, Some(1), what));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        let line = record.position().map(csv::Position::line);
        let mut row = StatesRow::default();
        for (column, text) in COLUMNS.iter().zip(&record) {
            read_field((column.place)(&mut row), text).ok_or_else(|| {
                let what = format!("column {}: \"{text}\" is not a count", column.name);
                TableError::content(path, line, what)
            })?;
        }
        rows.push(row);
    }
    Ok(rows)
}

fn read_field(place: Place<'_>, text: &str) -> Option<()> {
    match place {
        Place::Optional(place) if text.is_empty() => *place = None,
        Place::Optional(place) => *place = Some(text.parse().ok()?),
        Place::Count(place) => *place = text.parse().ok()?,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_file() {
        let row = StatesRow {
            position: 1,
            resident: 2,
            resident_dirty: 3,
            swapped: 4,
            dropped: 5,
            untouched: Some(6),
            mapped: Some(7),
            faults: u64::MAX,
        };
        let bare = StatesRow {
            untouched: None,
            mapped: None,
            ..row
        };
        let text = to_csv(&[row, bare]);
        let wanted = "position,resident,resident_dirty,swapped,dropped,untouched,mapped,faults\n\
                      1,2,3,4,5,6,7,18446744073709551615\n\
                      1,2,3,4,5,,,18446744073709551615\n";
        assert_eq!(String::from_utf8_lossy(&text), wanted);
        let path = Path::new("states.csv");
        assert_eq!(parse_rows(path, &text).unwrap(), [row, bare]);
    }

    #[test]
    fn broken_tables_say_where() {
        let good = String::from_utf8(to_csv(&[StatesRow::default()])).unwrap();
        for (text, why) in [
            (
                good.replace("swapped", "swaped"),
                "s.csv:1: no table of states",
            ),
            (
                good.replace("\n0,0,", "\n0,,"),
                "s.csv:2: column resident: \"\" is not a count",
            ),
            (format!("{good}1,2\n"), "s.csv:3: 2 fields where"),
            (String::new(), "no table of states"),
        ] {
            let error = parse_rows(Path::new("s.csv"), text.as_bytes());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
