//! The roles of the columns of a csv file, and the access that a row's fields make. Does not handle
//! lines or files.

use crate::trace::format::complaint::{Complaint, RUN_MAX, checked_size};
use crate::trace::format::options::{Base, ReadOptions};
use crate::trace::format::tokens::{NumberFault, decimal, hex, strip_0x};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use ::csv::ByteRecord;

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An address or id.
    Place(Place),
    /// The kind of access.
    Kind,
    /// Number of bytes, or of consecutive ids.
    Size,
    /// The process.
    Process,
}

/// The content of a column with addresses or ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A byte address.
    Address,
    /// A page number.
    Page,
    /// The id of a block or object of a store.
    Block,
}

/// Column names and their roles. If several columns have one role, the name listed first here wins.
const NAMES: [(&str, Role); 16] = [
    ("addr", Role::Place(Place::Address)),
    ("address", Role::Place(Place::Address)),
    ("vaddr", Role::Place(Place::Address)),
    ("page", Role::Place(Place::Page)),
    ("block", Role::Place(Place::Block)),
    ("id", Role::Place(Place::Block)),
    ("key", Role::Place(Place::Block)),
    ("rw", Role::Kind),
    ("op", Role::Kind),
    ("kind", Role::Kind),
    ("type", Role::Kind),
    ("size", Role::Size),
    ("bytes", Role::Size),
    ("len", Role::Size),
    ("pid", Role::Process),
    ("process", Role::Process),
];

/// The words for the kinds of access.
const KINDS: [(&str, Kind); 12] = [
    ("r", Kind::Read),
    ("read", Kind::Read),
    ("load", Kind::Read),
    ("get", Kind::Read),
    ("w", Kind::Write),
    ("write", Kind::Write),
    ("store", Kind::Write),
    ("set", Kind::Write),
    ("i", Kind::Ifetch),
    ("ifetch", Kind::Ifetch),
    ("fetch", Kind::Ifetch),
    ("instruction", Kind::Ifetch),
];

/// The columns in use, each counted from 0.
#[derive(Debug)]
pub(super) struct Columns {
    /// The column with the addresses or ids, and which of them it holds.
    place: (Place, usize),
    kind: Option<usize>,
    size: Option<usize>,
    process: Option<usize>,
    /// The base of addresses and ids without `0x`.
    base: Base,
}

/// The role of a column with this name.
fn role(name: &[u8]) -> Option<Role> {
    let found = NAMES
        .iter()
        .find(|(n, _)| n.as_bytes().eq_ignore_ascii_case(name));
    found.map(|&(_, role)| role)
}

fn place(role: Role) -> Option<Place> {
    match role {
        Role::Place(place) => Some(place),
        _ => None,
    }
}

/// Returns true if a header line names an address or id.
pub(super) fn names_a_place(header: &[Vec<u8>]) -> bool {
    let mut roles = header.iter().filter_map(|name| role(name));
    roles.any(|role| place(role).is_some())
}

/// Works out the columns from the fields of the first line and the options. Also returns whether that
/// line is a header.
pub(super) fn resolve(
    first: &[Vec<u8>],
    options: &ReadOptions,
) -> Result<(Columns, bool), Complaint> {
    let chosen = chosen_columns(first, options)?;
    let is_header = is_header(first, &chosen, options)?;
    let header = Header {
        chosen: &chosen.columns,
        names: if is_header { first } else { &[] },
    };
    let place = header.chosen(place).or_else(|| header.named(place));
    let place = place.ok_or_else(|| {
        usage("no column is an address (addr, address, vaddr) or id (page, block, id, key)".into())
    })?;
    let columns = Columns {
        place,
        kind: header.column_of(Role::Kind),
        // The size of a page or object in bytes is not a number of pages or objects.
        size: match place.0 {
            Place::Address => header.column_of(Role::Size),
            Place::Page | Place::Block => header.chosen_for(Role::Size),
        },
        process: header.column_of(Role::Process),
        base: options.base.unwrap_or(Base::Dec),
    };
    Ok((columns, is_header))
}

/// The columns that `--col` chooses.
struct Chosen {
    /// Roles, and columns counted from 0.
    columns: Vec<(Role, usize)>,
    /// True if one was chosen by its name in the header.
    by_name: bool,
}

/// Reads the columns that `--col` chooses.
fn chosen_columns(first: &[Vec<u8>], options: &ReadOptions) -> Result<Chosen, Complaint> {
    let mut chosen = Chosen {
        columns: Vec::new(),
        by_name: false,
    };
    for (what, which) in &options.columns {
        let role = role(what.as_bytes())
            .ok_or_else(|| usage(format!("--col {what}: there is no such role of a column")))?;
        let index = match which.parse::<usize>() {
            Ok(0) => return Err(usage(format!("--col {what}=0: columns count from 1"))),
            Ok(number) => number - 1,
            Err(_) => {
                chosen.by_name = true;
                let column = position(first, which);
                column.ok_or_else(|| usage(format!("no column is named {which}")))?
            }
        };
        chosen.columns.push((role, index));
    }
    Ok(chosen)
}

/// The column with this name, in any case.
fn position(names: &[Vec<u8>], name: &str) -> Option<usize> {
    let same = |field: &Vec<u8>| field.eq_ignore_ascii_case(name.as_bytes());
    names.iter().position(same)
}

/// Returns true if the first line is a header: as `--header` says, or by its fields.
fn is_header(first: &[Vec<u8>], chosen: &Chosen, options: &ReadOptions) -> Result<bool, Complaint> {
    let is_header = match options.header {
        Some(is_header) => is_header,
        None if chosen.by_name || names_a_place(first) => true,
        None => looks_like_header(first, &chosen.columns, options.base == Some(Base::Hex))?,
    };
    if chosen.by_name && !is_header {
        return Err(usage(
            "a column is chosen by name, but there is no header line".into(),
        ));
    }
    Ok(is_header)
}

