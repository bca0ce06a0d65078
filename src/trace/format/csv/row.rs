//! The access that the cells of a line make. Does not know where the columns come from (see `columns`),
//! nor lines and files.

use super::columns::Columns;
use super::keys::Keys;
use super::kinds::{KindWords, Meaning};
use super::names::Place;
use crate::trace::format::complaint::{Complaint, RUN_MAX, checked_size};
use crate::trace::format::options::Base;
use crate::trace::format::tokens::{NumberFault, decimal, hex, strip_0x};
use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
use ::csv::ByteRecord;

/// The cells of a line.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// A line without quotes, and where its cells are.
    Line(&'a [u8], &'a [(u32, u32)]),
    /// A line with quotes.
    Record(&'a ByteRecord),
}

impl<'a> Cells<'a> {
    /// Returns a cell without the blanks around it.
    #[inline]
    pub fn get(self, column: usize) -> Option<&'a [u8]> {
        match self {
            Cells::Line(line, cells) => {
                let &(from, to) = cells.get(column)?;
                Some(&line[from as usize..to as usize])
            }
            Cells::Record(record) => record.get(column).map(<[u8]>::trim_ascii),
        }
    }

    /// Returns a cell that must be there.
    #[inline]
    fn cell(self, column: usize) -> Result<&'a [u8], Complaint> {
        self.get(column).ok_or_else(|| self.missing(column))
    }

    #[cold]
    fn missing(self, column: usize) -> Complaint {
        let number = match self {
            Cells::Line(_, cells) => cells.len(),
            Cells::Record(record) => record.len(),
        };
        format!("no column {} on the line, only {number}", column + 1).into()
    }
}

/// The help for a number with letters.
pub(super) const BASE: &str = "if the numbers are hexadecimal, say --base hex";

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// An access, this many times in a row.
    Accesses(Access, u64),
    /// No access, as its kind says.
    Dropped,
    /// A line that `--where` leaves out.
    LeftOut,
}

/// Why a line is bad.
#[derive(Debug)]
pub(super) enum Fault {
    /// Any other reason.
    Complaint(Complaint),
    /// The word for its kind is not known.
    UnknownKind(Vec<u8>),
    /// The id in this column is not a number, as those before it are.
    TextKey(usize, Complaint),
}

impl From<Complaint> for Box<Fault> {
    fn from(complaint: Complaint) -> Box<Fault> {
        Box::new(Fault::Complaint(complaint))
    }
}

/// Reads the lines of one file.
pub(super) struct RowReader {
    pub columns: Columns,
    pub words: KindWords,
    pub keys: Keys,
    /// How numbers are read.
    pub numbers: RowNumbers,
}

/// How the numbers of a file are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowNumbers {
    /// The base of addresses and ids without `0x`.
    pub base: Base,
    /// True if `--unit` makes byte addresses of ids; the caller multiplies these, and sizes are bytes.
    pub in_bytes: bool,
    /// The size without a column of sizes.
    pub size: u32,
    /// What addresses and sizes are multiplied with.
    pub unit: u64,
    /// The least size: one of 0 is taken as 1 where requests may have no bytes.
    pub size_min: u64,
}

impl RowReader {
    pub fn new(
        columns: Columns,
        words: KindWords,
        key_memory: Option<u64>,
        numbers: RowNumbers,
    ) -> RowReader {
        RowReader {
            columns,
            words,
            keys: Keys::new(key_memory),
            numbers,
        }
    }

    pub fn addressing(&self) -> Addressing {
        match self.columns.place.0 {
            _ if self.numbers.in_bytes => Addressing::Bytes,
            Place::Address => Addressing::Bytes,
            Place::Page | Place::Block | Place::Text => Addressing::Ids,
        }
    }

    /// Blocks, ids and keys belong to a store; pages may belong to a program.
    pub fn kind(&self) -> Option<TraceKind> {
        let of_store = matches!(self.columns.place.0, Place::Block | Place::Text);
        of_store.then_some(TraceKind::BlockIo)
    }

