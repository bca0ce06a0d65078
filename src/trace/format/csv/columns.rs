//! Which column of a csv file holds what: as the user says, as the header says, and as the first values
//! suggest. Does not read rows (see `row`).

use super::head::Cells;
use super::kinds::KindWords;
use super::names::{NAMES, Place, Role, names_a_place, place, role, role_of_option};
use crate::trace::format::complaint::Complaint;
use crate::trace::format::options::{Base, ReadOptions};
use crate::trace::format::tokens::{NumberFault, decimal, hex, hex_0x, strip_0x};
use crate::units::{Printable, did_you_mean};

/// The columns in use, each counted from 0.
#[derive(Debug, Clone)]
pub(in crate::trace::format) struct Columns {
    /// The column with the addresses or ids, and which of them it holds.
    pub place: (Place, usize),
    /// The column with the kinds of access; all are reads without one.
    pub kind: Option<usize>,
    /// The column with the sizes; all are 1 without one.
    pub size: Option<usize>,
    /// The column with the processes; all are 0 without one.
    pub process: Option<usize>,
    /// The column with how often each access happens; once without one.
    pub repeat: Option<usize>,
    /// `--where`: columns, and the values of which a line must have one.
    pub filters: Vec<Filter>,
}

/// A column, and the values of which a line must have one.
pub(in crate::trace::format) type Filter = (usize, Vec<Vec<u8>>);

impl Columns {
    /// Returns the number of columns that have to be split off.
    pub fn width(&self) -> usize {
        let others = [self.kind, self.size, self.process, self.repeat];
        let others = others.into_iter().flatten();
        let filters = self.filters.iter().map(|(column, _)| *column);
        let last = others.chain(filters).fold(self.place.1, usize::max);
        last + 1
    }

    /// Returns true if a column is in use.
    pub fn uses(&self, column: usize) -> bool {
        let others = [self.kind, self.size, self.process, self.repeat];
        let filtered = self.filters.iter().any(|(filtered, _)| *filtered == column);
        filtered || column == self.place.1 || others.contains(&Some(column))
    }
}

/// Works out the columns from the first lines and the options. Also returns whether the first line is a
/// header.
pub(super) fn resolve(cells: &Cells, options: &ReadOptions) -> Result<(Columns, bool), Complaint> {
    let chosen = chosen_columns(cells.first(), options)?;
    let is_header = is_header(cells, &chosen, options)?;
    let names: &[Vec<u8>] = if is_header { cells.first() } else { &[] };
    let header = Header {
        chosen: &chosen,
        names,
    };
    let found = header.chosen(place).or_else(|| header.named(place));
    let (mut found, column) = found.ok_or_else(|| no_place(is_header))?;
    if found == Place::Block && !is_hexadecimal(options) && holds_text(cells, column, is_header) {
        found = Place::Text;
    }
    let columns = Columns {
        place: (found, column),
        kind: header.column_of(Role::Kind),
        // The size of a page or object in bytes is not a number of pages or objects.
        size: match found {
            _ if is_in_bytes(options) => header.column_of(Role::Size),
            Place::Address => header.column_of(Role::Size),
            Place::Page | Place::Block | Place::Text => header.chosen_for(Role::Size),
        },
        process: header.column_of(Role::Process),
        repeat: header.column_of(Role::Repeat),
        filters: filters(names, options)?,
    };
    if found == Place::Text && (is_in_bytes(options) || columns.size.is_some()) {
        let what = "text keys have neither unit nor size: leave --unit and --col size out";
        return Err(usage(what.into()));
    }
    Ok((columns, is_header))
}

fn is_hexadecimal(options: &ReadOptions) -> bool {
    options.base == Some(Base::Hex)
}

/// Returns true if `--unit` makes byte addresses of ids.
pub(super) fn is_in_bytes(options: &ReadOptions) -> bool {
    options.unit.is_some_and(|unit| unit.bytes().is_some())
}

fn no_place(is_header: bool) -> Complaint {
    usage(match is_header {
        true => "the header names no address and no id, so it is open which column is meant".into(),
        false => {
            "no column is an address (addr, address, vaddr) or id (page, block, id, key)".into()
        }
    })
}

/// Returns true if a value of the column is not a number. Missing ones do not count.
fn holds_text(cells: &Cells, column: usize, is_header: bool) -> bool {
    cells
        .column(column, is_header)
        .any(|cell| !cell.is_empty() && !is_number(cell))
}

