//! What a message says of a csv file that cannot be read as it is: delimiter, columns and their first
//! values, and the command that would most likely read it.
//!
//! Proposes only: no reader takes a column because it stands here.

use super::columns::is_number;
use super::delimiter::Delimiter;
use super::head::{Cells, Head};
use super::kinds::{KindWords, Meaning, WORDS, likely};
use super::names::{Role, names_a_place, role};
use crate::trace::format::complaint::Complaint;
use crate::trace::format::options::{Base, ReadOptions};
use crate::trace::format::tokens::{decimal, hex};
use crate::units::shell_word;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The most columns that are listed, and the most bytes of a value.
const COLUMNS: usize = 16;
const VALUE: usize = 24;

/// The most words that one proposal explains.
const KINDS: usize = 12;

/// What is known of a file from its first lines.
pub(in crate::trace::format) struct Advice {
    path: PathBuf,
    options: ReadOptions,
    /// Delimiter and columns in words.
    pub columns: String,
    /// The words in the column of kinds that are not known.
    words: Vec<String>,
    /// The column and the first values of the first `--where`.
    filtered: String,
    /// `--format csv` if that has to be said.
    format: &'static str,
}

impl Advice {
    /// Returns the advice for a file that was opened. `kind` is its column of kinds.
    pub fn new(
        path: &Path,
        options: &ReadOptions,
        cells: &Cells,
        header: bool,
        kind: Option<usize>,
        filter: Option<usize>,
    ) -> Advice {
        let words = KindWords::new(&options.kinds, options.other_kinds);
        let unknown = |cell: &&[u8]| !cell.is_empty() && words.known(cell).is_none();
        let column = |column| distinct(cells.column(column, header).filter(unknown));
        let filtered = filter.map(|column| {
            let values = distinct(cells.column(column, header));
            let values: Vec<String> = values.iter().take(8).map(|value| shown(value)).collect();
            let column = column + 1;
            format!(
                "the first values of column {column} are {}",
                values.join(", ")
            )
        });
        let text = |word: &&[u8]| String::from_utf8(word.to_ascii_lowercase()).ok();
        Advice {
            path: path.to_path_buf(),
            options: options.clone(),
            columns: described(cells, Some(header)),
            words: kind.map_or(Vec::new(), |kind| {
                column(kind).iter().filter_map(text).collect()
            }),
            filtered: filtered.unwrap_or_default(),
            format: " --format csv",
        }
    }

    /// Returns the complaint about a word for a kind that is not known, and the help.
    pub fn unknown_kind(&self, word: &[u8]) -> (Complaint, String) {
        let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        let what = format!(
            "unknown kind of access {:?}; known in any case are {}",
            shown(word),
            known.join(", ")
        );
        let mut words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let own = String::from_utf8_lossy(word).to_ascii_lowercase();
        if !words.contains(&&*own) {
            words = vec![&own];
        }
        words.truncate(KINDS);
        let sayable = |word: &&str| !word.contains([',', '=', '\'', '"', '\u{fffd}']);
        let help = match words.iter().all(sayable) {
            true => {
                let meaning = |word: &&str| {
                    let meaning = likely(word.as_bytes()).unwrap_or(Meaning::WORDS[0].0);
                    format!("{word}={}", name_of(meaning))
                };
                let kinds: Vec<String> = words.iter().map(meaning).collect();
                let kinds = shell_word(&kinds.join(","));
                let say = self.command(&format!(" --kinds {kinds}"));
                format!("say what such words mean (read, write, ifetch or skip): {say}")
            }
            false => {
                let say = self.command(" --other-kinds skip");
                format!("leave such lines out: {say}")
            }
        };
        let off = self.command(" --col rw=none");
        (
            Complaint::from(what),
            format!("{help}\n  or take every line as a read: {off}"),
        )
    }

