//! The exact layouts of published csv traces: how many columns, and what each of them looks like. A
//! recogniser and a reader of such a layout look at every column, the ones without effect included.
//!
//! Does not know any layout: each has a file of its own beside this folder.

use super::columns::Columns;
use super::delimiter::Delimiter;
use super::kinds::{KindWords, Meaning};
use super::names::Place;
use super::row::Cells;
use crate::trace::format::Sample;
use crate::trace::format::lines::sample_lines;
use crate::trace::format::options::Base;
use crate::trace::format::tokens::decimal;
use std::borrow::Cow;

/// What a cell looks like.
#[derive(Debug, Clone, Copy)]
pub(in crate::trace::format) enum Form {
    /// A decimal number in this range.
    Number(u64, u64),
    /// As `Number`, and no line has a smaller one than the line before: a time.
    Rising(u64, u64),
    /// One of the words for kinds.
    Kind,
    /// An address or id of 64 bits, in the base of the file.
    Place,
    /// Any text that is not empty.
    Text,
}

/// A layout.
pub(in crate::trace::format) struct Layout {
    /// The format.
    pub name: &'static str,
    pub delimiter: Delimiter,
    /// The header that a file may have, its names between commas; empty if it has none.
    pub header: &'static str,
    /// The columns, with their names in messages.
    pub columns: &'static [(&'static str, Form)],
    /// What follows the columns.
    pub more: More,
    /// The words for kinds.
    pub kinds: &'static [(&'static str, Meaning)],
    /// Bytes of a unit of addresses and sizes.
    pub unit: u64,
    pub place: (Place, usize),
    pub kind: Option<usize>,
    pub size: Option<usize>,
    pub process: Option<usize>,
    pub repeat: Option<usize>,
}

/// What follows the columns of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trace::format) enum More {
    /// Nothing.
    Nothing,
    /// Any number of columns of this form, if the user named the format: tables of other kinds have
    /// them, too.
    Numbers(u64),
    /// Nothing, but the column with this index may hold the delimiter.
    Within(usize),
}

/// What the line before says about the time of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: the user named the format, and its times may be in any order.
    Any,
    /// The time is not below this one.
    At(u64),
}

impl Before {
    /// Before the first line of a file whose format was guessed.
    pub const START: Before = Before::At(0);

    /// Returns true if a line may have this time.
    #[inline]
    pub fn allows(self, time: Option<u64>) -> bool {
        match self {
            Before::Any => true,
            Before::At(before) => time.is_some_and(|time| time >= before),
        }
    }
}

impl Layout {
    /// Cells between commas, nothing more.
    pub const COMMAS: Layout = Layout {
        name: "",
        delimiter: Delimiter::Byte(b','),
        header: "",
        columns: &[],
        more: More::Nothing,
        kinds: &[],
        unit: 1,
        place: (Place::Page, 0),
        kind: None,
        size: None,
        process: None,
        repeat: None,
    };

    /// Returns the columns that count.
    pub fn resolved(&self) -> Columns {
        Columns {
            place: self.place,
            kind: self.kind,
            size: self.size,
            process: self.process,
            repeat: self.repeat,
            filters: Vec::new(),
        }
    }

    /// Returns the names of the columns.
    pub fn names(&self) -> Vec<Vec<u8>> {
        let names = self
            .columns
            .iter()
            .map(|(name, _)| name.as_bytes().to_vec());
        names.collect()
    }

    /// Returns the words for kinds, and no others.
    pub fn words(&self) -> KindWords {
        KindWords::only(self.kinds)
    }

    /// Returns true if a line is the header.
    pub fn is_header(&self, line: &[u8]) -> bool {
        let cells = self.delimiter.cells(line, true);
        let names: Vec<&[u8]> = self.header.split(',').map(str::as_bytes).collect();
        let same = |(cell, name): (&Vec<u8>, &&[u8])| cell.eq_ignore_ascii_case(name);
        !self.header.is_empty() && cells.len() == names.len() && cells.iter().zip(&names).all(same)
    }