/// Returns true for a decimal number, or a hexadecimal one with `0x`, of up to 64 bits.
pub(super) fn is_number(cell: &[u8]) -> bool {
    strip_0x(cell).map_or_else(|| decimal(cell), hex).is_ok()
}

/// What `--col` says.
struct Chosen {
    /// Roles, and columns counted from 0; `None` for a role that is off.
    columns: Vec<(Role, Option<usize>)>,
    /// True if a column was chosen by its name in the header, here or by `--where`.
    by_name: bool,
    /// The words for kinds, by which a cell of the first line is seen to be a value.
    words: KindWords,
}

/// Reads the columns that `--col` chooses.
fn chosen_columns(first: &[Vec<u8>], options: &ReadOptions) -> Result<Chosen, Complaint> {
    let mut chosen = Chosen {
        columns: Vec::new(),
        by_name: false,
        words: KindWords::new(&options.kinds, None),
    };
    for (what, which) in &options.columns {
        let role = role_of_option(what).ok_or_else(|| {
            let names = NAMES.iter().map(|(name, _)| *name).chain(["text"]);
            let hint = did_you_mean(what, names);
            usage(format!(
                "--col {what}: there is no such role of a column{hint}"
            ))
        })?;
        let index = match which.as_str() {
            "none" => None,
            _ => Some(column(
                &format!("--col {what}={which}"),
                which,
                first,
                &mut chosen.by_name,
            )?),
        };
        chosen.columns.push((role, index));
    }
    let is_name = |(column, _): &(String, String)| column.parse::<usize>().is_err();
    chosen.by_name |= options.filters.iter().any(is_name);
    Ok(chosen)
}

/// Returns the column that `which` names or numbers, counted from 0; sets `by_name` if it is a name.
fn column(
    option: &str,
    which: &str,
    names: &[Vec<u8>],
    by_name: &mut bool,
) -> Result<usize, Complaint> {
    match which.parse::<usize>() {
        Ok(0) => Err(usage(format!("{option}: columns count from 1"))),
        Ok(number) => Ok(number - 1),
        Err(_) => {
            *by_name = true;
            position(names, which).ok_or_else(|| {
                let names: Vec<_> = names.iter().map(|n| String::from_utf8_lossy(n)).collect();
                let hint = did_you_mean(which, names.iter().map(AsRef::as_ref));
                usage(format!("no column is named {}{hint}", which.printed()))
            })
        }
    }
}

/// The column with this name, in any case.
fn position(names: &[Vec<u8>], name: &str) -> Option<usize> {
    let same = |field: &Vec<u8>| field.eq_ignore_ascii_case(name.as_bytes());
    names.iter().position(same)
}

/// Reads `--where`. Several values of one column are joined.
pub(super) fn filters(names: &[Vec<u8>], options: &ReadOptions) -> Result<Vec<Filter>, Complaint> {
    let mut all: Vec<Filter> = Vec::new();
    for (which, value) in &options.filters {
        let option = format!("--where {which}={value}");
        let index = column(&option, which, names, &mut false)?;
        let value = value.as_bytes().to_vec();
        match all.iter_mut().find(|(column, _)| *column == index) {
            Some((_, values)) => values.push(value),
            None => all.push((index, vec![value])),
        }
    }
    Ok(all)
}

/// Returns true if the first line is a header: as `--header` says, or by its cells.
fn is_header(cells: &Cells, chosen: &Chosen, options: &ReadOptions) -> Result<bool, Complaint> {
    let is_header = match options.header {
        Some(is_header) => is_header,
        None if chosen.by_name => true,
        None if chosen.holds_values(cells.first()) => false,
        None if names_a_place(cells.first()) => true,
        None => looks_like_header(cells, chosen, options)?,
    };
    if chosen.by_name && !is_header {
        return Err(usage(
            "a column is chosen by name, but there is no header line".into(),
        ));
    }
    Ok(is_header)
}

impl Chosen {
    /// Returns true if the first line holds a kind, or a number where a number belongs, in a column that
    /// was chosen by number beside the one of addresses or ids.
    fn holds_values(&self, first: &[Vec<u8>]) -> bool {
        let is_value = |&(role, column): &(Role, Option<usize>)| {
            let Some(cell) = column.and_then(|column| first.get(column)) else {
                return false;
            };
            match role {
                Role::Place(_) => false,
                Role::Kind => self.words.known(cell).is_some(),
                _ => is_number(cell),
            }
        };
        self.columns.iter().any(is_value)
    }