    /// Returns the help for a `--where` that leaves out every line.
    pub fn values_for_where(&self) -> String {
        format!("{}; {}", self.filtered, self.columns)
    }

    /// Returns the command with these options more.
    pub fn command(&self, more: &str) -> String {
        command(&self.path, self.format, &self.options, more)
    }
}

/// Returns what to say of a file whose columns are not known, if it looks like columns: delimiter,
/// columns, and the commands that would most likely read it.
pub(in crate::trace::format) fn advice(
    path: &Path,
    head: &Head<'_>,
    options: &ReadOptions,
) -> Option<String> {
    if head.lines.is_empty() || head.is_binary() {
        return None;
    }
    let cells = head.cells(options.delimiter, true);
    let width = cells.first().len();
    let even = cells.rows.iter().filter(|row| row.len() == width).count();
    if width < 2 && options.columns.is_empty() || even * 5 < cells.rows.len() * 4 {
        return None;
    }
    let header = options.header.unwrap_or_else(|| looks_like_names(&cells));
    if cells.delimiter == Delimiter::Blanks && !holds_numbers_or_kinds(&cells, header, options) {
        // Words of a text.
        return None;
    }
    let said = described(&cells, Some(header));
    let commands = proposals(&cells, header, options);
    let mut own = options.clone();
    // The proposal says which column is what.
    own.columns.clear();
    own.header = None;
    let lines = commands.iter().map(|(when, more)| {
        let say = command(path, " --format csv", &own, more);
        format!("\n  {when}: {say}")
    });
    Some(format!("{said}{}", lines.collect::<String>()))
}

/// Returns true if a column holds numbers or kinds.
fn holds_numbers_or_kinds(cells: &Cells, header: bool, options: &ReadOptions) -> bool {
    let mut columns = 0..cells.first().len();
    columns.any(|column| {
        let column = Column::new(cells, column, header, options);
        column.is_decimal || column.has_0x || column.words
    })
}

/// Returns the delimiter, the columns and their first values in words.
pub(super) fn described(cells: &Cells, header: Option<bool>) -> String {
    let is_header = header == Some(true);
    let width = cells.rows.iter().map(Vec::len).max().unwrap_or(0);
    let value = |column: usize| {
        let number = column + 1;
        let first = cells.column(column, is_header).next();
        let first = first.map_or_else(|| "-".to_owned(), shown);
        match cells.first().get(column).filter(|_| is_header) {
            Some(name) => format!("{number} {} ({first})", shown(name)),
            None => format!("{number} ({first})"),
        }
    };
    let columns: Vec<String> = (0..width.min(COLUMNS)).map(value).collect();
    let more = if width > COLUMNS { ", …" } else { "" };
    let header = match header {
        Some(true) => ", with a header line",
        Some(false) => ", without a header line",
        None => "",
    };
    format!(
        "columns between {}{header}: {}{more}",
        cells.delimiter.about(),
        columns.join(", ")
    )
}

/// Returns true if the first line names columns: no cell is a number, or a hexadecimal one over others of
/// its kind, and a later one is, or a name is known.
fn looks_like_names(cells: &Cells) -> bool {
    let first = cells.first();
    let is_value = |cell: &Vec<u8>| is_number(cell) || hex(cell).is_ok();
    if names_a_place(first) {
        return true;
    }
    let has_digit = |cell: &[u8]| cell.iter().any(u8::is_ascii_digit);
    let is_hex_over_hex = |(column, cell): (usize, &Vec<u8>)| {
        let mut below = cells.column(column, true);
        has_digit(cell) && hex(cell).is_ok() && below.all(|cell| hex(cell).is_ok())
    };
    if cells.rows.len() > 1 && first.iter().enumerate().any(is_hex_over_hex) {
        return false;
    }
    let named = first.iter().any(|cell| role(cell).is_some());
    let below = cells.data(true).first();
    let numbers = below.is_some_and(|row| row.iter().any(is_value));
    !first.iter().any(|cell| is_number(cell)) && (named || numbers)
}