    /// Joins the cells of the column that may hold the delimiter. `cells` are all of the line.
    pub(super) fn join(&self, cells: &mut Vec<(u32, u32)>) {
        let extra = cells.len().saturating_sub(self.columns.len());
        if let More::Within(column) = self.more
            && extra > 0
        {
            cells[column].1 = cells[column + extra].1;
            cells.drain(column + 1..=column + extra);
        }
    }

    /// Errors unless the cells of a line have the form of this layout. `before` is the time of the line
    /// before, if times must not fall and nothing may follow the columns: where the user did not name
    /// the format. Returns the time.
    pub(super) fn check(
        &self,
        cells: Cells<'_>,
        width: usize,
        words: &mut KindWords,
        base: Base,
        before: Before,
    ) -> Result<Option<u64>, Cow<'static, str>> {
        let wanted = self.columns.len();
        let more = matches!(self.more, More::Numbers(_)) && before == Before::Any;
        if width < wanted || width > wanted && !more {
            let plural = if width == 1 { "" } else { "s" };
            return Err(format!("{width} column{plural} instead of {wanted}").into());
        }
        let mut time = None;
        for (column, &(name, form)) in self.columns.iter().enumerate() {
            let cell = cells.get(column).unwrap_or_default();
            let fits = match form {
                Form::Number(least, most) => is_in(cell, least, most),
                Form::Rising(least, most) => {
                    time = decimal(cell).ok();
                    is_in(cell, least, most) && before.allows(time)
                }
                Form::Kind => words.meaning(cell).is_some(),
                Form::Place => base.number(cell).is_ok(),
                Form::Text => !cell.is_empty(),
            };
            if !fits {
                return Err(wrong(column, name, form));
            }
        }
        if let More::Numbers(most) = self.more {
            let extra = (wanted..width).map(|column| cells.get(column).unwrap_or_default());
            for (at, cell) in extra.enumerate() {
                if !is_in(cell, 0, most) {
                    return Err(wrong(wanted + at, "feature", Form::Number(0, most)));
                }
            }
        }
        Ok(time)
    }

    /// Returns how many lines of a sample have this layout, and of how many; a header does not count.
    pub fn fit(&self, sample: &Sample<'_>, base: Base) -> (u32, u32) {
        let mut words = self.words();
        let (mut good, mut of) = (0, 0);
        let mut before = Before::START;
        let mut cells = Vec::new();
        let lines = sample_lines(sample).filter(|line| !super::head::is_nothing(line));
        for (at, line) in lines.enumerate() {
            if at == 0 && self.is_header(line) {
                continue;
            }
            of += 1;
            self.delimiter.split(line, usize::MAX, &mut cells);
            self.join(&mut cells);
            let row = Cells::Line(line, &cells);
            if let Ok(time) = self.check(row, cells.len(), &mut words, base, before) {
                before = Before::At(time.unwrap_or(0));
                good += 1;
            }
        }
        // One line of three numbers may be anything; that times rise shows with the second.
        let least = if matches!(self.more, More::Numbers(_)) {
            2
        } else {
            1
        };
        if of < least { (0, of) } else { (good, of) }
    }
}

/// Returns true for a decimal number in this range.
#[inline]
fn is_in(cell: &[u8], least: u64, most: u64) -> bool {
    decimal(cell).is_ok_and(|number| (least..=most).contains(&number))
}

#[cold]
fn wrong(column: usize, name: &str, form: Form) -> Cow<'static, str> {
    let number = column + 1;
    match form {
        Form::Rising(..) => format!(
            "column {number} ({name}) is not a decimal number of 64 bits, or below that of the line \
             before, which only --format allows"
        ),
        Form::Number(0, u64::MAX) => {
            format!("column {number} ({name}) is not a decimal number of 64 bits")
        }
        Form::Number(least, most) => {
            format!("column {number} ({name}) is not a decimal number from {least} to {most}")
        }
        Form::Place => format!("column {number} ({name}) is not a number of 64 bits"),
        Form::Kind => format!("column {number} ({name}) is not an operation"),
        Form::Text => format!("column {number} ({name}) is empty"),
    }
    .into()
}
