//! Which column of a csv file is what, and how its fields become an access. Knows fields, not
//! lines or files.

use super::{
    Access, Addressing, ByteRecord, Complaint, Kind, NumberFault, RUN_MAX, ReadOptions, TraceKind,
    checked_size, decimal, hex, strip_0x,
};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A byte address.
    Address,
    /// A page number.
    Page,
    /// The id of a block or object of a store.
    Block,
    /// What the access does.
    Kind,
    /// How many bytes, or consecutive ids.
    Size,
    /// The process.
    Process,
}

/// The names of columns; for a place, the first that is there wins.
const NAMES: [(&str, Role); 16] = [
    ("addr", Role::Address),
    ("address", Role::Address),
    ("vaddr", Role::Address),
    ("page", Role::Page),
    ("block", Role::Block),
    ("id", Role::Block),
    ("key", Role::Block),
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

/// The words for what an access does.
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
    place: usize,
    /// [`Role::Address`], [`Role::Page`] or [`Role::Block`].
    role: Role,
    kind: Option<usize>,
    size: Option<usize>,
    process: Option<usize>,
    hexadecimal: bool,
}

/// The role that a name stands for.
fn role(name: &[u8]) -> Option<Role> {
    let found = NAMES
        .iter()
        .find(|(n, _)| n.as_bytes().eq_ignore_ascii_case(name));
    found.map(|&(_, role)| role)
}

fn is_place(role: Role) -> bool {
    matches!(role, Role::Address | Role::Page | Role::Block)
}

/// Whether a header line names an address or id.
pub(super) fn names_a_place(header: &[Vec<u8>]) -> bool {
    header.iter().any(|name| role(name).is_some_and(is_place))
}

/// Works out the columns from the first line's fields and the options, and whether that line is a
/// header.
pub(super) fn resolve(
    first: &[Vec<u8>],
    options: &ReadOptions,
) -> Result<(Columns, bool), Complaint> {
    let hexadecimal = match options.base {
        None | Some(10) => false,
        Some(16) => true,
        Some(_) => return Err(usage("the base is neither 10 nor 16".into())),
    };
    let mut chosen: Vec<(Role, usize)> = Vec::new();
    let mut by_name = false;
    for (what, which) in &options.columns {
        let role = role(what.as_bytes())
            .ok_or_else(|| usage(format!("--col {what}: there is no such role of a column")))?;
        let index = match which.parse::<usize>() {
            Ok(0) => return Err(usage(format!("--col {what}=0: columns count from 1"))),
            Ok(number) => number - 1,
            Err(_) => {
                by_name = true;
                let same = |f: &Vec<u8>| f.eq_ignore_ascii_case(which.as_bytes());
                let what = || usage(format!("no column is named {which}"));
                first.iter().position(same).ok_or_else(what)?
            }
        };
        chosen.push((role, index));
    }
    let header = match options.header {
        Some(header) => header,
        None if by_name || names_a_place(first) => true,
        None => names_something(first, &chosen, hexadecimal)?,
    };
    if by_name && !header {
        return Err(usage(
            "a column is chosen by name, but there is no header line".into(),
        ));
    }
    let pick = |wanted: &dyn Fn(Role) -> bool| {
        let named = || {
            // In the order of the table, not of the file.
            let names = NAMES.iter().filter(|(_, role)| wanted(*role));
            names.filter(|_| header).find_map(|&(name, role)| {
                let same = |f: &Vec<u8>| f.eq_ignore_ascii_case(name.as_bytes());
                Some((role, first.iter().position(same)?))
            })
        };
        let asked = chosen.iter().copied().find(|(role, _)| wanted(*role));
        (asked.or_else(named), asked.is_some())
    };
    let (place, _) = pick(&is_place);
    let (role, place) = place.ok_or_else(|| {
        usage("no column is an address (addr, address, vaddr) or id (page, block, id, key)".into())
    })?;
    let (size, asked) = pick(&|r| r == Role::Size);
    let columns = Columns {
        place,
        role,
        kind: pick(&|r| r == Role::Kind).0.map(|c| c.1),
        // The size of a page or object in bytes says nothing about how many of them there are.
        size: size.map(|c| c.1).filter(|_| asked || role == Role::Address),
        process: pick(&|r| r == Role::Process).0.map(|c| c.1),
        hexadecimal,
    };
    Ok((columns, header))
}

/// Whether the first line, of which no column is named for a place, is a header: it has no number where
/// the address or id should be. A word of the letters a to f may be a name and a hexadecimal number;
/// then the other columns tell.
fn names_something(
    first: &[Vec<u8>],
    chosen: &[(Role, usize)],
    hexadecimal: bool,
) -> Result<bool, Complaint> {
    let place = chosen.iter().find(|(role, _)| is_place(*role));
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
    match names || values {
        true => Ok(names),
        false => Err(Complaint {
            help: "say which with --header yes or --header no",
            fatal: true,
            ..Complaint::from("the first line may name the columns or be a record")
        }),
    }
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
        match self.role {
            Role::Address => Addressing::Bytes,
            _ => Addressing::Ids,
        }
    }

    /// Blocks, ids and keys are those of a store; pages may be of a program.
    pub(super) fn kind(&self) -> Option<TraceKind> {
        (self.role == Role::Block).then_some(TraceKind::BlockIo)
    }

    /// The access that a row stands for.
    pub(super) fn access(&self, row: &ByteRecord) -> Result<Access, Complaint> {
        let addr = self.place(field(row, self.place)?)?;
        let kind = match self.kind {
            None => Kind::Read,
            Some(column) => kind(field(row, column)?)?,
        };
        let size = match self.size {
            None => 1,
            Some(column) => checked_size(self.number(field(row, column)?), addr, RUN_MAX)?,
        };
        let pid = match self.process {
            None => 0,
            Some(column) => self
                .number(field(row, column)?)
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

    /// A size or a process: decimal, or hexadecimal with `0x`, whatever the base of the addresses.
    fn number(&self, field: &[u8]) -> Result<u64, NumberFault> {
        strip_0x(field).map_or_else(|| decimal(field), hex)
    }

    fn place(&self, field: &[u8]) -> Result<u64, Complaint> {
        let (number, base) = match strip_0x(field) {
            Some(digits) => (hex(digits), "hexadecimal"),
            None if self.hexadecimal => (hex(field), "hexadecimal"),
            None => (decimal(field), "decimal"),
        };
        let what = if self.role == Role::Address {
            "address"
        } else {
            "id"
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
        .ok_or_else(|| "what the access does is none of r, w, i, read, write, ifetch, load, store, fetch, get, set".into())
}