/// Returns options that would most likely read the file, each with when it would.
fn proposals(cells: &Cells, header: bool, options: &ReadOptions) -> Vec<(&'static str, String)> {
    let width = cells.first().len();
    let columns: Vec<Column<'_>> = (0..width)
        .map(|column| Column::new(cells, column, header, options))
        .collect();
    let yes_no = if header { "yes" } else { "no" };
    let kind = kind_option(&columns, options);
    let with = |what: &str, column: &Column<'_>, base: &str| {
        format!(
            " --header {yes_no} --col {what}={}{kind}{base}",
            column.at + 1
        )
    };
    let free = || columns.iter().filter(|column| !column.is_kind());
    if let Some(column) = free().rfind(|column| column.has_0x) {
        return vec![("byte addresses", with("addr", column, ""))];
    }
    let hexadecimal = free().filter(|column| column.is_hexadecimal && !column.is_decimal);
    if let Some(column) = hexadecimal.max_by_key(|column| column.values.len()) {
        let base = if options.base.is_none() {
            " --base hex"
        } else {
            ""
        };
        return vec![
            ("hexadecimal byte addresses", with("addr", column, base)),
            ("text keys", with("text", column, "")),
        ];
    }
    let text = free().filter(|column| !column.is_decimal && column.values.len() > 1);
    if let Some(column) = text.max_by_key(|column| column.values.len()) {
        return vec![("text keys", with("text", column, ""))];
    }
    // Rather no time, and the column that changes most.
    let best = |column: &&Column<'_>| (!column.is_time(), column.values.len(), column.largest());
    let decimal = free().filter(|column| column.is_decimal).max_by_key(best);
    decimal.map_or(Vec::new(), |column| {
        let mut all = vec![
            ("ids of pages or blocks", with("page", column, "")),
            ("byte addresses", with("addr", column, "")),
        ];
        let few = |other: &&Column<'_>| {
            other.at != column.at
                && other.is_decimal
                && !other.is_time()
                && other.is_like_processes()
        };
        if let Some(process) = free().find(few) {
            let pid = format!("{} --col pid={}", with("addr", column, ""), process.at + 1);
            all.push(("byte addresses of processes", pid));
        }
        all
    })
}

/// Largest process id that Linux gives.
const PID_MAX: u64 = 1 << 22;

/// The first values of a column.
struct Column<'a> {
    at: usize,
    /// The role that its name has.
    role: Option<Role>,
    /// Different values.
    values: Vec<&'a [u8]>,
    is_decimal: bool,
    is_hexadecimal: bool,
    has_0x: bool,
    /// True if no value is smaller than the one before.
    rises: bool,
    /// True if every value is a known word for a kind.
    words: bool,
}