    /// Reads a line.
    #[inline]
    pub fn row(&mut self, cells: Cells<'_>) -> Result<Row, Box<Fault>> {
        for (column, values) in &self.columns.filters {
            let cell = cells.cell(*column)?;
            if !values.iter().any(|value| value == cell) {
                return Ok(Row::LeftOut);
            }
        }
        let kind = match self.columns.kind {
            None => Kind::Read,
            Some(column) => {
                let word = cells.cell(column)?;
                match self.words.meaning(word) {
                    Some(Meaning::Access(kind)) => kind,
                    Some(Meaning::Skip) => return Ok(Row::Dropped),
                    None => return Err(Box::new(Fault::UnknownKind(word.to_vec()))),
                }
            }
        };
        let place = cells.cell(self.columns.place.1)?;
        let addr = self.place(place)?;
        let access = Access {
            pid: self.process(cells)?,
            kind,
            size: self.size(cells, addr)?,
            addr,
        };
        // Last, so that a bad line has no id.
        let repeats = self.repeats(cells)?;
        let addr = match self.columns.place.0 {
            Place::Text => self.key(place)?,
            _ => addr,
        };
        Ok(Row::Accesses(Access { addr, ..access }, repeats))
    }

    /// Reads an address or id; 0 for a text key.
    #[inline]
    fn place(&self, cell: &[u8]) -> Result<u64, Box<Fault>> {
        if self.columns.place.0 == Place::Text {
            return match cell.is_empty() {
                true => Err(Complaint::from("the key is missing").into()),
                false => Ok(0),
            };
        }
        match self.numbers.base.number(cell) {
            Ok(number) if self.numbers.unit == 1 => Ok(number),
            Ok(number) => number
                .checked_mul(self.numbers.unit)
                .ok_or_else(|| Complaint::from("address over 64 bits").into()),
            Err(fault) => Err(self.no_number(cell, fault)),
        }
    }

    #[cold]
    fn no_number(&self, cell: &[u8], fault: NumberFault) -> Box<Fault> {
        let (place, column) = self.columns.place;
        let what = match place {
            Place::Address => "address",
            Place::Page | Place::Block | Place::Text => "id",
        };
        let is_hexadecimal = strip_0x(cell).is_some() || self.numbers.base == Base::Hex;
        let complaint: Complaint = match fault {
            NumberFault::Missing => format!("the {what} is missing").into(),
            NumberFault::Large => format!("{what} over 64 bits").into(),
            NumberFault::Digit if !is_hexadecimal && hex(cell).is_ok() => Complaint {
                help: BASE,
                ..format!("the {what} has hexadecimal digits but no 0x").into()
            },
            NumberFault::Digit if is_hexadecimal => format!("the {what} is not hexadecimal").into(),
            NumberFault::Digit => format!("the {what} is not decimal").into(),
        };
        match (place, fault) {
            (Place::Block, NumberFault::Digit | NumberFault::Large) => {
                Box::new(Fault::TextKey(column, complaint))
            }
            _ => complaint.into(),
        }
    }

    fn key(&mut self, cell: &[u8]) -> Result<u64, Box<Fault>> {
        self.keys.id(cell).ok_or_else(|| {
            Complaint {
                help: "read the file in parts",
                fatal: true,
                ..Complaint::from("more than 4,294,967,294 different keys")
            }
            .into()
        })
    }

    #[inline]
    fn size(&self, cells: Cells<'_>, addr: u64) -> Result<u32, Box<Fault>> {
        let Some(column) = self.columns.size else {
            return Ok(self.numbers.size);
        };
        let size = number(cells.cell(column)?).map(|size| size.max(self.numbers.size_min));
        let size = size.map(|size| size.saturating_mul(self.numbers.unit));
        Ok(checked_size(size, addr, RUN_MAX)?)
    }

    #[inline]
    fn process(&self, cells: Cells<'_>) -> Result<u32, Complaint> {
        let Some(column) = self.columns.process else {
            return Ok(0);
        };
        let pid = number(cells.cell(column)?).ok();
        let pid = pid.and_then(|pid| u32::try_from(pid).ok());
        pid.ok_or_else(|| {
            "the process is not a number of up to 32 bits (decimal, or hexadecimal with 0x)".into()
        })
    }

    #[inline]
    fn repeats(&self, cells: Cells<'_>) -> Result<u64, Complaint> {
        let Some(column) = self.columns.repeat else {
            return Ok(1);
        };
        match number(cells.cell(column)?) {
            Ok(0) => Err("the number of repetitions is 0; the least is 1".into()),
            Ok(repeats) if repeats <= u64::from(u32::MAX) => Ok(repeats),
            _ => Err("the number of repetitions is not a number of up to 32 bits".into()),
        }
    }
}

/// Reads a size or a process: decimal, or hexadecimal with `0x`, whatever the base of the addresses.
#[inline]
fn number(cell: &[u8]) -> Result<u64, NumberFault> {
    strip_0x(cell).map_or_else(|| decimal(cell), hex)
}
