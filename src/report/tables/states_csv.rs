//! `states.csv`: where pages are at many positions of one trace, written and read back. THE column
//! table of states.

use crate::report::results::column::{TableRow, table};
use crate::report::results::results_csv::{TableError, read, read_table, rows_to_csv};
use std::path::Path;

table! {
    /// How many pages are where after `position` references of a trace. The fields are the columns of
    /// [`COLUMNS`], in order, where each is defined.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct StatesRow {}
    /// Every column of `states.csv`, in order.
    pub const COLUMNS;
    position: u64, "references", "legal references before; the last row stands after the last legal reference, or where full swap ended the replay. Events after the last legal reference are not in the last row: the row of `run` has them";
    resident: u64, "pages", "pages in frames; shared memory counts once";
    resident_dirty: u64, "pages", "of these, pages written since they came in";
    swapped: u64, "pages", "pages on the swap device and not in a frame";
    dropped: u64, "pages", "pages that left memory without a slot: of a file, or never written";
    untouched: Option<u64>, "pages", "pages of mapped that are bound to nothing: neither touched nor asked for; empty without mappings";
    mapped: Option<u64>, "pages", "pages that the mappings of each process have, one that several mappings share a part of counted once, summed over the processes; empty without mappings";
    faults: u64, "faults", "faults so far, of all kinds";
}

impl TableRow for StatesRow {}

/// Returns the rows as CSV text.
pub fn to_csv(rows: &[StatesRow]) -> Vec<u8> {
    rows_to_csv(COLUMNS, rows)
}

/// Reads the rows of a file.
///
/// # Errors
///
/// As [`parse_rows`], and errors if the file cannot be read.
pub fn read_rows(path: &Path) -> Result<Vec<StatesRow>, TableError> {
    parse_rows(path, &read(path)?)
}

/// Reads rows from CSV text; `path` is for messages.
///
/// # Errors
///
/// Errors if the header is another one, or if a field is not a count.
pub fn parse_rows(path: &Path, text: &[u8]) -> Result<Vec<StatesRow>, TableError> {
    read_table(path, text, "states", COLUMNS)
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
                "s.csv:1: not a table of states",
            ),
            (
                good.replace("\n0,0,", "\n0,,"),
                "s.csv:2: column resident: not a whole number: \"\"",
            ),
            (format!("{good}1,2\n"), "s.csv:3: 2 fields where"),
            (String::new(), "not a table of states"),
        ] {
            let error = parse_rows(Path::new("s.csv"), text.as_bytes());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