    /// Returns true if a cell can hardly be a name: it has a digit, or is a word for a kind.
    fn is_value(&self, cell: &[u8]) -> bool {
        let is_kind = || self.words.known(cell).is_some();
        cell.iter().any(u8::is_ascii_digit) || is_kind()
    }
}

/// Where the columns are looked up.
struct Header<'a> {
    /// What `--col` says.
    chosen: &'a Chosen,
    /// The names of all columns; empty without a header line.
    names: &'a [Vec<u8>],
}

impl Header<'_> {
    /// The first column that `--col` chose for a role that `wanted` maps to something.
    fn chosen<T>(&self, wanted: impl Fn(Role) -> Option<T>) -> Option<(T, usize)> {
        let mut chosen = self.chosen.columns.iter();
        chosen.find_map(|&(role, column)| Some((wanted(role)?, column?)))
    }

    /// The first column by name, in the order of [`NAMES`] and not of the file.
    fn named<T>(&self, wanted: impl Fn(Role) -> Option<T>) -> Option<(T, usize)> {
        self.names_in_order()
            .filter(|(role, _)| !self.is_off(*role))
            .find_map(|(role, column)| Some((wanted(role)?, column)))
    }

    /// The roles of the columns by name, the first of [`NAMES`] first.
    fn names_in_order(&self) -> impl Iterator<Item = (Role, usize)> {
        let column = |&(name, role): &(&str, Role)| {
            let same = |field: &Vec<u8>| super::names::same_name(name, field);
            Some((role, self.names.iter().position(same)?))
        };
        NAMES.iter().filter_map(column)
    }

    /// Returns true if `--col ROLE=none` says so.
    fn is_off(&self, role: Role) -> bool {
        let mut chosen = self.chosen.columns.iter();
        chosen.any(|&(other, column)| other == role && column.is_none())
    }

    /// The column that `--col` chose for `role`.
    fn chosen_for(&self, role: Role) -> Option<usize> {
        let wanted = |other| (other == role).then_some(());
        self.chosen(wanted).map(|(_, column)| column)
    }

    /// The column of `role`: the chosen one, else the one by name.
    fn column_of(&self, role: Role) -> Option<usize> {
        let wanted = |other| (other == role).then_some(());
        let named = || self.named(wanted).map(|(_, column)| column);
        self.chosen_for(role).or_else(named)
    }
}

/// Returns true if `--col` chose the address or id column and the first line holds no value there. A
/// word of the letters a to f may be a name and a hexadecimal number, and a text key may be any word;
/// then the other columns decide, and for keys the next lines.
fn looks_like_header(
    cells: &Cells,
    chosen: &Chosen,
    options: &ReadOptions,
) -> Result<bool, Complaint> {
    let first = cells.first();
    let mut columns = chosen.columns.iter();
    let found = columns.find_map(|&(role, column)| Some((place(role)?, column?)));
    let Some((place, index)) = found.filter(|&(_, index)| index < first.len()) else {
        return Ok(false);
    };
    let field = &first[index];
    let number = hex_0x(field);
    let is_hexadecimal = is_hexadecimal(options);
    let has_digit = field.iter().any(u8::is_ascii_digit);
    let mut others = first.iter().enumerate().filter(|(at, _)| *at != index);
    if place == Place::Text || place == Place::Block && holds_text(cells, index, true) {
        // The numbers of a data line, or the names of a header beside them.
        if chosen.is_value(field) || others.any(|(_, field)| chosen.is_value(field)) {
            return Ok(false);
        }
        let below = cells.rows.get(1).map_or(&[][..], Vec::as_slice);
        let names = first.iter().any(|field| role(field).is_some());
        return match names || below.iter().any(|field| chosen.is_value(field)) {
            true => Ok(true),
            false => Err(unclear()),
        };
    }
    if !matches!(number, Ok(_) | Err(NumberFault::Large)) {
        return Ok(true);
    }
    if has_digit || !is_hexadecimal {
        return Ok(!has_digit);
    }
    let names = others.clone().any(|(_, field)| role(field).is_some());
    let values = others.any(|(_, field)| chosen.is_value(field));
    match names || values {
        true => Ok(names),
        false => Err(unclear()),
    }
}

fn unclear() -> Complaint {
    Complaint {
        help: "say which with --header yes or --header no",
        fatal: true,
        ..Complaint::from("the first line may name the columns or be a record")
    }
}

/// A complaint about the options, which no line can cure.
pub(super) fn usage(what: String) -> Complaint {
    Complaint {
        help: "name the columns with --col addr=2 --col rw=3, or by their names in the header line",
        fatal: true,
        ..Complaint::from(what)
    }
}