impl<'a> Column<'a> {
    fn new(cells: &'a Cells, at: usize, header: bool, options: &ReadOptions) -> Column<'a> {
        let all = || cells.column(at, header).filter(|cell| !cell.is_empty());
        let known = KindWords::new(&options.kinds, None);
        let numbers: Vec<u64> = all().filter_map(|cell| decimal(cell).ok()).collect();
        let some = all().next().is_some();
        let name = cells.first().get(at).filter(|_| header);
        Column {
            at,
            role: name.and_then(|name| role(name)),
            values: distinct(all()),
            is_decimal: some && all().all(|cell| decimal(cell).is_ok()),
            is_hexadecimal: some && all().all(|cell| is_number(cell) || hex(cell).is_ok()),
            has_0x: some
                && all().all(is_number)
                && all().any(|cell| cell.starts_with(b"0x") || cell.starts_with(b"0X")),
            rises: numbers.windows(2).all(|pair| pair[0] <= pair[1]),
            words: some && all().all(|cell| known.known(cell).is_some()),
        }
    }

    /// Returns true if the column holds kinds of access.
    fn is_kind(&self) -> bool {
        self.role == Some(Role::Kind) || self.words
    }

    fn is_time(&self) -> bool {
        let time = self.role == Some(Role::Time);
        time || self.role.is_none() && self.rises && self.values.len() > 2
    }

    /// Returns true if the values may be processes: small, and not all the same.
    fn is_like_processes(&self) -> bool {
        self.values.len() > 1 && self.largest() <= PID_MAX
    }

    fn largest(&self) -> u64 {
        let numbers = self.values.iter().filter_map(|value| decimal(value).ok());
        numbers.max().unwrap_or(0)
    }
}

/// Returns the option for the column of kinds, if there is one.
fn kind_option(columns: &[Column<'_>], options: &ReadOptions) -> String {
    let Some(column) = columns.iter().find(|column| column.is_kind()) else {
        return String::new();
    };
    let known = KindWords::new(&options.kinds, options.other_kinds);
    let is_known = |word: &&[u8]| known.known(word).is_some();
    let rw = format!(" --col rw={}", column.at + 1);
    if column.values.iter().all(is_known) {
        return rw;
    }
    let meaning = |word: &&[u8]| {
        let text = std::str::from_utf8(word).ok()?;
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        Some(format!(
            "{text}={}",
            name_of(likely(word).filter(|_| plain)?)
        ))
    };
    let unknown = column.values.iter().filter(|word| !is_known(word));
    match unknown.map(meaning).collect::<Option<Vec<String>>>() {
        Some(kinds) if kinds.len() <= KINDS => format!("{rw} --kinds {}", kinds.join(",")),
        _ => " --col rw=none".to_owned(),
    }
}

/// The word of the command line for a meaning.
fn name_of(meaning: Meaning) -> &'static str {
    let found = Meaning::WORDS.iter().find(|(other, _)| *other == meaning);
    found.map_or("skip", |(_, name)| name)
}

/// The different values, in order of appearance.
fn distinct<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let mut seen = HashSet::new();
    values.filter(|value| seen.insert(*value)).collect()
}

/// A value as a message shows it.
fn shown(value: &[u8]) -> String {
    let cut = &value[..value.len().min(VALUE)];
    let mut text = String::from_utf8_lossy(cut).escape_debug().to_string();
    if cut.len() < value.len() {
        text.push('…');
    }
    text
}

/// Returns the command that reads `path` with `options` and `more`.
fn command(path: &Path, format: &str, options: &ReadOptions, more: &str) -> String {
    let name = path.to_string_lossy();
    // It would be an option.
    let dot = if name.len() > 1 && name.starts_with('-') {
        "./"
    } else {
        ""
    };
    let mut text = format!(
        "pagebench stat {}{format}",
        shell_word(&format!("{dot}{name}"))
    );
    if let Some(delimiter) = options.delimiter {
        text.push_str(&format!(" --delimiter {}", Delimiter::option(delimiter)));
    }
    if let Some(header) = options.header {
        text.push_str(&format!(" --header {}", if header { "yes" } else { "no" }));
    }
    for (what, column) in &options.columns {
        text.push_str(&format!(
            " --col {}",
            shell_word(&format!("{what}={column}"))
        ));
    }
    if let Some(base) = options.base {
        text.push_str(&format!(" --base {}", Base::name(base)));
    }
    if let Some(unit) = options.unit {
        text.push_str(&format!(" --unit {unit}"));
    }
    for (word, meaning) in &options.kinds {
        text.push_str(&format!(
            " --kinds {}",
            shell_word(&format!("{word}={}", name_of(*meaning)))
        ));
    }
    if let Some(meaning) = options.other_kinds {
        text.push_str(&format!(" --other-kinds {}", name_of(meaning)));
    }
    for (column, value) in &options.filters {
        text.push_str(&format!(
            " --where {}",
            shell_word(&format!("{column}={value}"))
        ));
    }
    text.push_str(more);
    text
}