/// Where the columns are looked up.
struct Header<'a> {
    /// The columns that `--col` chose.
    chosen: &'a [(Role, usize)],
    /// The names of all columns; empty without a header line.
    names: &'a [Vec<u8>],
}

impl Header<'_> {
    /// The first column that `--col` chose for a role that `wanted` maps to something.
    fn chosen<T>(&self, wanted: impl Fn(Role) -> Option<T>) -> Option<(T, usize)> {
        let mut chosen = self.chosen.iter();
        chosen.find_map(|&(role, column)| Some((wanted(role)?, column)))
    }

    /// The first column by name, in the order of [`NAMES`] and not of the file.
    fn named<T>(&self, wanted: impl Fn(Role) -> Option<T>) -> Option<(T, usize)> {
        let mut names = NAMES.iter();
        names.find_map(|&(name, role)| Some((wanted(role)?, position(self.names, name)?)))
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

/// Returns true if `--col` chose the address or id column and the first line holds no number there. A
/// word of the letters a to f may be a name and a hexadecimal number; then the other columns decide.
fn looks_like_header(
    first: &[Vec<u8>],
    chosen: &[(Role, usize)],
    hexadecimal: bool,
) -> Result<bool, Complaint> {
    let place = chosen.iter().find(|(role, _)| place(*role).is_some());
    let Some((index, field)) = place.and_then(|&(_, index)| Some((index, first.get(index)?)))
    else {
        return Ok(false);
    };
    let has_digit = |field: &Vec<u8>| field.iter().any(u8::is_ascii_digit);
    let number = hex(strip_0x(field).unwrap_or(field));
    if !matches!(number, Ok(_) | Err(NumberFault::Large)) {
        return Ok(true);
    }
    if has_digit(field) || !hexadecimal {
        return Ok(!has_digit(field));
    }
    let others = || first.iter().enumerate().filter(|(at, _)| *at != index);
    let names = others().any(|(_, field)| role(field).is_some());
    let values = others().any(|(_, field)| has_digit(field) || kind(field).is_ok());
    if !names && !values {
        return Err(Complaint {
            help: "say which with --header yes or --header no",
            fatal: true,
            ..Complaint::from("the first line may name the columns or be a record")
        });
    }
    Ok(names)
}

/// A complaint about the options, which no line can cure.
fn usage(what: String) -> Complaint {
    Complaint {
        help: "name the columns with --col addr=2 --col rw=3, or by their names in the header line",
        fatal: true,
        ..Complaint::from(what)
    }
}

impl Columns {
    pub(super) fn addressing(&self) -> Addressing {
        match self.place.0 {
            Place::Address => Addressing::Bytes,
            Place::Page | Place::Block => Addressing::Ids,
        }
    }

    /// Blocks, ids and keys belong to a store; pages may belong to a program.
    pub(super) fn kind(&self) -> Option<TraceKind> {
        (self.place.0 == Place::Block).then_some(TraceKind::BlockIo)
    }

    /// Reads the access of a row.
    pub(super) fn access(&self, row: &ByteRecord) -> Result<Access, Complaint> {
        let addr = self.address(field(row, self.place.1)?)?;
        let kind = match self.kind {
            None => Kind::Read,
            Some(column) => kind(field(row, column)?)?,
        };
        let size = match self.size {
            None => 1,
            Some(column) => checked_size(number(field(row, column)?), addr, RUN_MAX)?,
        };
        let pid = match self.process {
            None => 0,
            Some(column) => number(field(row, column)?)
                .ok()
                .and_then(|pid| u32::try_from(pid).ok())
                .ok_or("the process is not a number of up to 32 bits (decimal, or hexadecimal with 0x)")?,
        };
        Ok(Access {
            pid,
            kind,
            size,
            addr,
        })
    }

    /// Reads an address or id.
    fn address(&self, field: &[u8]) -> Result<u64, Complaint> {
        let (number, base) = match strip_0x(field) {
            Some(digits) => (hex(digits), "hexadecimal"),
            None if self.base == Base::Hex => (hex(field), "hexadecimal"),
            None => (decimal(field), "decimal"),
        };
        let what = match self.place.0 {
            Place::Address => "address",
            Place::Page | Place::Block => "id",
        };
        number.map_err(|fault| match fault {
            NumberFault::Missing => format!("the {what} is missing").into(),
            NumberFault::Large => format!("{what} over 64 bits").into(),
            NumberFault::Digit if base == "decimal" && hex(field).is_ok() => Complaint {
                help: "if the numbers are hexadecimal, say --base hex",
                ..format!("the {what} has hexadecimal digits but no 0x").into()
            },
            NumberFault::Digit => format!("the {what} is not {base}").into(),
        })
    }
}

/// Reads a size or a process: decimal, or hexadecimal with `0x`, whatever the base of the addresses.
fn number(field: &[u8]) -> Result<u64, NumberFault> {
    strip_0x(field).map_or_else(|| decimal(field), hex)
}

fn field(row: &ByteRecord, column: usize) -> Result<&[u8], Complaint> {
    match row.get(column) {
        Some(field) => Ok(field.trim_ascii()),
        None => Err(format!("no column {} on the line, only {}", column + 1, row.len()).into()),
    }
}

fn kind(field: &[u8]) -> Result<Kind, Complaint> {
    KINDS
        .iter()
        .find(|(word, _)| word.as_bytes().eq_ignore_ascii_case(field))
        .map(|&(_, kind)| kind)
        .ok_or_else(|| {
            let words = KINDS.map(|(word, _)| word).join(", ");
            format!("unknown kind of access; use {words}").into()
        })
}
